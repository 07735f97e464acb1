"""What the session does when it is asked: data, layers, training, undo; and that a refusal changes nothing."""

import base64
import json
import re
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest

from nncore import SGD, Adam, Dense, Residual, Sequential, datasets
from nncore.builder import links, presets, rules, session, setup, sources, undo
from nncore.builder.refusal import Refusal
from nncore.builder.schema import schema
from nncore.builder.watching import Pace
from nncore.builder.wire import encode
from nncore.cli import options
from nncore.engine import select
from nncore.history import Mark
from nncore.losses import LOSSES, Huber
from nncore.reference import bfloat16_product, round_to_bfloat16
from nncore.schedules import StepDecay

CSV = "size,colour,price\n" + "".join(f"{i % 7}.5,{'red' if i % 2 else 'blue'},{i * 1.25}\n" for i in range(40))
DENSE = {"type": "Dense", "units": 3, "activation": "relu"}


def refused(ask, message, **fields):
    """Return the refusal, and check that nothing else has changed."""
    before, version = ask("state"), ask.session.version
    with pytest.raises(Refusal) as refusal:
        ask(message, **fields)
    assert ask.session.version == version
    if message == "together":  # put back by copies: pages ask for the same curves again
        before["curves"]["id"] += 1
    assert encode(ask("state")) == encode(before)
    return refusal.value


# ---- schema and presets


def test_the_schema_holds_the_tables_of_the_core():
    found = json.loads(encode(schema()))
    assert {row["name"] for row in found["activations"]} >= {"relu", "tanh", "softmax", "gelu"}
    assert {name for name, about in found["layers"].items() if about["offered"]} == {
        "Dense",
        "Activation",
        "BatchNorm",
        "LayerNorm",
        "Dropout",
        "Residual",
        "Normalization",
        "PReLU",
        "RMSNorm",
        "GaussianNoise",
    }
    assert found["layers"]["Dense"]["fields"]["units"]["required"]
    assert found["initializers"]["scaled"]["normal"]["type"] == "RandomNormal"
    assert found["initializers"]["scaled"]["normal"]["fields"]["stddev"]["default"] == 0.05
    assert set(found["initializers"]["weight"]) - set(found["initializers"]["bias"]) >= {"auto", "he_normal"}
    assert found["losses"]["MeanSquaredError"]["formula"] == "mean_j((prediction_j - target_j)**2)"
    assert all(loss["name"] in LOSSES and loss["formula"] for loss in found["losses"].values())
    assert "Number of outputs" in found["layers"]["Dense"]["fields"]["units"]["text"]
    assert found["optimizers"]["Adam"]["fields"]["learning_rate"]["default"] == 0.001
    assert {row["name"] for row in found["data"]["bundled"]} >= {"digits", "penguins"}
    assert tuple(found["dtypes"]) == options.DTYPES
    relu = next(row for row in found["activations"] if row["name"] == "relu")["curve"]
    assert relu["y"] == [max(0.0, round(x, 4)) for x in relu["x"]]


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_trains_and_is_repeated_by_its_script(new_session, name):
    ask = new_session(name)
    first = ask("state")
    ask("train", epochs=3)
    ask.session.play(lambda: False)
    assert ask("state")["run"] == {**first["run"], "epoch": 3}
    assert ask("state")["history"]["columns"]["loss"][-1] < ask("state")["history"]["columns"]["loss"][0]
    scope = {}
    exec(ask("export", kind="script")["text"], scope)
    assert np.array_equal(scope["model"].parameters, ask.run.model.parameters)


def test_the_state_is_json_and_says_everything(ask):
    state = json.loads(encode(ask("state")))
    assert state["data"]["n_train"] + state["data"]["n_held_out"] == state["data"]["n"] == 200
    assert [layer["units"] for layer in state["layers"]] == [4, 2]
    assert state["names"] == ["dense_0", "dense_1"]
    assert [(shape["n_in"], shape["n_out"]) for shape in state["shapes"]] == [(2, 4), (4, 2)]
    assert state["frame"]["edges"]["dense_0"]["shape"] == [2, 4]
    assert state["training"]["loss_name"] == "sparse_categorical_crossentropy"


# ---- data


def test_a_csv_of_ones_own(ask):
    ask("set_data", csv=CSV, options={"file": "flats.csv"})
    state = ask("state")
    assert state["data"]["title"] == "flats.csv"
    assert state["data"]["features"] == ["size", "colour=blue", "colour=red"]
    assert (state["data"]["task"], state["layers"][-1]["units"]) == ("regression", 1)
    assert ask.session.messages == ["the last layer is Dense(1) now: one number"]
    ask("step_epoch")
    assert "r2" in ask("state")["history"]["columns"]
    ask("set_data", name="csv", options={"file": "flats.csv", "target": "colour"})  # the text is still there
    assert ask("state")["data"]["classes"] == ["blue", "red"]
    assert ask("state")["layers"][-1]["activation"]["name"] == "softmax"


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        (
            "1,2,0\n3,4,1\n5,6,0\n",
            "no header found, .* say so \\(by names that are no numbers, in that row.*",
        ),
        (
            "0,1,2\n1.5,2,0\n3,4,1\n5,6,0\n",
            "the first row .* say so \\(by a row of names above it, in the",
        ),
        (
            "a,y\n$1,0\n$3,1\n$4,0\n",
            "column 'a' is read as numbers, .* treat it as text \\(under Columns\\)",
        ),
        ("a,y\n1,10\n3,20\n4,30\n", "target 'y': 3 different whole .* say so \\(the box Task\\)"),
    ],
)
def test_what_was_guessed_of_a_table_is_told_to_the_page(ask, csv, said):
    with warnings.catch_warnings(record=True) as escaped:
        warnings.simplefilter("always")
        told = ask("set_data", csv=csv, options={"file": "my flats.csv"})["messages"]
    assert re.fullmatch(f"my flats.csv: {said}.*", told[-1]) and not escaped
    assert "--" not in told[-1] and "/" not in told[-1]


@pytest.mark.parametrize(
    "fields, where, message",
    [
        ({"csv": ""}, "data.csv", "data.csv: the file is empty"),
        ({"csv": "a,b\n1,2\n3\n"}, "data.csv", "data.csv:3: expected 2 fields as in the first row, got 1"),
        (
            {"csv": "a,b\n1,2\nnan,3\n", "options": {"file": "x.csv", "missing": "error"}},
            "data.csv",
            "x.csv:3: column 'a' has",
        ),
        ({"csv": "a,b\n1,2\ninf,3\n"}, "data.csv", "data.csv:3: column 'a': expected a finite number, got 'inf'"),
        ({"csv": "a,b\n1,2\nred,3\n"}, "data.csv", "column 'a' held numbers up to here and now 'red'"),
        ({"csv": 'a,b\n"1,2\n'}, "data.csv", "not a CSV row"),
        ({"csv": "\ud800"}, "data.csv", "surrogates not allowed"),
        ({"csv": "a,b\n1,x\n"}, "data.csv", "there is 1 row; a network needs two at the least"),
        ({"csv": "a,b\n1,x\n2,x\n"}, "data.csv", "every row is of class 'x'"),
        ({"csv": CSV, "options": {"target": "cost"}}, "data.options.target", "there is no column 'cost'"),
        ({"csv": CSV, "options": {"features": ["siz"]}}, "data.options.features", "did you mean 'size'?"),
        ({"csv": CSV, "options": {"path": "/etc/passwd"}}, "data.options.path", "unknown option of csv 'path'"),
        ({"name": "irsi"}, "data.name", "unknown data set 'irsi'; did you mean 'iris'?"),
        ({"name": "/etc/passwd"}, "data.name", "unknown data set"),
        ({"name": "file"}, "data.options", "files are named on the command line alone"),
        ({"name": "csv"}, "data.csv", "no CSV was given"),
        ({"name": "iris", "options": {"noise": 1}}, "data.options.noise", "unknown option of iris 'noise'"),
        ({"name": "xor", "options": {"n_samples": 10**9}}, "data.options.n_samples", "from 2 to 20000, got 1000000000"),
        ({"name": "xor", "options": {"noise": "loud"}}, "data.options.noise", "must be a finite number"),
        ({"name": "iris", "options": {"features": []}}, "data.options.features", "at least one feature"),
        ({"name": "xor", "options": {"features": ["x0", "x0"]}}, "data.options.features", "none twice"),
    ],
)
def test_data_that_are_refused(ask, fields, where, message):
    ask("step_epoch")
    refusal = refused(ask, "set_data", **fields)
    assert message in str(refusal)
    assert refusal.where == where


@pytest.mark.parametrize(
    ("row", "n", "message"),
    [
        ("1.5,2\n", 1_390_000, "about 1,390,002 rows; the builder reads up to 100,000"),
        ("1;2\r", 200_000, "about 200,001 rows"),
        (",".join(["1"] * 100) + "\n", 20_000, "about 2,000,00"),
        ("\t".join(["1"] * 100) + "\n", 20_000, "values; the builder reads up to 1,000,000"),
    ],
)
def test_a_table_that_would_take_long_to_read_is_refused_at_once(ask, row, n, message):
    """An 8 MB table of 1.4 million rows kept all pages waiting for ten seconds."""
    text = ("a,b\n" if "," in row else "") + row * n
    begun = time.process_time()
    refusal = refused(ask, "set_data", csv=text[: 8 * 2**20])
    assert time.process_time() - begun < 2
    assert message in str(refusal) and refusal.where == "data.csv"


def test_a_target_of_names_is_remarked_on(ask):
    names = "size,name\n" + "".join(f"{i},owner {i}\n" for i in range(40))
    told = ask("set_data", csv=names, options={"target": "name"})["messages"]
    assert told[0].startswith("the last layer is Dense(40, 'softmax') now")
    assert told[1].startswith("the target has 40 classes in 40 rows: is it a name or a number?")
    few = "size,kind\n" + "".join(f"{i},kind {i % 3}\n" for i in range(40))
    assert len(ask("set_data", csv=few)["messages"]) == 1


def test_the_state_holds_what_brings_its_set_up_back(ask, new_session):
    ask("open_preset", name="penguins")
    ask("insert", index=1, layer={"type": "Dropout", "rate": 0.25})
    ask("set_training", seed=7, batch_size=9)
    other = new_session("xor")
    other("open_link", spec=ask("state")["link"])
    assert other.run.setup == ask.run.setup


def test_a_table_without_a_header_is_known(ask):
    ask("set_data", csv="1.5,2,a\n2.5,3,b\n3,4,a\n4,4,b\n")
    assert not ask("state")["data"]["has_header"]
    ask("set_data", csv="size,rooms,kind\n1.5,2,a\n2.5,3,b\n")
    assert ask("state")["data"]["has_header"]
    ask("set_data", name="iris")
    assert ask("state")["data"]["has_header"]


def test_the_end_that_a_target_needs_is_named(ask):
    refusal = refused(ask, "insert", index=2, layer={"type": "BatchNorm"})
    assert str(refusal).startswith(
        "the network must end with Dense(2, 'softmax') for this target, and ends with BatchNorm"
    )
    assert refusal.where == "layers[2]"


def test_mnist_is_offered_where_it_is_found(ask, monkeypatch, tmp_path):
    write_idx(tmp_path, "train", 12)
    write_idx(tmp_path, "t10k", 3)
    monkeypatch.setenv("NNCORE_DATA", str(tmp_path))
    assert ask("schema")["data"]["mnist"]
    ask("set_data", name="mnist")
    assert not ask("state")["data"]["standardized"]
    ask("step_epoch")
    exec_script(ask, "unused.csv", "")


def write_idx(folder, prefix, n):
    """Write n pictures of 8 x 8 pixels and their labels as MNIST has them."""
    pixels = np.random.default_rng(n).integers(256, size=(n, 8, 8), dtype=np.uint8)
    header = b"\0\0\x08\x03" + np.array([n, 8, 8], ">u4").tobytes()
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    labels = (np.arange(n) % 3).astype(np.uint8)
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(
        b"\0\0\x08\x01" + np.array([n], ">u4").tobytes() + labels.tobytes()
    )


def test_mnist_is_refused_where_it_is_not_found(ask, monkeypatch):
    monkeypatch.delenv("NNCORE_DATA", raising=False)
    assert not ask("schema")["data"]["mnist"]
    assert "MNIST is not bundled" in str(refused(ask, "set_data", name="mnist"))


def test_incomplete_rows_can_be_left_out(ask):
    ask("set_data", csv=CSV + "nan,red,3\n", options={"missing": "drop"})
    assert ask("state")["data"]["n"] == 40


def test_what_is_wrong_with_a_table_is_told_in_the_words_of_the_page(ask):
    message = str(refused(ask, "set_data", csv=CSV + "nan,red,3\n", options={"missing": "error"}))
    assert message.endswith("incomplete rows (Missing values: Drop row); Missing values: Fill keeps them")
    assert "--" not in message


def test_no_table_stays_on_the_disk(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(sources.tempfile, "tempdir", str(tmp_path))
    ask("set_data", csv=CSV)
    assert list(tmp_path.iterdir()) == []


def test_rows_are_held_out_as_the_command_line_does(ask):
    dataset = datasets.make_xor(noise=0.15)
    train, held_out = datasets.train_test_split(np.arange(200), test_size=0.2, stratify=dataset.y)
    assert ask.run.prepared.train.tolist() == train.tolist()
    assert ask.run.prepared.held_out.tolist() == held_out.tolist()
    ask("set_training", validation_split=0)
    assert ask("state")["data"]["n_held_out"] == 0
    ask("step_epoch")
    assert "val_loss" not in ask("state")["history"]["columns"]


def test_a_class_of_one_row_does_not_hinder(ask):
    ask("set_data", csv="a,b\n" + "1,x\n2,y\n" * 10 + "3,z\n")
    assert not ask.run.prepared.stratified
    ask("step_epoch")
    exec_script(ask, "data.csv", "a,b\n" + "1,x\n2,y\n" * 10 + "3,z\n")


def exec_script(ask, name, text):
    """Run the script beside the table that it reads."""
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    scope = {}
    exec(ask("export", kind="script")["text"], scope)
    assert np.array_equal(scope["model"].parameters, ask.run.model.parameters)


def test_preview(ask, new_session):
    found = ask("preview", x=1, y=0)
    assert found["names"] == ["x1", "x0"]
    assert len(found["x"]) == len(found["target"]) == 200
    assert sum(found["held_out"]) == 40
    assert refused(ask, "preview", x=2).where == "x"
    digits = new_session("digits")
    images = digits("preview")["images"]
    assert len(images["pixels"][0]) == 64
    assert len(encode(digits("preview"))) < 100_000


# ---- layers


def test_a_layer_is_inserted_moved_changed_and_removed(ask):
    ask("step_epoch")
    first = ask.run.model.get_weights()[0].copy()
    assert ask("insert", index=1, layer={"type": "LayerNorm"})["messages"] == [
        "layer_norm_1 is new: it begins with new weights, the others keep theirs"
    ]
    ask("move", **{"from": 1, "to": 0})
    assert ask("state")["names"] == ["layer_norm_0", "dense_1", "dense_2"]
    ask("update_layer", index=1, layer={"type": "Dense", "units": 4, "activation": "relu"})
    assert any(np.array_equal(first, weight) for weight in ask.run.model.get_weights())
    ask("remove", index=0)
    assert [layer["type"] for layer in ask("state")["layers"]] == ["Dense", "Dense"]
    assert ask.run.model.epoch == 1
    ask("step_epoch")
    exec_script(ask, "unused.csv", "")


def test_before_training_a_network_is_what_a_script_would_build(ask):
    ask("insert", index=0, layer=DENSE)
    model = Sequential([Dense(3, "relu"), Dense(4, "tanh"), Dense(2, "softmax")])
    model.build(2)
    assert np.array_equal(ask.run.model.parameters, model.parameters)
    assert ask.run.journal == ()


@pytest.mark.parametrize(
    "message, fields, where, text",
    [
        ("insert", {"index": 0, "layer": {"type": "Dens", "units": 3}}, "layer", "did you mean 'Dense'?"),
        ("insert", {"index": 0, "layer": {"units": 3}}, "layer", "has no key 'type'"),
        ("insert", {"index": 0, "layer": {"type": "Dense"}}, "layer", "has no key 'units'"),
        ("insert", {"index": 0, "layer": {"type": "Dense", "units": 0}}, "layer.units", ">= 1, got 0"),
        (
            "insert",
            {"index": 0, "layer": {"type": "Dense", "units": 2**31 - 1}},
            "layers",
            "the network needs at least",
        ),
        ("insert", {"index": 0, "layer": {"type": "Dense", "units": 2**22}}, "layers", "takes up to 5,000,000"),
        ("insert", {"index": 0, "layer": {"type": "Dense", "units": 10**400}}, "layer.units", "1329 bits"),
        (
            "insert",
            {"index": 0, "layer": {"type": "Dense", "units": 3, "activation": "rleu"}},
            "layer.activation",
            "unknown activation 'rleu'; did you mean 'relu'?",
        ),
        ("insert", {"index": 0, "layer": {"type": "Dropout", "rate": 1}}, "layer.rate", "< 1, got 1.0"),
        (
            "insert",
            {"index": 2, "layer": {"type": "Dropout", "rate": 0.5}},
            "layers[2]",
            "Dropout cannot be the last",
        ),
        ("insert", {"index": 4, "layer": DENSE}, "index", "from 0 to 2, got 4"),
        ("insert", {"index": 2, "layer": DENSE}, "layers[2]", "end with Dense(2, 'softmax')"),
        ("insert", {"index": 0, "layer": {"type": "Dense", "units": 3, "weight_initializer": []}}, "layer", ""),
        ("remove", {"index": 2}, "index", "from 0 to 1, got 2"),
        ("remove", {"index": 1}, "layers", ""),
        ("move", {"from": 0, "to": 2}, "to", "from 0 to 1, got 2"),
        ("move", {"from": 0, "to": 1}, "layers", ""),
        ("set_optimizer", {"optimizer": {"type": "Adma"}}, "optimizer", "did you mean 'Adam'?"),
        ("set_optimizer", {"optimizer": {"type": "Adam", "beta_1": 1}}, "optimizer.beta_1", "got 1.0"),
        ("set_optimizer", {"optimizer": {"type": "Adam", "learning_rate": "x"}}, "optimizer.learning_rate", ""),
        ("set_training", {"loss": {"type": "Huber", "delta": 0}}, "training.loss", "delta must be"),
        ("set_training", {"loss": {"type": "BinaryCrossentropy"}}, "training.loss", "expects the last layer's"),
        ("set_training", {"metrics": ["r2"]}, "training.metrics", "cannot compare class probabilities"),
        ("set_training", {"metrics": ["accuracy", "accuracy"]}, "training.metrics", "different names"),
        ("set_training", {"validation_split": 0.001, "batch_size": 3, "metrics": ["no"]}, "training.metrics", "'no'"),
        ("open_preset", {"name": "xro"}, "name", "did you mean 'xor'?"),
        ("undo", {}, "", "nothing to be undone"),
        ("redo", {}, "", "nothing to be done again"),
    ],
)
def test_edits_that_are_refused(ask, message, fields, where, text):
    if message != "undo":
        ask("step_epoch")
    refusal = refused(ask, message, **fields)
    assert text in str(refusal)
    assert refusal.where.startswith(where)


@pytest.mark.parametrize(
    "layers, where, text",
    [
        ([], "layers", "at least one Dense layer"),
        ([{"type": "Dense", "units": 5000}] * 4, "layers", "parameters; the builder takes"),
        ([DENSE, {"type": "Dense", "units": -2}], "layers[1].units", "got -2"),
        ([{"type": "Residual", "layers": [DENSE] * 64}] * 2, "layers", "at most 64 layers"),
        ([{}] * 65, "layers", "at most 64 entries, got 65"),
        ([1], "layers", "layers[0] must be an object"),
    ],
)
def test_layers_that_are_refused(ask, layers, where, text):
    ask("step_epoch")
    refusal = refused(ask, "open_link", spec=ask.link_with(layers))
    assert text in str(refusal)
    assert refusal.where.startswith(where)


def test_a_refusal_leaves_a_started_epoch_alone(ask):
    ask("step_batch")
    refused(ask, "remove", index=9)
    assert ask.run.batch == 1
    assert ask("step_batch")["batch"] == 2


# ---- training


def reference(epochs, **arguments):
    """Return what a script gets: the preset xor, by hand."""
    dataset = datasets.make_xor(n_samples=200, noise=0.15)
    train, held_out = datasets.train_test_split(np.arange(200), test_size=0.2, stratify=dataset.y)
    preparation = datasets.Preparation.fit(dataset.rows(train))
    X, y = preparation.prepare_inputs(dataset.X), dataset.y
    model = Sequential([Dense(4, "tanh"), Dense(2, "softmax")])
    model.compile(Adam(0.03), metrics=["accuracy"])
    model.fit(X[train], y[train], epochs=epochs, batch_size=16, validation_data=(X[held_out], y[held_out]), **arguments)
    return model


def same(history, model):
    """Tell whether two trainings had the same losses, to the last bit."""
    return all(np.array_equal(history[name], model.history[name]) for name in ("loss", "accuracy", "val_loss"))


@pytest.mark.parametrize("how", ["train", "epochs", "batches", "mixed"])
def test_every_way_to_the_fifth_epoch_is_the_same(ask, how):
    if how == "train":
        ask("train", epochs=5)
        ask.session.play(lambda: False)
    while ask.run.model.epoch < 5:
        if how == "epochs" or (how == "mixed" and ask.run.batch == 3):
            ask("step_epoch")
        else:
            ask("step_batch")
    model = reference(5)
    assert same(ask.run.model.history, model)
    assert np.array_equal(ask.run.model.parameters, model.parameters)


def test_batches_in_slow_motion_lead_where_the_epoch_leads(ask):
    """All but the last batch of the copy, then the last one by hand: the same weights as an epoch of fit."""
    n = ask.run.n_batches
    losses = [ask("step_batch")["loss"] for _ in range(n - 1)]
    copy, rows = ask.run.stepping, ask.run.next_batch()
    X, y = ask.run.part("train")
    losses.append(copy.train_on_batch(X[rows], y[rows]))
    ask("step_batch")
    assert ask.run.model.epoch == 1 and ask.run.stepping is None
    assert np.array_equal(copy.parameters, ask.run.model.parameters)
    assert np.mean(losses) == pytest.approx(ask.run.model.history["loss"][0], rel=1e-12)


def test_slow_motion_with_dropout_weights_and_a_schedule(ask):
    ask("insert", index=1, layer={"type": "Dropout", "rate": 0.5})
    ask(
        "set_optimizer",
        optimizer={"type": "Adam", "learning_rate": {"type": "CosineDecay", "peak_rate": 0.1, "epochs": 2}},
    )
    ask("set_training", class_weight="balanced")
    for _ in range(ask.run.n_batches - 1):
        ask("step_batch")
    copy, rows, weights = ask.run.stepping, ask.run.next_batch(), ask.run.weights()
    X, y = ask.run.part("train")
    rate = float(ask.run.setup.optimizer.learning_rate.of_steps(0, 1, ask.run.n_batches)[-1])
    copy.optimizer = Adam(rate)
    copy.train_on_batch(X[rows], y[rows], weights[rows])
    ask("step_batch")
    assert np.array_equal(copy.parameters, ask.run.model.parameters)


def test_what_is_explained_within_an_epoch_is_the_next_update(ask):
    """Also where the learning rate is another at every update."""
    rate = {"type": "OneCycle", "peak_rate": 0.5, "epochs": 4}
    ask("set_optimizer", optimizer={"type": "Adam", "learning_rate": rate})
    rates = ask.run.setup.optimizer.learning_rate.of_steps(0, 1, ask.run.n_batches)
    for batch in range(ask.run.n_batches - 1):
        explained = ask("explain")
        assert explained["learning_rate"] == rates[batch]
        assert ask("step_batch")["loss"] == explained["loss"]
        weight = explained["layers"][0]["parameters"]["weight"]["after"]["values"]
        assert np.array_equal(weight, ask.run.stepping.get_weights()[0])


def test_training_stops_after_the_epoch_when_somebody_waits(ask):
    ask("train")
    ask.session.play(lambda: ask.run.model.epoch >= 3)
    assert ask.run.model.epoch == 3
    assert ask.session.playing
    ask("pause")
    assert not ask.session.playing
    assert ask.run.journal[-1].arguments[0] == 3


def test_training_can_be_slowed_down(ask, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(session.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    ask("train", epochs=4, epochs_per_second=2)
    ask.session.play(lambda: False)
    assert now[0] == pytest.approx(2.0, rel=0.02)


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping moves on."""
    now = [100.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(session.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


@pytest.mark.parametrize("every", [0.03, 0.07, 0.4])
@pytest.mark.parametrize("rate", [1, 5])
def test_a_paced_training_keeps_its_pace_whatever_pages_ask_and_shows_every_epoch(ask, clock, rate, every):
    ask("train", epochs_per_second=rate)
    due = [100.0]
    while clock[0] < 110:
        ask.session.play(lambda: clock[0] >= due[0])
        due[0] = clock[0] + every  # it is answered, and the next one is on its way
    assert ask.run.model.epoch == pytest.approx(10 * rate, abs=1)
    shown = [message["frame"]["epoch"] for message in ask.published if message["type"] == "frame"]
    assert shown == list(range(1, ask.run.model.epoch + 1))


def test_another_pace_acts_at_once(ask, clock):
    ask("train", epochs_per_second=0.001)
    ask.session.play(lambda: clock[0] >= 101)
    assert ask.run.model.epoch == 1
    for _ in range(5):  # asking again brings no epoch sooner
        ask("train", epochs_per_second=0.001)
        ask.session.play(lambda: clock[0] >= 102)
    assert ask.run.model.epoch == 1
    ask("train", epochs_per_second=10)
    ask.session.play(lambda: clock[0] >= 103)
    assert 9 <= ask.run.model.epoch <= 12


def test_an_epoch_that_is_late_does_not_make_the_others_hurry_after_it(clock):
    pace = Pace()
    pace.set(2)
    begun = []
    for lasts in (0.1, 0.6, 0.1, 3.0, 0.1, 0.1):
        assert not pace.wait(lambda: False)
        pace.begin()
        begun.append(clock[0] - 100)
        clock[0] += lasts
    assert begun == pytest.approx([0, 0.5, 1.1, 1.5, 4.5, 5.0]), "a little late is made up for, more is not"


def test_stepping_while_training_is_refused(ask):
    ask("train")
    assert "pause it first" in str(refused(ask, "step_batch"))
    assert "pause it first" in str(refused(ask, "step_epoch"))


def test_a_run_has_an_end(ask, monkeypatch):
    monkeypatch.setattr(session, "MOST_EPOCHS", 2)
    ask("train")
    ask.session.play(lambda: False)
    assert (ask.run.model.epoch, ask.session.playing) == (2, False)
    assert "2 epochs, the most that are kept" in str(refused(ask, "train"))


def test_divergence_is_told_and_the_weights_are_kept(ask):
    ask("open_preset", name="regression")
    ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": 1e4})
    ask.take_layers([{"type": "Dense", "units": 4}, {"type": "Dense", "units": 1}])
    ask("train")
    ask.session.play(lambda: False)
    assert not ask.session.playing
    assert "training diverged" in ask("state")["messages"][0]
    (told,) = [message["text"] for message in ask.published if message["type"] == "notice"]
    (finding,) = [finding for finding in ask("doctor")["findings"] if finding["rule"] == "divergence"]
    place = re.search(r"epoch \d+, batch \d+", told)[0]
    assert place in finding["seen"], "both count from 1"
    assert place.startswith(f"epoch {ask.run.model.epoch + 1},")
    assert "divergence" in [finding["rule"] for finding in ask("doctor")["findings"]] or ask.run.model.epoch == 0
    json.loads(encode(ask("state")))


PLACED = [
    ("insert", {"index": 0, "layer": {"type": "Dropout", "rate": 0.5}}),
    ("remove", {"index": 0}),
    ("move", {"from": 0, "to": 0}),
    ("update_layer", {"index": 0, "layer": {"type": "Dense", "units": 3}}),
]


@pytest.mark.parametrize(("kind", "fields"), PLACED)
def test_an_edit_of_a_network_that_has_changed_meanwhile_is_refused(ask, kind, fields):
    seen = ask("state")["edits"]
    ask("train", epochs=1)
    ask.session.play(lambda: False)
    assert ask("state")["edits"] == seen, "training alone changes no place"
    ask("insert", index=0, layer={"type": "Dense", "units": 7}, edits=seen)
    before = ask("state")["layers"]
    assert "another page has changed the network" in str(refused(ask, kind, edits=seen, **fields))
    assert ask("state")["layers"] == before
    for travel in ("undo", "redo"):
        seen = ask("state")["edits"]
        ask(travel)
        assert "another page has changed the network" in str(refused(ask, kind, edits=seen, **fields))
    assert "another page has changed the network" in str(refused(ask, "undo", edits=seen))
    ask(kind, edits=ask("state")["edits"], **fields)
    ask(kind, **fields)


def test_edits_that_are_made_together_are_one(ask):
    ask("insert", index=0, layer={"type": "Dense", "units": 7})
    before = ask("state")["layers"]
    steps = [
        {"type": "update_layer", "index": 0, "layer": {"type": "Dense", "units": 8}},
        {"type": "remove", "index": 1},
    ]
    ask("together", steps=steps)
    after = ask("state")["layers"]
    assert [layer["units"] for layer in after] == [8, 2]
    ask("undo")
    assert ask("state")["layers"] == before
    ask("redo")
    assert ask("state")["layers"] == after


def test_of_edits_that_are_made_together_all_or_none_are(ask):
    ask("insert", index=0, layer={"type": "Dense", "units": 7})
    ask("undo")
    steps = [{"type": "remove", "index": 0}, {"type": "insert", "index": 0, "layer": {"type": "Dense", "units": 0}}]
    assert "units must be" in str(refused(ask, "together", steps=steps))
    assert "from 0 to 0" in str(refused(ask, "together", steps=[steps[0], {"type": "remove", "index": 1}]))
    for steps, message in (([{"type": "remvoe", "index": 1}], "did you mean"), ([], "at least one edit")):
        with pytest.raises(Refusal, match=message):
            ask("together", steps=steps)
    ask("redo")
    assert len(ask("state")["layers"]) == 3, "what could be done again still can"


def test_an_undo_means_the_edit_that_the_page_has_seen(ask):
    ask("new_seed")
    seen = ask("state")["edits"]
    told = ask("change_optimizer", changes={"learning_rate": 0.5})  # another page
    assert "another page has changed the network or its training" in str(refused(ask, "undo", edits=seen))
    ask("undo", edits=told["edits"])
    assert "another page has" in str(refused(ask, "redo", edits=told["edits"]))
    assert ask.run.setup.optimizer == Adam(0.03)
    assert ask("redo", edits=ask("state")["edits"])["edits"] == ask.session.edits


def test_a_change_of_the_rate_does_not_hinder_an_edit_of_the_network(ask):
    seen = ask("state")["edits"]
    ask("change_optimizer", changes={"learning_rate": 0.5})
    ask("remove", index=0, edits=seen)
    assert len(ask("state")["layers"]) == 1
    assert "another page has" in str(refused(ask, "remove", index=0, edits=seen))
    assert "another page has" in str(refused(ask, "remove", index=0, edits=99))


def test_reset_brings_the_same_first_weights_back(ask):
    first = ask.run.model.parameters.copy()
    ask("step_epoch")
    ask("reset")
    assert np.array_equal(ask.run.model.parameters, first)
    assert (ask.run.model.epoch, len(ask.run.model.history)) == (0, 0)
    ask("new_seed")
    assert not np.array_equal(ask.run.model.parameters, first)
    assert ask("state")["training"]["seed"] == 1


@pytest.mark.parametrize("preset", ["xor", "regression"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_the_arithmetic_is_chosen_and_repeated_by_the_script(new_session, preset, dtype):
    ask = new_session(preset)
    ask("set_training", dtype=dtype)
    assert ask("state")["training"]["dtype"] == ask.run.model.dtype_policy == dtype
    assert ask.run.prepared.X.dtype == ask.run.part("train")[0].dtype == ask.run.model.dtype
    assert (f"dtype='{dtype}'" in ask("export", kind="script")["text"]) == (dtype != "float32")
    ask("step_batch")
    for _ in range(3):
        ask("step_epoch")
    ask("insert", index=0, layer=DENSE)
    ask("step_epoch")
    assert ask.run.model.program.precision == (dtype if dtype == "mixed_bfloat16" else None)
    exec_script(ask, "unused.csv", "")


def test_another_arithmetic_begins_anew_and_is_undone(ask, monkeypatch):
    monkeypatch.setattr(select, "mixed_isa", lambda: "avx2")
    ask("step_epoch")
    trained = ask.run.model.parameters.copy()
    told = ask("set_training", dtype="mixed_bfloat16")["messages"]
    assert told[0] == "training begins anew, in mixed_bfloat16" and ask.run.model.epoch == 0
    assert "float32 trains layers as narrow" in told[1] and "emulated here by avx2" in told[2]
    assert ask("set_training", dtype="mixed_bfloat16", batch_size=9)["messages"] == []
    assert ask("set_training", dtype="float64")["messages"] == ["training begins anew, in float64"]
    for _ in range(3):
        ask("undo")
    assert ask.run.setup.dtype == "float32" and np.array_equal(ask.run.model.parameters, trained)


def test_slow_motion_shows_what_mixed_bfloat16_multiplies(ask):
    assert [layer["rounded"] for layer in ask("explain")["layers"]] == [{}, {}]
    ask("set_training", dtype="mixed_bfloat16")
    for layer in ask("explain")["layers"]:
        x, weight, dz = (np.array(layer["rounded"][name]["values"], np.float32) for name in ("x", "weight", "dz"))
        assert np.array_equal(weight, round_to_bfloat16(weight)) and np.array_equal(x, round_to_bfloat16(x))
        z = bfloat16_product(x, weight, np.array(layer["parameters"]["bias"]["before"]["values"], np.float32))
        assert np.array_equal(z, layer["z"]["values"])
        assert np.array_equal(dz, round_to_bfloat16(layer["dz"]["values"])) and not np.array_equal(
            dz, layer["dz"]["values"]
        )


def test_optimizer_batch_size_and_loss_change_without_a_reset(ask):
    ask("step_epoch")
    ask("set_optimizer", optimizer={"type": "Adam", "learning_rate": 0.5, "clip_norm": 1.0})
    ask("set_training", batch_size=7)
    ask("set_training", loss={"type": "CategoricalCrossentropy"}, metrics=["accuracy", "mse"])
    ask("step_epoch")
    assert ask.run.model.epoch == 2
    assert ask.run.model.history["learning_rate"].tolist() == [0.03, 0.5]
    assert "mse" in ask.run.model.history
    exec_script(ask, "unused.csv", "")


def test_of_two_quick_changes_neither_takes_the_other_back(ask):
    ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": 0.1})
    for changes in ({"learning_rate": 0.05}, {"momentum": 0.9}, {"clip_norm": 2}):  # of a page that saw none of them
        ask("change_optimizer", changes=changes)
    assert ask.run.setup.optimizer == SGD(0.05, momentum=0.9, clip_norm=2)
    ask("change_optimizer", changes={"momentum": None})
    ask("change_optimizer", changes={"type": "Adam"})
    assert ask.run.setup.optimizer == Adam(0.05, clip_norm=2), "rate and clipping are kept"
    ask("change_optimizer", changes={"learning_rate": {"type": "StepDecay", "initial_rate": 1, "every": 10}})
    ask("change_optimizer", changes={"learning_rate": {"every": 20}})
    ask("change_optimizer", changes={"learning_rate": {"factor": 0.25}})
    assert ask.run.setup.optimizer.learning_rate == StepDecay(1, 0.25, 20)
    refusal = refused(ask, "change_optimizer", changes={"beta_1": 1})
    assert refusal.where == "optimizer.beta_1"
    assert "unknown optimizer" in str(refused(ask, "change_optimizer", changes={"type": "Adma"}))


def test_of_two_quick_changes_of_the_loss_neither_takes_the_other_back(ask):
    ask("open_preset", name="regression")
    ask("set_training", loss={"type": "Huber"})
    ask("set_training", loss={"delta": 2})
    assert ask.run.setup.loss == Huber(2)
    ask("set_training", loss=None)
    assert "type" in str(refused(ask, "set_training", loss={"delta": 2}))


def test_of_two_quick_changes_of_the_data_neither_takes_the_other_back(ask):
    ask("change_data", name="xor", changes={"noise": 0.3})
    ask("change_data", name="xor", changes={"n_samples": 50})
    ask("change_data", name="xor", changes={"seed": None})
    assert ask.run.setup.source.options == {"n_samples": 50, "noise": 0.3}
    assert "the data are xor by now, no longer moons" in str(refused(ask, "change_data", name="moons"))
    ask("set_data", csv=CSV, options={"target": "colour"})
    ask("change_data", name="csv", readings={"size": "categorical"})
    ask("change_data", name="csv", readings={"price": "ignore"})
    assert ask.run.setup.source.options == {"target": "colour", "categorical": ["size"], "ignore": ["price"]}
    ask("change_data", name="csv", readings={"size": ""})
    assert ask.run.setup.source.options == {"target": "colour", "ignore": ["price"]}
    assert "unknown readings['size'] 'no'" in str(refused(ask, "change_data", name="csv", readings={"size": "no"}))


def test_an_edit_in_the_middle_of_an_epoch_begins_it_anew(ask):
    ask("step_batch")
    told = ask("set_optimizer", optimizer={"type": "SGD"})["messages"]
    assert told == ["the epoch that was gone through batch by batch begins again with its first one"]
    assert ask.run.batch == 0


# ---- undo


def test_another_rate_or_loss_keeps_what_the_optimizer_has_seen(ask):
    ask("step_epoch")
    *_, slots, iterations = ask.run.model._state.network.state()
    assert iterations and slots.any()
    ask("set_optimizer", optimizer={"type": "Adam", "learning_rate": 0.2})
    ask("set_training", loss={"type": "SparseCategoricalCrossentropy"})
    *_, found, updates = ask.run.model._state.network.state()
    assert np.array_equal(found, slots) and updates == iterations
    assert "keep_state=True" in ask("export", kind="script")["text"]


def test_undo_restores_weights_and_the_state_of_the_optimizer(ask):
    ask("step_epoch")
    ask("step_epoch")
    parameters, _, slots, iterations = ask.run.model._state.network.state()
    ask("insert", index=1, layer=DENSE)
    ask("step_epoch")
    later = ask.run.model.parameters.copy()
    ask("undo")
    found = ask.run.model._state.network.state()
    assert np.array_equal(found[0], parameters) and np.array_equal(found[2], slots) and found[3] == iterations
    assert len(ask.run.model.history) == 2 and list(ask.run.model.history.layers) == ["dense_0", "dense_1"]
    ask("redo")
    assert np.array_equal(ask.run.model.parameters, later)
    assert ask.run.model.epoch == 3
    ask("undo")
    for _ in range(3):
        ask("step_epoch")
    assert same(ask.run.model.history, reference(5))
    exec_script(ask, "unused.csv", "")


def test_undo_brings_other_data_back(ask):
    ask("set_data", csv=CSV, options={"target": "colour"})
    ask("step_epoch")
    ask("set_data", csv="a,b\n1,2\n2,4\n3,5.5\n4,7\n")
    ask("undo")
    assert ask("state")["data"]["classes"] == ["blue", "red"]
    ask("set_data", name="csv", options={"target": "size"})  # of the first table
    ask("undo")
    ask("undo")
    assert ask("state")["data"]["name"] == "xor"
    assert not ask("state")["run"]["can_undo"] and ask("state")["run"]["can_redo"]


def test_a_slider_is_one_edit(ask):
    ask("step_epoch")
    for rate in (0.1, 0.2, 0.3):
        ask("set_optimizer", optimizer={"type": "Adam", "learning_rate": rate})
    ask("undo")
    assert ask.run.setup.optimizer == Adam(0.03)
    assert not ask("state")["run"]["can_undo"]
    ask("set_optimizer", optimizer={"type": "Adam", "learning_rate": 0.1})
    ask("step_epoch")
    ask("set_optimizer", optimizer={"type": "Adam", "learning_rate": 0.2})
    ask("undo")
    assert ask.run.setup.optimizer == Adam(0.1) and ask.run.model.epoch == 2


def test_changes_of_the_optimizer_one_after_the_other_are_several_edits(ask, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(session.time, "monotonic", lambda: now[0])
    for optimizer in ({"type": "SGD"}, {"type": "SGD", "momentum": 0.9}):
        ask("set_optimizer", optimizer=optimizer)
        now[0] += 2
    ask("undo")
    assert ask.run.setup.optimizer == SGD()
    ask("undo")
    assert ask.run.setup.optimizer == Adam(0.03)


def test_changes_of_two_fields_are_two_edits_however_fast_they_follow(ask):
    ask("change_optimizer", changes={"learning_rate": 0.1})
    ask("change_optimizer", changes={"beta_1": 0.5})
    ask("undo")
    assert ask.run.setup.optimizer == Adam(0.1)
    ask("undo")
    assert ask.run.setup.optimizer == Adam(0.03)


def test_a_slider_that_is_dragged_while_the_run_trains_is_one_edit(ask):
    ask("train")
    for rate in (0.1, 0.2, 0.3):
        ask("set_optimizer", optimizer={"type": "Adam", "learning_rate": rate})
        ask.session.play(lambda: True)
    ask("undo")
    assert ask.run.setup.optimizer == Adam(0.03) and ask.run.model.epoch == 0
    assert not ask("state")["run"]["can_undo"]


def test_an_edit_ends_what_could_be_done_again(ask):
    ask("new_seed")
    ask("undo")
    ask("new_seed")
    assert "nothing to be done again" in str(refused(ask, "redo"))


def test_at_most_twenty_edits_and_64_megabytes_are_kept(ask, monkeypatch):
    for _ in range(25):
        ask("new_seed")
    assert len(ask.session._undo) == 20
    monkeypatch.setattr(undo, "MOST_BYTES", 3 * len(ask.run.dump()))
    ask("new_seed")
    assert len(ask.session._undo) in (2, 3)


def test_the_last_edit_can_be_undone_however_long_the_run_was(ask, monkeypatch):
    monkeypatch.setattr(undo, "MOST_BYTES", 1)
    ask("step_epoch")
    ask("reset")
    ask("undo")
    assert ask.run.model.epoch == 1


def test_undo_says_that_it_pauses(ask):
    ask("new_seed")
    assert ask("undo")["messages"] == ["undone: other first weights"]
    ask("new_seed")
    ask("train")
    assert ask("undo")["messages"] == ["undone: other first weights", "training is paused"]
    assert not ask.session.playing


def test_data_that_only_undo_needs_are_bounded(ask, monkeypatch):
    monkeypatch.setattr(undo, "MOST_BYTES_OF_DATA", 3 * ask.run.prepared.nbytes)
    for _ in range(5):
        ask("new_seed")  # all with the same data
    assert len(ask.session._undo) == 5
    for seed in range(1, 10):
        ask("set_training", split_seed=seed)
    assert len(ask.session._undo) == 3
    monkeypatch.setattr(undo, "MOST_BYTES_OF_DATA", 0)
    ask("set_training", split_seed=10)
    assert len(ask.session._undo) == 1
    ask("undo")
    assert ask.run.setup.split_seed == 9


def test_histories_that_only_undo_needs_are_bounded(ask, monkeypatch):
    ask("step_epoch")
    one = sum(Mark(ask.run.model.history).buffers.values())
    monkeypatch.setattr(undo, "MOST_BYTES_OF_HISTORY", 2.5 * one)
    for _ in range(4):
        ask("change_optimizer", changes={"learning_rate": 0.01})
        ask.session._last_edit = session.NO_EDIT
    assert len(ask.session._undo) == 4, "all with the same history"
    for _ in range(4):
        ask("reset")
        ask("step_epoch")
    assert len(ask.session._undo) == 2
    assert ask("undo") and ask.run.model.epoch == 1


# ---- limits


def test_limits_are_those_of_the_schema():
    limits = schema()["limits"]
    assert (limits["parameters"], limits["rows_generated"]) == (setup.MOST_PARAMETERS, sources.MOST_ROWS)


# ---- what pages are told


def test_a_layer_without_weights_begins_with_none(ask):
    ask("train", epochs=1)
    ask.session.play(lambda: False)
    told = ask("insert", index=1, layer={"type": "Dropout", "rate": 0.1})["messages"]
    assert told == ["dropout_1 is new and has no weights: all layers keep theirs"]
    told = ask("insert", index=1, layer={"type": "LayerNorm", "affine": False})["messages"]
    assert told == ["layer_norm_1 is new and has no weights: all layers keep theirs"]
    told = ask("insert", index=1, layer={"type": "BatchNorm"})["messages"]
    assert told == ["batch_norm_1 is new: it begins with new weights, the others keep theirs"]
    group = {"type": "Residual", "layers": [{"type": "Dropout", "rate": 0.1}, {"type": "Dense", "units": 4}]}
    told = ask("insert", index=1, layer=group)["messages"]
    assert told == ["dense_3 is new: it begins with new weights, the others keep theirs"]


def test_layers_that_it_does_not_offer_are_shown_and_trained(ask):
    branches = [
        [{"type": "Columns", "columns": [1, 0]}, {"type": "Dense", "units": 5, "activation": "tanh"}],
        [{"type": "BatchNorm"}],
        [],
    ]
    ask("insert", index=0, layer={"type": "Parallel", "branches": branches})
    ask("insert", index=1, layer={"type": "Columns", "columns": list(range(7))})
    state = ask.session.state()
    assert [shape["n_out"] for shape in state["shapes"]][:2] == [9, 7]
    assert state["names"][:5] == ["parallel_0", "columns_1", "dense_2", "batch_norm_3", "columns_4"]
    ask("step_batch")
    ask("train", epochs=2)
    ask.session.play(lambda: False)
    answer = ask("explain")
    kinds = [layer["kind"] for layer in answer["layers"]]
    assert kinds[:5] == ["Parallel", "Columns", "Dense", "BatchNorm", "Columns"]
    assert "dense_2" in ask.session.state()["frame"]["edges"]
    scope = {}
    exec(ask("export", kind="script")["text"], scope)
    assert scope["model"].layers == ask.run.model.layers
    with pytest.raises(Refusal, match="is 9, but Columns reads 9 columns"):
        ask("update_layer", index=1, layer={"type": "Columns", "columns": [9]})
    ask("undo")


def test_a_network_reads_categories_where_the_columns_hold_them(ask):
    columns = [[{"type": "Columns", "columns": [0]}, {"type": "Embedding", "input_dim": 3, "output_dim": 2}]]
    layer = {"type": "Parallel", "branches": [*columns, [{"type": "Columns", "columns": [1]}]]}
    refusal = refused(ask, "insert", index=0, layer=layer)
    assert str(refusal).startswith("Input X contains -")
    rows = "\n".join(f"{i % 3},{i / 60},{(i % 3 == 1) + i / 90}" for i in range(60))
    ask("set_data", csv=f"city,age,price\n{rows}", options={"file": "flats.csv", "standardize": False})
    ask("insert", index=0, layer=layer)
    ask("train", epochs=2)
    ask.session.play(lambda: False)
    assert [layer["kind"] for layer in ask("explain")["layers"]][:3] == ["Parallel", "Columns", "Embedding"]
    assert "reads categories" in str(refused(ask, "evaluate", kind="decision_map", part="train", resolution=20))


@pytest.mark.parametrize(("preset", "mend"), [("xor", "trained on"), ("penguins", "say No to that in the settings")])
def test_columns_that_are_no_categories_are_refused_as_that(new_session, preset, mend):
    ask = new_session(preset)
    branches = [[{"type": "Columns", "columns": [0]}, {"type": "Embedding", "input_dim": 5, "output_dim": 2}], []]
    with pytest.raises(Refusal, match=r"^Input X contains .*, column 0 .* which is to be one of 5 .*") as refused:
        ask("insert", index=0, layer={"type": "Parallel", "branches": branches})
    assert refused.value.where == "layers"
    assert mend in str(refused.value)


def test_a_normalization_knows_the_rows_at_once(ask):
    """What is shown before the first epoch is what the script's model is in it."""
    ask("insert", index=0, layer={"type": "Normalization"})
    learnt = [array.tolist() for array in ask.run.model.get_weights("normalization_0")]
    X = ask.run.prepared.parts["train"][0]
    assert np.allclose(learnt[0], X.mean(axis=0)) and np.allclose(learnt[1], X.var(axis=0))
    ask("step_batch")
    ask("step_epoch")
    ask("remove", index=0)
    ask("insert", index=0, layer={"type": "Normalization"})
    ask("train", epochs=2)
    ask.session.play(lambda: False)
    assert ask("explain")["layers"][0]["kind"] == "Normalization"
    assert [array.tolist() for array in ask.run.model.get_weights("normalization_0")] == learnt
    ask("undo")
    ask("redo")
    scope = {}
    exec(ask("export", kind="script")["text"], scope)
    assert np.array_equal(scope["model"].parameters, ask.run.model.parameters)


@pytest.mark.parametrize("message", ["step_epoch", "train"])
def test_r2_of_one_row_is_refused_before_an_epoch_is(ask, message):
    ask("set_data", csv="x,y\n" + "".join(f"{i},{i * 1.25}\n" for i in range(5)), options={"task": "regression"})
    refusal = refused(ask, message)
    assert refusal.where == "training.validation_split" and "hold out a larger share, or none" in str(refusal)
    ask("set_training", validation_split=0.4)
    ask(message)


@pytest.mark.parametrize("metric", ["accuracy", "binary_accuracy", "categorical_accuracy"])
def test_a_metric_that_the_target_does_not_suit_is_refused_as_an_edit(ask, metric):
    """It was taken, and then no epoch could be trained, no file reopened and no script run."""
    ask("open_preset", name="regression")
    refusal = refused(ask, "set_training", metrics=[metric])
    assert refusal.where == "training.metrics" and f"metric {metric!r}" in str(refusal)
    link = json.loads(base64.urlsafe_b64decode((text := ask("state")["link"]) + "=" * (-len(text) % 4)))
    link["training"]["metrics"] = [metric]
    spec = base64.urlsafe_b64encode(json.dumps(link).encode()).decode().rstrip("=")
    assert refused(ask, "open_link", spec=spec).where == "training.metrics"
    ask("step_epoch")


def test_rows_that_are_left_out_are_counted(ask):
    rows = [f"{i},{'' if i % 4 == 0 else i % 5},{'ab'[i % 2]}\n" for i in range(200)]
    table = "x,z,kind\n" + "".join(rows)
    told = ask("set_data", csv=table, options={"missing": "drop", "file": "gaps.csv"})["messages"]
    assert "50 of its 200 rows have a missing value and are left out." in told
    assert (
        ask("state")["data"]["text"] == "Read from gaps.csv.\n50 of its 200 rows have a missing value and are left out."
    )
    told = ask("set_data", csv="a,b\n1,2\n3,4\n5,6\n", options={"missing": "drop"})["messages"]
    assert "No row has a missing value." in told


@pytest.mark.parametrize("depth", [6, 7, 20])
def test_residual_groups_within_each_other_have_a_limit(ask, new_session, depth):
    layer = Dense(2)
    for _ in range(depth):
        layer = Residual([layer])
    wanted = replace(ask.run.setup, layers=(layer, ask.run.setup.layers[-1]))
    if depth <= rules.MOST_NESTED:
        ask.session.begin(wanted)
        new_session("xor")("open_link", spec=ask("state")["link"])
        return
    before = ask.run
    with pytest.raises(Refusal, match=rf"up to 6 deep within each other; these are {depth} deep"):
        ask.session.begin(wanted)
    assert ask.run is before
    with pytest.raises(Refusal, match=r"nested too deep|is damaged|6 deep"):
        ask("open_link", spec=links.write(wanted))


def test_any_metrics_of_the_core_can_be_had(ask):
    ask("set_training", metrics=["f1", "weighted_auc", "recall_of_0", "top_1_accuracy"])
    ask("step_epoch")
    history = ask.run.model.history
    assert {"val_f1", "val_weighted_auc", "val_recall_of_0", "val_top_1_accuracy"} <= set(history.columns)
    assert ask("state")["training"]["metrics_used"][0] == "f1"
    exec_script(ask, "unused.csv", "")

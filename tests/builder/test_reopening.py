"""What the builder saves opens again on the same data, with the same predictions; and every script runs."""

import base64
import json

import numpy as np
import pytest

import nncore
from nncore import Dense, doctor
from nncore.builder import presets
from nncore.builder.messages import Request, carry_out
from nncore.cli import builder
from nncore.cli.errors import UsageError
from nncore.cli.main import main
from nncore.cli.parser import parse

TABLE = "size,colour,note,price\n" + "".join(
    f"{i % 7}.5,{'red' if i % 2 else 'blue'},{i % 5},{i * 1.25}\n" for i in range(40)
)


def train(ask, epochs):
    ask("train", epochs=epochs)
    ask.session.play(lambda: False)


def saved(ask, path):
    path.write_bytes(base64.b64decode(ask("export", kind="model")["base64"]))
    return str(path)


class Opened:
    """A builder that was started with words of a command line."""

    def __init__(self, *words):
        self.session = builder.session_for(parse(["builder", *words]))

    def __call__(self, message, **fields):
        return carry_out(self.session, Request(1, message, fields))

    @property
    def run(self):
        return self.session.run


def check_script(ask):
    """Run the exported script: it checks its losses itself; its weights and predictions must be the builder's."""
    scope = {}
    exec(ask("export", kind="script")["text"], scope)
    assert np.array_equal(scope["model"].parameters, ask.run.model.parameters)
    X = scope["X"].astype(np.float32)
    assert np.array_equal(scope["model"].predict(X), ask.run.model.predict(ask.run.prepared.X))


def check_same_data(one, other):
    for name in ("X", "y", "train", "held_out"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.dataset.feature_names == other.dataset.feature_names


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_opens_again_as_it_was_saved(new_session, tmp_path, name):
    ask = new_session(name)
    ask("set_training", batch_size=24)
    train(ask, 2)
    found = Opened(saved(ask, tmp_path / "model.safetensors"))
    check_same_data(ask.run.prepared, found.run.prepared)
    assert found.run.setup == ask.run.setup
    assert np.array_equal(found.run.model.predict(found.run.prepared.X), ask.run.model.predict(ask.run.prepared.X))
    for one in (ask, found):
        one("step_epoch")
    assert np.array_equal(found.run.model.parameters, ask.run.model.parameters)
    check_script(found)


@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
def test_the_arithmetic_of_a_model_file_goes_on(new_session, tmp_path, dtype):
    ask = new_session("regression")
    ask("set_training", dtype=dtype)
    train(ask, 2)
    found = Opened(saved(ask, tmp_path / "model.safetensors"))
    assert found.run.setup == ask.run.setup and found.run.model.dtype_policy == dtype
    check_same_data(ask.run.prepared, found.run.prepared)
    for one in (ask, found):
        one("step_epoch")
    assert np.array_equal(found.run.model.parameters, ask.run.model.parameters)
    scope = {}
    exec(found("export", kind="script")["text"], scope)
    assert np.array_equal(scope["model"].parameters, found.run.model.parameters)
    told = found("set_training", dtype="float32")["messages"]
    assert told[0] == "training begins anew, in float32" and "left behind; undo brings them back" in told[1]


def test_what_standardises_opens_again_adapted(new_session, tmp_path):
    ask = new_session("regression")
    ask("insert", index=0, layer={"type": "Normalization"})
    train(ask, 2)
    found = Opened(saved(ask, tmp_path / "model.safetensors"))
    assert np.array_equal(found.run.model.predict(found.run.prepared.X), ask.run.model.predict(ask.run.prepared.X))
    for one in (ask, found):
        one("step_epoch")
    assert np.array_equal(found.run.model.parameters, ask.run.model.parameters)
    check_script(found)


def test_other_seeds_shares_and_weights_of_classes_open_again(new_session, tmp_path):
    ask = new_session("spiral")
    ask("set_data", name="spiral", options={"arms": 4, "noise": 0.1, "seed": 5, "standardize": True})
    ask("set_training", validation_split=0.35, split_seed=3, class_weight="balanced")
    train(ask, 1)
    found = Opened(saved(ask, tmp_path / "model.safetensors"))
    assert found.run.setup == ask.run.setup
    check_same_data(ask.run.prepared, found.run.prepared)


def test_a_table_opens_again_as_it_was_read(new_session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ask = new_session("xor")
    options = {"file": "flats.csv", "target": "colour", "ignore": ["note"], "features": ["price"]}
    ask("set_data", name="csv", csv=TABLE, options=options)
    train(ask, 2)
    path = saved(ask, tmp_path / "model.safetensors")
    assert nncore.load(path).feature_names == ask.run.prepared.dataset.feature_names == ("price",)
    with pytest.raises(UsageError, match=r"flats\.csv: No such file"):
        Opened(path)
    (tmp_path / "flats.csv").write_text(TABLE)
    (tmp_path / "copy.csv").write_text(TABLE)
    for words in ((path,), (path, "--data", "copy.csv")):
        found = Opened(*words)
        check_same_data(ask.run.prepared, found.run.prepared)
        assert found.run.prepared.noted
    found("step_epoch")
    check_script(found)
    again = Opened(saved(found, tmp_path / "again.safetensors"))
    check_same_data(ask.run.prepared, again.run.prepared)


def test_a_file_of_the_command_line_keeps_its_folder_and_target(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "flats.csv").write_text(TABLE)
    main(["train", "sub/flats.csv", "--target", "colour", "--epochs", "1", "-o", "m.safetensors", "--quiet"])
    found = Opened("m.safetensors")
    assert found.run.prepared.noted
    assert found.run.prepared.dataset.feature_names == ("size", "note", "price")
    again = Opened(saved(found, tmp_path / "again.safetensors"))
    check_same_data(found.run.prepared, again.run.prepared)
    capsys.readouterr()
    (tmp_path / "flats.csv").write_text(TABLE.replace("size", "width"))
    Opened("m.safetensors", "--data", "flats.csv", "--target", "colour")
    assert "it was trained on other columns than flats has" in capsys.readouterr().err


def test_a_file_without_the_options_of_its_data_is_said_to_be_of_other_rows(new_session, tmp_path, capsys):
    """As the builder before this one wrote them."""
    ask = new_session("spiral")
    train(ask, 1)
    path = saved(ask, tmp_path / "model.safetensors")
    model = nncore.load(path)
    del model.metadata["builder"]
    model.save(path)
    found = Opened(path)
    assert len(found.run.prepared.X) != len(ask.run.prepared.X)
    assert "it was trained on 600 rows, and the data have" in capsys.readouterr().err


@pytest.mark.parametrize("note", ["{", "[]", "{}", '{"data": {"name": "irsi", "options": {}}, "training": {}}'])
def test_a_damaged_note_is_said_and_can_be_answered(new_session, tmp_path, note):
    path = saved(new_session("xor"), tmp_path / "model.safetensors")
    model = nncore.load(path)
    model.save(path, {**model.metadata, "builder": note})
    with pytest.raises(UsageError, match=r"the data that the file notes cannot be read .*name them with --data"):
        Opened(path)
    assert Opened(path, "--data", "xor").run.setup.source.name == "xor"


# ---- tables with gaps

GAPS = "a,colour,b,kind\n" + "".join(
    f"{'' if i % 7 == 0 else i % 9},{'' if i % 11 == 0 else ['red', 'blue', 'green'][i % 3]},{i},{'uv'[i % 2]}\n"
    for i in range(60)
)
CHOSEN = (
    ["a", "a missing", "colour=blue", "colour=green", "colour=red", "b"],
    ["b", "colour=red", "a"],
    ["colour=green", "colour=blue"],
    ["a missing", "b"],
)


def command(capsys, *words):
    """Run the command line; return its JSON and what it said on stderr."""
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


@pytest.mark.filterwarnings("ignore:.*missing values are filled")
@pytest.mark.parametrize("features", [None, *CHOSEN])
def test_gaps_are_filled_as_the_command_line_fills_them(new_session, tmp_path, monkeypatch, capsys, features):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gaps.csv").write_text(GAPS)
    ask = new_session("xor")
    chosen = {} if features is None else {"features": features}
    told = ask("set_data", name="csv", csv=GAPS, options={"file": "gaps.csv", **chosen})["messages"]
    assert any(
        "filled with what is usual" in line and "'a' (9 of 60 rows, marked by 'a missing')" in line for line in told
    )
    assert ask.run.prepared.dataset.feature_names == tuple(features or CHOSEN[0])
    assert np.isfinite(ask.run.prepared.dataset.X).all() and np.isfinite(ask.run.prepared.X).all()
    train(ask, 3)
    check_script(ask)
    path = saved(ask, tmp_path / "model.safetensors")
    found = Opened(path)
    assert found.run.prepared.noted
    check_same_data(ask.run.prepared, found.run.prepared)
    loss = ask.run.model.history["val_loss"][-1]
    assert command(capsys, "evaluate", path, "gaps.csv", "--held-out")[0]["loss"] == pytest.approx(loss, rel=1e-6)
    predicted = command(capsys, "predict", path, "gaps.csv")[0]["probabilities"]
    assert np.allclose(predicted, ask.run.model.predict_proba(ask.run.prepared.X), atol=1e-7)


@pytest.mark.parametrize("words, n", [([], 60), (["--drop-missing"], 46), (["--missing-values", "red,8"], 60)])
def test_a_model_trained_on_gaps_opens_on_its_own_table(tmp_path, monkeypatch, capsys, words, n):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gaps.csv").write_text(GAPS)
    main(["train", "gaps.csv", "--epochs", "1", "-o", "m.safetensors", "--quiet", *words])
    loss = command(capsys, "evaluate", "m.safetensors", "gaps.csv", "--held-out", *words[: n == 46])[0]["loss"]
    found = Opened("m.safetensors")
    assert "trained on" not in capsys.readouterr().err
    prepared = found.run.prepared
    assert prepared.noted and len(prepared.X) == n and np.isfinite(prepared.X).all()
    X, y = found.run.part("held_out")
    assert found.run.model.evaluate(X, y)["loss"] == pytest.approx(loss, rel=1e-6)


def test_gaps_where_the_training_had_none_are_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "whole.csv").write_text(TABLE)
    (tmp_path / "gaps.csv").write_text(TABLE.replace("red,1", ",1"))
    main(["train", "whole.csv", "--epochs", "1", "-o", "m.safetensors", "--quiet"])
    found = Opened("m.safetensors", "--data", "gaps.csv")
    assert np.isfinite(found.run.prepared.X).all() and not found.run.prepared.noted
    assert "it was trained on other columns than gaps has" in capsys.readouterr().err


# ---- the command line, on the data of the builder


@pytest.mark.parametrize("name", presets.PRESETS)
def test_the_command_line_evaluates_the_rows_that_the_builder_made(new_session, tmp_path, capsys, name):
    ask = new_session(name)
    train(ask, 2)
    path, source = saved(ask, tmp_path / "model.safetensors"), ask.run.setup.source
    found, said = command(capsys, "evaluate", path, source.name, "--held-out")
    score = "r2" if name == "regression" else "loss"
    assert found[score] == pytest.approx(ask.run.model.history[f"val_{score}"][-1], rel=1e-6)
    assert found["rows"] == len(ask.run.prepared.held_out)
    made = [f"{option} {value}" for option, value in source.options.items() if option != "features"]
    assert all(option in said for option in made)
    assert len(command(capsys, "predict", path, source.name)[0]["predictions"]) == len(ask.run.prepared.X)


def test_the_command_line_says_where_the_data_are_others_than_the_builders(new_session, tmp_path, capsys):
    ask = new_session("spiral")
    train(ask, 1)
    path = saved(ask, tmp_path / "model.safetensors")
    _, said = command(capsys, "predict", path, "moons")
    assert said == "nncore: moons: the model was trained on other data, spiral\n"
    model = nncore.load(path)
    model.save(path, {**model.metadata, "builder": "{"})
    _, said = command(capsys, "predict", path, "spiral")
    assert said.startswith("nncore: spiral: how the model's data were made and chosen cannot be read from its file")


def test_features_chosen_of_arrays_are_found_by_name(new_session, tmp_path, capsys):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 4)), np.arange(40) % 2
    table = str(tmp_path / "four.npz")
    np.savez(table, X=X, y=y)
    ask = Opened("--data", table)
    ask("set_data", name="file", options={"features": ["x3", "x1"]})
    ask("step_epoch")
    path = saved(ask, tmp_path / "model.safetensors")
    found, _ = command(capsys, "evaluate", path, table, "--held-out")
    assert found["loss"] == pytest.approx(ask.run.model.history["val_loss"][-1], rel=1e-6)
    np.savez(table, X=X[:, :3], y=y)
    assert main(["evaluate", path, table]) == 2
    assert "has no feature 'x3', which the model reads; it has x0, x1, x2" in capsys.readouterr().err


# ---- a model from a file, and what begins anew


@pytest.fixture
def from_file(tmp_path):
    path = str(tmp_path / "iris.safetensors")
    main(["train", "iris", "--epochs", "2", "-o", path, "--quiet"])
    return Opened(path)


LINK = [Dense(5, "tanh"), Dense(3, "softmax")]
LEAVING = [
    ("new_seed", {}),
    ("set_training", {"seed": 9}),
    ("set_data", {"name": "wine", "options": {}}),
    ("open_preset", {"name": "penguins"}),
]


@pytest.mark.parametrize("message, fields", LEAVING)
def test_what_leaves_the_weights_of_a_file_behind_says_so(from_file, message, fields):
    from_file("step_epoch")
    told = from_file(message, **fields)["messages"]
    path = from_file.run.loaded and from_file.run.loaded.path
    assert path is None
    assert any("iris.safetensors are left behind; undo brings them back" in line for line in told)
    assert not from_file.run.prepared.noted
    from_file("step_epoch")
    check_script(from_file)
    from_file("undo")
    assert from_file.run.loaded is not None
    check_script(from_file)


def test_other_layers_of_a_link_begin_anew_on_data_prepared_anew(from_file):
    spec = json.loads(base64.urlsafe_b64decode(from_file("state")["link"] + "=="))
    spec["layers"] = [nncore.layers.to_dict(layer) for layer in LINK]
    text = base64.urlsafe_b64encode(json.dumps(spec).encode()).decode().rstrip("=")
    assert "left behind" in str(from_file("open_link", spec=text)["messages"])
    from_file("step_epoch")
    check_script(from_file)


@pytest.mark.parametrize("rule", ["saturation", "symmetric_start", "learning_rate_too_high", "overfitting"])
def test_scripts_run_after_a_fix_on_a_model_from_a_file(from_file, monkeypatch, rule):
    from_file("update_layer", index=0, layer={"type": "Dense", "units": 64, "activation": "tanh"})
    from_file("step_epoch")
    finding = doctor.Finding(rule, "hint", None, "", "", "")
    monkeypatch.setattr("nncore.history.History.doctor", lambda self: [finding])
    from_file("apply_fix", finding=rule)
    monkeypatch.undo()
    from_file("step_epoch")
    check_script(from_file)


@pytest.mark.parametrize("fields", [{"validation_split": 0.4}, {"split_seed": 7}, {"validation_split": 0.0}])
def test_other_rows_held_out_leave_the_weights_of_a_file(from_file, fields):
    before = from_file.run.model.parameters.copy()
    from_file("step_epoch")
    told = from_file("set_training", **fields)["messages"]
    assert "the model is as in that file" in told[0]
    assert np.array_equal(from_file.run.model.parameters, before)
    assert from_file.run.prepared.noted
    from_file("step_epoch")
    check_script(from_file)


def test_other_rows_held_out_cannot_keep_weights_of_other_layers(from_file):
    from_file("insert", index=1, layer={"type": "Dropout", "rate": 0.1})
    told = from_file("set_training", split_seed=3)["messages"]
    assert "left behind" in str(told)
    from_file("step_epoch")
    check_script(from_file)


# ---- links to tables


def test_a_link_to_a_table_is_opened_with_it(new_session):
    first, second = new_session("xor"), new_session("xor")
    first("set_data", name="csv", csv=TABLE, options={"file": "flats.csv"})
    state = first("state")
    second("open_link", spec=state["link"], csv=TABLE)
    check_same_data(first.run.prepared, second.run.prepared)
    assert second("state")["data"]["table"] == state["data"]["table"]
    second("set_data", name="csv", csv=TABLE.replace("1.25", "1.5"), options={"file": "flats.csv"})
    assert second("state")["data"]["table"] != state["data"]["table"]
    assert "the table that was loaded here last" in second("open_link", spec=state["link"])["messages"][0]
    second("open_preset", name="xor")
    assert second("state")["data"]["table"] is None


def test_a_link_to_a_table_that_is_nowhere_says_what_to_load(new_session):
    ask = new_session("xor")
    ask("set_data", name="csv", csv=TABLE, options={"file": "flats.csv"})
    with pytest.raises(Exception, match=r"for a table, flats\.csv, which no link holds: load it here first"):
        new_session("xor")("open_link", spec=ask("state")["link"])

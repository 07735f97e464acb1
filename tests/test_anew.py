"""Models that begin anew, as plain data, in bytes; single layers of them; what a notebook shows."""

import io
import json
import sys
import threading
import types

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    EarlyStopping,
    Huber,
    JSONLogger,
    LayerNorm,
    Residual,
    Sequential,
)
from nncore.base import html
from nncore.doctor.findings import Diagnosis, Finding
from nncore.program.naming import layer_names
from nncore.training import progress

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = np.arange(60) % 3
LAYERS = [
    Dense(8, "relu", l2=0.01),
    BatchNorm(),
    Residual([Dropout(0.0), Dense(6, "tanh"), Dropout(0.2)], name="block"),
    LayerNorm(),
    Dense(3),
    Activation("softmax"),
]


@pytest.fixture
def model():
    model = Sequential(LAYERS, seed=3, name="deep")
    model.compile(SGD(0.1, momentum=0.9), metrics=["accuracy"])
    model.history_alone = model.fit(X, Y, epochs=3)
    return model


def trained_alike(model, other):
    history = other.fit(X, Y, epochs=3)
    assert np.array_equal(history.loss, model.history_alone.loss)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


def test_a_clone_begins_as_the_model_did_and_leaves_it_alone(model):
    before, other = model.get_weights(), model.clone()
    assert type(other) is Sequential and other.built and other.epoch == 0 and len(other.history) == 0
    assert other.optimizer == model.optimizer and other.metrics == ("accuracy",) and other.name == "deep"
    trained_alike(model, other)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    assert model.clone(seed=4).seed == 4 and len({model.clone(seed=None).seed for _ in range(3)}) == 3
    assert not Sequential([Dense(1)]).clone().built


def test_a_subclass_stays_one_and_keeps_its_attributes():
    class Named(Sequential):
        def __init__(self, colour):
            super().__init__([Dense(1)])
            self.colour = colour

    assert Named("red").clone().colour == "red" and type(Named("red").clone()) is Named


def test_reset_forgets_all_that_was_learned(model):
    model.metadata = {"kept": "yes"}
    model.fit(X, Y, epochs=2)
    model.reset()
    assert model.epoch == 0 and len(model.history) == 0 and model.metadata == {"kept": "yes"}
    trained_alike(model, model)
    first = model.get_weights()[0]
    model.reset(seed=9)
    assert model.seed == 9 and not np.array_equal(model.get_weights()[0], first)


def test_reset_is_refused_while_the_model_is_trained(model):
    with pytest.raises(RuntimeError, match="train"):
        model.fit(X, Y, callbacks=lambda model, epoch, logs: model.reset())


@pytest.mark.parametrize("seed, error", [("other", TypeError), (-1, ValueError), (1.5, TypeError)])
def test_a_seed_that_is_none_changes_nothing(model, seed, error):
    weights = model.get_weights()
    for call in (model.clone, model.reset):
        with pytest.raises(error, match="seed"):
            call(seed=seed)
    assert model.seed == 3 and np.array_equal(model.get_weights()[0], weights[0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_a_config_is_json_and_makes_the_same_model(dtype):
    model = Sequential([*LAYERS[:-2], Dense(1)], seed=5, dtype=dtype)
    model.compile(SGD(0.1), loss=Huber(2.0), metrics=["mae", lambda t, p: 0.0])
    for built in (False, True):
        if built:
            model.build(4)
        config = json.loads(json.dumps(model.get_config()))
        other = Sequential.from_config(config)
        assert other.layers == model.layers and other.loss == model.loss and other.optimizer == model.optimizer
        assert other.dtype_policy == dtype and other.seed == 5 and other.built is built and other.metrics == ("mae",)
    assert np.array_equal(other.parameters, model.parameters)
    assert Sequential.from_config({"layers": config["layers"]}).loss_is_inferred


@pytest.mark.parametrize(
    "config, said",
    [
        (3, "config must be a dict"),
        ({"layer": []}, "did you mean 'layers'"),
        ({"layers": 3}, "layers"),
        ({"layers": [{"type": "Conv"}]}, "unknown layer type 'Conv'"),
        ({"layers": [{"type": "Dense", "units": 0}]}, "units"),
        ({"metrics": ["nothing"]}, "nothing"),
        ({"optimizer": {"type": "SGD", "rate": 1}}, "rate"),
        ({"n_features": -1, "layers": [{"type": "Dense", "units": 1}]}, "n_features"),
    ],
)
def test_a_config_that_is_none(config, said):
    with pytest.raises((TypeError, ValueError), match=said):
        Sequential.from_config(config)


def test_bytes_and_open_files_hold_what_a_file_does(model, tmp_path):
    model.save(tmp_path / "m")
    content = model.to_bytes()
    assert (tmp_path / "m").read_bytes() == content
    memory = io.BytesIO()
    model.save(memory, metadata={"note": "kept"})
    memory.seek(0)
    assert nncore.load(memory).metadata == {"note": "kept"}
    with open(tmp_path / "m", "rb", buffering=0) as unbuffered:
        sources = [content, bytearray(content), memoryview(content), unbuffered, str(tmp_path / "m").encode()]
        for source in sources:
            assert np.array_equal(nncore.load(source).predict(X), model.predict(X))


def test_files_that_are_none_for_bytes(model, tmp_path):
    with open(tmp_path / "text", "w") as text, pytest.raises(TypeError, match="'wb'"):
        model.save(text)
    with pytest.raises(TypeError, match="'rb'"):
        nncore.load(io.StringIO("text"))
    with pytest.raises(TypeError, match="to_bytes"):
        model.save(3)
    with pytest.raises(nncore.ModelFileError):
        nncore.load(model.to_bytes()[:-1])
    with pytest.raises(nncore.ModelFileError):
        nncore.load(bytes(40))
    with pytest.raises(nncore.ModelFileError, match="0 byte"):
        nncore.load(b"")
    with open(tmp_path / "read only", "wb") as file:
        pass
    with open(tmp_path / "read only", "rb") as file, pytest.raises(OSError):
        model.save(file)


def test_a_layer_by_name_or_place(model):
    assert model.get_layer("block") is model.layers[2] and model.get_layer(index=-1) is model.layers[-1]
    assert model.get_layer("dense_4") == Dense(6, "tanh") and model.get_layer(0).units == 8
    for wrong, said in (
        (("blocks",), "did you mean 'block'"),
        ((), "a name or an index"),
        ((9,), "layer"),
        ((True,), "layer"),
    ):
        with pytest.raises((TypeError, ValueError), match=said):
            model.get_layer(*wrong)


def test_weights_of_one_layer(model):
    assert [w.shape for w in model.get_weights("batch_norm_1")] == [(8,)] * 4
    assert [w.shape for w in model.get_weights("block")] == [(8, 6)] and model.get_weights("activation_8") == []
    before = model.get_weights()
    model.set_weights([np.ones((8, 6)), np.zeros(6)], layer="dense_4")
    changed = [k for k, pair in enumerate(zip(before, model.get_weights(), strict=True)) if not np.array_equal(*pair)]
    assert len(changed) == 2 and model.get_weights("dense_4")[0].sum() == 48
    for weights, said in (([1.0], "2 arrays"), ([np.ones((8, 6)), np.ones(5)], r"\(6,\)"), (3, "list")):
        with pytest.raises((TypeError, ValueError), match=said):
            model.set_weights(weights, layer="dense_4")


def test_what_each_layer_gives(model):
    model.optimizer = SGD(0.0)
    found = {name: model.activations(X, name) for name in layer_names(model.layers)}
    weight, bias = model.get_weights("dense_0")
    np.testing.assert_allclose(found["dense_0"], np.maximum(X @ weight + bias, 0), rtol=1e-5, atol=1e-6)
    gamma, beta, mean, variance = model.get_weights("batch_norm_1")
    normalised = (found["dense_0"] - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    np.testing.assert_allclose(found["batch_norm_1"], normalised, rtol=1e-4, atol=1e-5)
    assert np.array_equal(found["dropout_3"], found["batch_norm_1"])  # it drops nothing, and is the first of its branch
    weight, bias = model.get_weights("dense_4")
    np.testing.assert_allclose(found["dense_4"], np.tanh(normalised @ weight + bias), rtol=1e-4, atol=1e-5)
    assert np.array_equal(found["dropout_5"], found["dense_4"])
    added = found["dense_4"] + found["batch_norm_1"] @ model.get_weights("block")[0]
    np.testing.assert_allclose(found["block"], added, rtol=1e-4, atol=1e-5)
    for name in ("dense_7", "activation_8"):
        assert np.array_equal(found[name], model.predict(X))
    assert np.array_equal(model.activations(X, -1), model.predict(X)) and model.activations(X[:0], 0).shape == (0, 8)
    with pytest.raises(ValueError, match="features"):
        model.activations(X[:, :2], 0)
    first = Sequential([Dropout(0.0), Dense(2)])
    first.build(4)
    assert np.array_equal(first.activations(X, 0), X)


def test_a_residual_before_the_softmax_of_the_loss_gives_what_it_adds():
    model = Sequential([Residual([Dense(4)]), Activation("softmax")], seed=1)
    model.build(4)
    added = model.activations(X, 0)
    np.testing.assert_allclose(added, X + X @ model.get_weights("dense_1")[0], rtol=1e-5, atol=1e-6)
    assert np.array_equal(model.activations(X, 1), model.predict(X))


@pytest.mark.parametrize("norm", [False, True])
def test_a_predictor_takes_new_weights_in_place(norm):
    model = Sequential([Dense(8, "tanh"), *[BatchNorm()][:norm], Dense(2)], seed=1)
    model.fit(X, X[:, :2])
    policy = model.predictor()
    for _ in range(2):
        model.fit(X, X[:, :2], epochs=3)
        assert model.predictor(out=policy) is policy
        assert np.array_equal(policy(X[0]), model.predictor()(X[0]))
    deeper = Sequential([Dense(5, "relu"), LayerNorm(), Dense(2)], seed=2)
    deeper.build(4)
    deeper.predictor(out=policy)
    assert np.array_equal(policy(X), deeper.predict(X)) and policy.program == deeper.program
    for wrong in (Sequential([Dense(3)]), Sequential([Dense(2)], dtype="float64")):
        wrong.build(4)
        with pytest.raises(ValueError, match="leave out away"):
            wrong.predictor(out=policy)
    with pytest.raises(TypeError, match="Predictor"):
        model.predictor(out=np.empty(2))
    assert np.array_equal(policy(X), deeper.predict(X))


def test_a_predictor_takes_new_weights_while_threads_never_cease_to_call():
    wide = [Sequential([Dense(300), Dense(300), Dense(2)], seed=seed) for seed in (0, 1)]
    for model in wide:
        model.build(4)
    policy, ended = wide[0].predictor(), threading.Event()
    known = {model.predictor()(X[0]).tobytes() for model in wide}
    strange = []

    def call():
        while not ended.is_set():
            answer = policy(X[0]).tobytes()
            strange.extend([answer] if answer not in known else [])

    def bring():
        for k in range(10):
            wide[k % 2].predictor(out=policy)

    callers = [threading.Thread(target=call) for _ in range(3)]
    bringer = threading.Thread(target=bring)
    for thread in (*callers, bringer):
        thread.start()
    bringer.join(timeout=15)
    in_time = not bringer.is_alive()
    ended.set()
    for thread in (*callers, bringer):
        thread.join()
    assert in_time and not strange


def test_a_predictor_stays_one_of_the_same_columns():
    pandas = pytest.importorskip("pandas")
    here, there = (pandas.DataFrame(X[:, :2], columns=names) for names in (["a", "b"], ["b", "a"]))
    model, other = (Sequential([Dense(2)], seed=1) for _ in range(2))
    model.fit(here, X[:, :2])
    other.fit(there, X[:, :2])
    with pytest.raises(ValueError, match="out takes columns called a, b, but those of the model are b, a"):
        other.predictor(out=model.predictor())


def test_a_json_logger_writes_a_line_an_epoch(tmp_path):
    log = JSONLogger(tmp_path / "log.jsonl", tags={"run": "a", "fold": 3})
    model = Sequential([Dense(1)])
    history = model.fit(X, X[:, 0], epochs=2, callbacks=log)
    JSONLogger(tmp_path / "log.jsonl", append=True).on_epoch_end(model, 2, {"loss": float("nan")})
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2] and lines[1]["loss"] == history.loss[1]
    assert lines[0]["run"] == "a" and lines[0]["fold"] == 3 and lines[2]["loss"] is None
    with pytest.raises(TypeError, match="tags"):
        JSONLogger("log", tags={"run": X})
    with pytest.raises(OSError):
        model.fit(X, X[:, 0], callbacks=JSONLogger(tmp_path / "nowhere" / "log"))


def test_early_stopping_lets_epochs_pass_first():
    class Values:
        def get_weights(self):
            return []

    stopping, seen = EarlyStopping("loss", patience=2, start_from_epoch=3), []
    stopping.on_train_begin(Values())
    for epoch, loss in enumerate([1.0, 0.5, 0.1, 3.0, 2.0, 2.5, 2.6, 9.0]):
        if stopping.on_epoch_end(Values(), epoch, {"loss": loss}) is nncore.STOP:
            break
        seen.append(epoch)
    assert stopping.best == 2.0 and stopping.best_epoch == 4 and stopping.stopped_epoch == 6
    with pytest.raises(ValueError, match="start_from_epoch"):
        EarlyStopping(start_from_epoch=-1)


def test_what_a_notebook_shows_is_escaped_and_complete(model):
    model.name = "<script>"
    shown = [one._repr_html_() for one in (model, model.history, model.history.doctor(), model.explain_step(X, Y))]
    assert all(text.startswith("<") and "<script>" not in text for text in shown)
    assert "block" in shown[0] and "batch_norm_1" in shown[0] and "optimizer" in shown[0]
    assert shown[1].count("<polyline") == len(model.history.columns) and "accuracy" in shown[1]
    assert shown[3].count("dL/d weight") == 4 and repr(model.explain_step(X, Y)).startswith("loss ")
    finding = Finding("dead_units", "warning", "dense_0", "a < b", "why", "try")
    assert "a &lt; b" in finding._repr_html_() and "dead units" in Diagnosis([finding], 3)._repr_html_()
    assert nncore.History()._repr_html_().count("<td") == 0
    report = model.insert(1, Dense(4))
    assert report._repr_html_() == html.text(str(report))


def test_a_curve_of_what_is_not_finite_has_gaps_and_no_nan():
    drawn = html.curve([float("nan"), 1.0, float("inf"), 3.0], "loss")
    assert "polyline" in drawn and "nan" not in drawn.split("points=")[1]
    assert html.curve([float("nan")] * 5, "loss") == "" and "polyline" in html.curve([2.0, 2.0], "loss")
    assert "polyline" in html.curve([-1.7e308, 1.7e308], "loss")


@pytest.mark.parametrize("widgets", [False, True])
def test_a_notebook_has_a_progress_bar_without_being_asked(monkeypatch, capsys, widgets):
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    made = []
    if widgets:
        from tqdm import tqdm

        def widget(**options):
            made.append(options)
            return tqdm(**options)

        monkeypatch.setitem(sys.modules, "ipywidgets", types.ModuleType("ipywidgets"))
        monkeypatch.setitem(sys.modules, "tqdm.notebook", types.SimpleNamespace(tqdm=widget))
    else:
        monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert progress.in_notebook()
    Sequential([Dense(1)]).fit(X, X[:, 0], epochs=2)
    assert "2/2 epochs" in capsys.readouterr().err and len(made) == widgets
    del shell.kernel
    Sequential([Dense(1)]).fit(X, X[:, 0], epochs=2)
    assert capsys.readouterr().err == ""

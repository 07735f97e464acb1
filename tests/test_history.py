"""History: columns of numbers, one per epoch."""

import copy
import csv
import json
import pickle
import time
from functools import partial

import numpy as np
import pytest

from nncore import SGD, Dense, Sequential
from nncore.arrays.facts import inputs_seen
from nncore.base.recorded import COLUMNS, RESERVED
from nncore.history import History, Mark, files
from nncore.history.layers import FIELDS, WIDTH

NETWORK = [("dense_0", "Dense", "relu"), ("dense_1", "Dense", "identity")]
NAN, INF = float("nan"), float("inf")


def records(epochs, network=NETWORK):
    """Return numbers that differ everywhere: epoch, then layer, then field."""
    epochs = np.asarray(epochs, float)
    return 100 * epochs[:, None, None] + 50 * np.arange(len(network))[:, None] + np.arange(WIDTH)


@pytest.fixture
def history():
    history = History()
    history.extend(3, {"loss": [0.5, 0.25], "seconds": [0.1, 0.1]})
    history.extend(5, {"loss": [0.125], "val_loss": [0.2], "seconds": [0.1]})
    return history


def test_columns_by_attribute_and_key(history):
    assert history.loss.tolist() == history["loss"].tolist() == [0.5, 0.25, 0.125]
    assert history.epochs.tolist() == [3, 4, 5]
    assert history.columns == tuple(history) == ("loss", "seconds", "val_loss")
    assert len(history) == 3 and "loss" in history and "accuracy" not in history
    assert "val_loss" in dir(history)


def test_missing_values_are_nan(history):
    assert np.isnan(history.val_loss).tolist() == [True, True, False]
    history.extend(6, {"accuracy": [0.9]})
    assert np.isnan(history.loss).tolist() == [False, False, False, True]
    assert history.row(-1)["accuracy"] == 0.9


def test_changing_a_column_does_not_change_the_record(history):
    history.loss[:] = 0
    assert history.loss[0] == 0.5


def test_unknown_column_is_named(history):
    with pytest.raises(KeyError, match="no column 'acc' was recorded; recorded: loss, seconds, val_loss"):
        history["acc"]
    with pytest.raises(AttributeError, match="History has no column 'acc'; recorded: loss"):
        _ = history.acc


def test_columns_of_unequal_length_are_refused(history):
    with pytest.raises(ValueError, match="different lengths"):
        history.extend(6, {"loss": [1.0], "seconds": [1.0, 2.0]})
    assert len(history) == 3


@pytest.fixture
def full(history):
    """Everything a history can hold, NaN and infinity included."""
    values = records([3, 5])
    values[0, 1, 1], values[1, 0, 0] = NAN, INF
    history.record_layers(NETWORK, [3, 5], values)
    history.note_data(partial(inputs_seen, np.array([[1.0, 2.0], [3.0, 5.0]])), {"rows": 20, "counts": [15.0, 5.0]})
    history.symmetric = ("dense_0",)
    history.diverged = {"epoch": 6, "batch": 2, "last_finite_loss": INF, "learning_rate": 0.5}
    return history


def assert_same(a, b):
    assert repr(a) == repr(b)
    np.testing.assert_equal(a.history, b.history)
    for name in ("epoch", "inputs", "targets", "symmetric", "diverged"):
        assert getattr(a, name) == getattr(b, name)
    assert list(a.layers) == list(b.layers)
    for one, other in zip(a.layers.values(), b.layers.values(), strict=True):
        assert (repr(one), one.epochs.tolist()) == (repr(other), other.epochs.tolist())
        np.testing.assert_array_equal(one.histogram, other.histogram)
        for field in FIELDS:
            np.testing.assert_array_equal(one[field], other[field])


def test_round_trips(full, tmp_path):
    assert_same(History.from_dict(full.to_dict()), full)
    assert_same(History.from_dict(json.loads(json.dumps(full.to_dict(), allow_nan=False))), full)
    assert_same(copy.deepcopy(full), full)
    assert_same(pickle.loads(pickle.dumps(full)), full)
    full.save(tmp_path / "run.json")
    assert_same(History.load(tmp_path / "run.json"), full)
    assert_same(History.from_dict(History().to_dict()), History())


def test_copies_hold_what_was_seen_of_the_data_and_not_the_data(full):
    assert callable(full._inputs)
    assert pickle.loads(pickle.dumps(full))._inputs == full.inputs == full._inputs


COPIES = [copy.copy, copy.deepcopy, lambda history: pickle.loads(pickle.dumps(history))]


@pytest.mark.parametrize("duplicate", COPIES)
def test_copies_hold_everything_and_share_nothing(full, duplicate):
    full.message, full.mine = "converged", ["a note"]
    other = duplicate(full)
    assert_same(other, full)
    assert (other.message, other.mine) == ("converged", ["a note"])
    full.extend(6, {"loss": [0.1]})
    full.record_layers(NETWORK, [6], records([6]))
    assert (len(other), len(other.layers["dense_0"])) == (3, 2)
    other.extend(6, {"loss": [0.1]})
    other.record_layers(NETWORK, [6], records([6]))
    assert_same(other, full)


@pytest.mark.parametrize("duplicate", COPIES)
def test_copies_of_a_model_keep_how_its_latest_training_ended(duplicate):
    model = Sequential([Dense(1)])
    model.fit(np.arange(6.0)[:, None], np.arange(6.0), epochs=50, solver="lbfgs")
    assert model.history.message
    assert duplicate(model).history.message == model.history.message


def test_a_copy_made_while_an_epoch_is_appended_holds_those_before(history):
    history._columns["loss"].append(0.1)  # what another thread has done so far
    history._columns["accuracy"] = []
    other = copy.deepcopy(history)
    assert other.history["loss"] == [0.5, 0.25, 0.125]
    assert "accuracy" not in other


def test_ten_thousand_short_trainings_keep_little_more_than_a_long_one():
    X, y = np.linspace(-1, 1, 32)[:, None], np.linspace(-1, 1, 32)
    layers = [Dense(64, "tanh"), Dense(64, "tanh"), Dense(1)]
    pieces, whole = Sequential(layers, seed=1), Sequential(layers, seed=1)
    for _ in range(2000):
        history = pieces.fit(X, y)
    whole.fit(X, y, epochs=2000)
    assert np.array_equal(pieces.history.loss, whole.history.loss)
    assert history.layers["dense_0"].epochs.tolist() == [1999]
    ours, theirs = pieces.history.layers["dense_0"].epochs.tolist(), whole.history.layers["dense_0"].epochs.tolist()
    assert ours[:500] == list(range(500)), "as long as there are few, all are kept"
    assert [epoch for epoch in ours if epoch > 520] == [epoch for epoch in theirs if epoch > 520]
    layers_of_one_fit = 3 * 8 * (WIDTH + 1)
    assert len(pickle.dumps(pieces)) < len(pickle.dumps(whole)) + 550 * layers_of_one_fit


def test_so_do_those_with_validation():
    """With validation every epoch was recorded, for it takes longer: 7 MB after ten thousand."""
    X, y = np.linspace(-1, 1, 8)[:, None], np.linspace(-1, 1, 8)
    model = Sequential([Dense(2, "tanh"), Dense(1)])
    for _ in range(5000):
        history = model.fit(X, y, validation_data=(X, y))
    epochs = model.history.layers["dense_0"].epochs
    assert epochs[:1024].tolist() == list(range(1024)) and epochs[-1] == 4999 and len(epochs) < 2800
    assert history.layers["dense_0"].epochs.tolist() == [4999] and len(model.history) == 5000


def test_copies_cost_what_they_hold():
    """Ten thousand epochs were copied value by value, which took seconds."""
    n = 10_000
    history = History()
    history.extend(0, {name: np.arange(float(n)) for name in ("loss", "seconds", "learning_rate")})
    history.record_layers(NETWORK, range(n), records(range(n)))
    start = time.process_time()
    copy.deepcopy(history)
    assert time.process_time() - start < 0.2
    numbers = 8 * len(NETWORK) * (WIDTH + 1) + 9 * 3 + 3
    assert len(pickle.dumps(history)) < 1.05 * n * numbers


def test_columns_of_a_round_trip_can_be_continued(full):
    other = History.from_dict(full.to_dict())
    other.extend(6, {"loss": [0.1]})
    other.record_layers(NETWORK, [6], records([6]))
    assert other.epoch == [3, 4, 5, 6] and other.layers["dense_0"].epochs.tolist() == [3, 5, 6]


# ---- layers


def test_layers_by_name_and_field(full):
    assert list(full.layers) == ["dense_0", "dense_1"]
    layer = full.layers["dense_1"]
    assert (layer.name, layer.kind, layer.activation, len(layer)) == ("dense_1", "Dense", "identity", 2)
    assert layer.epochs.tolist() == [3, 5]
    assert layer["gradient_norm"].tolist() == [350, 550]
    assert layer["saturated"].tolist() == [359, 559]
    assert layer.histogram.tolist() == [list(range(360, 392)), list(range(560, 592))]
    assert tuple(layer) == FIELDS and "dead" in layer and "alive" not in layer


def test_unknown_field_is_named(full):
    with pytest.raises(KeyError, match="no field 'grad' in the records of dense_0; there are: gradient_norm"):
        full.layers["dense_0"]["grad"]


def test_recording_layers_twice_is_recording_them_once(history):
    history.record_layers(NETWORK, [3, 4], records([3, 4]))
    history.record_layers(NETWORK, [3, 4, 5], records([3, 4, 5]))
    for number, layer in enumerate(history.layers.values()):
        assert layer.epochs.tolist() == [3, 4, 5]
        assert layer["gradient_norm"].tolist() == [300 + 50 * number, 400 + 50 * number, 500 + 50 * number]


def test_an_interrupted_record_is_completed_by_the_next(history, monkeypatch):
    """As Ctrl-C may strike anywhere: here, between two layers."""
    history.record_layers(NETWORK, [3], records([3]))
    second, original = history.layers["dense_1"], type(history.layers["dense_1"]).extend

    def extend(layer, *arguments):
        if layer is second:
            raise KeyboardInterrupt
        original(layer, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(type(second), "extend", extend)
        with pytest.raises(KeyboardInterrupt):
            history.record_layers(NETWORK, [4], records([4]))
    history.record_layers(NETWORK, [4], records([4]))
    assert [layer.epochs.tolist() for layer in history.layers.values()] == [[3, 4], [3, 4]]


def test_many_single_records():
    history = History()
    for epoch in range(1000):
        history.record_layers(NETWORK, [epoch], records([epoch]))
    np.testing.assert_array_equal(history.layers["dense_0"]["gradient_norm"], 100.0 * np.arange(1000))
    np.testing.assert_array_equal(history.layers["dense_1"].epochs, np.arange(1000))


def test_records_are_copied(history):
    values = records([3])
    history.record_layers(NETWORK, [3], values)
    values[:] = 0
    history.layers["dense_0"]["dead"][:] = 0
    history.layers["dense_0"].histogram[:] = 0
    assert history.layers["dense_0"]["dead"].tolist() == [308]
    assert history.layers["dense_0"].histogram[0, 0] == 310


def test_surgery_keeps_what_goes_on_and_what_has_ended(history):
    history.record_layers(NETWORK, [3, 4], records([3, 4]))
    other = [("dense_0", "Dense", "relu"), ("dense_1", "Dense", "tanh"), ("dense_2", "Dense", "identity")]
    for _ in range(2):
        history.record_layers(other, [5], records([5], other))
    assert {name: layer.epochs.tolist() for name, layer in history.layers.items()} == {
        "dense_0": [3, 4, 5],
        "dense_1": [5],
        "dense_2": [5],
        "dense_1 (to epoch 4)": [3, 4],
    }
    assert [layer.name for layer in history.layers.values()] == list(history.layers)
    history.record_layers(NETWORK[:1], [6], records([6], NETWORK[:1]))
    assert list(history.layers) == ["dense_0", "dense_1", "dense_2", "dense_1 (to epoch 4)"]
    assert history.layers["dense_0"].epochs.tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("epochs", "shape"), [([3], (1, 2, WIDTH - 1)), ([3], (1, 1, WIDTH)), ([3, 4], (1, 2, WIDTH)), (3, (1, 2, WIDTH))]
)
def test_records_of_another_shape_are_refused(history, epochs, shape):
    with pytest.raises(ValueError, match=r"expected epochs \(m,\) and records \(m, 2, 42\), got shapes"):
        history.record_layers(NETWORK, epochs, np.zeros(shape))
    assert history.layers == {}


# ---- tables and files


def test_csv_has_a_row_per_epoch_and_a_column_per_field(full, tmp_path):
    full.to_csv(tmp_path / "run.csv")
    rows = list(csv.DictReader((tmp_path / "run.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["3", "4", "5"]
    assert [row["loss"] for row in rows] == ["0.5", "0.25", "0.125"]
    assert [row["val_loss"] for row in rows] == ["", "", "0.2"]
    assert [row["dense_1.gradient_norm"] for row in rows] == ["350.0", "", "550.0"]
    assert [row["dense_0.gradient_norm"] for row in rows] == ["300.0", "", "inf"]
    assert len(rows[0]) == 4 + 2 * len(FIELDS)


def test_csv_holds_no_formula_for_a_spreadsheet():
    """Layers and metrics may be called anything."""
    history = History()
    name = "=cmd|'/c calc'!A1"
    history.extend(0, {"loss": [-0.5], "@SUM(1)": [1.0]})
    history.record_layers([(name, "Dense", "relu")], [0], records([0], NETWORK[:1]))
    header, values = csv.reader(files.csv_text(history).splitlines())
    assert [cell for cell in (*header, *values) if cell.startswith(("=", "+", "@"))] == []
    assert header[:4] == ["epoch", "loss", "'@SUM(1)", f"'{name}.gradient_norm"]
    assert values[:2] == ["0", "-0.5"]


def test_table_leaves_out_records_of_epochs_without_columns():
    history = History()
    history.record_layers(NETWORK, [0, 7], records([0, 7]))
    history.extend(7, {"loss": [0.5]})
    assert history.table()["dense_0.gradient_norm"] == [700]


def test_a_failed_save_keeps_the_old_file(full, tmp_path):
    path = tmp_path / "run.json"
    full.save(path)
    before = path.read_bytes()
    full.note_data({"rows": object()}, None)
    with pytest.raises(TypeError):
        full.save(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["run.json"]


def changed(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[:-200], "it is not JSON, or was cut off"),
        (lambda text: "", "it is not JSON, or was cut off"),
        (lambda text: "[1, 2]", "it is JSON, but not of the format 'nncore history'"),
        (lambda text: '{"epoch": [0]}', "it is JSON, but not of the format 'nncore history'"),
        (lambda text: "[" * 100_000, "cannot be read as a history"),
        (lambda text: changed(text, "0.125", "NaN"), "NaN is not JSON"),
        (lambda text: changed(text, '"epoch":', '"epoch": [1], "epoch":'), "duplicate key 'epoch'"),
        (lambda text: changed(text, '"format_version": 1', '"format_version": 9'), "version 9 is newer than supported"),
        (lambda text: changed(text, '"format_version": 1, ', ""), "format_version must be an integer"),
        (lambda text: changed(text, '"epoch"', '"epochs"'), "a history needs the key 'epoch'"),
        (lambda text: changed(text, "[3, 4, 5]", "[3, 4]"), "loss must have 2 value.s., got 3"),
        (lambda text: changed(text, "[3, 4, 5]", "[3, 4, 0.5]"), r"epoch\[2\] must be an integer >= 0"),
        (lambda text: changed(text, "0.125", '"0.125"'), r"loss\[2\] must be a number, None.* got '0.125' of type str"),
        (lambda text: changed(text, "0.125", "true"), r"loss\[2\] must be a number, None.* got True of type bool"),
        (lambda text: changed(text, "[0.5, 0.25, 0.125]", "{}"), "loss must be a list, got {} of type dict"),
        (lambda text: changed(text, '"dead"', '"daed"'), r"layer 'dense_0': missing \['dead'\], unexpected \['daed'\]"),
        (lambda text: changed(text, '"epochs": [3, 5]', '"epochs": [5, 3]'), "dense_0.epochs must hold ascending"),
        (lambda text: changed(text, '"epochs": [3, 5]', '"epochs": [3]'), "dense_0.gradient_norm must have 1 value"),
        (lambda text: changed(text, "[310.0, 311.0", "[311.0"), r"dense_0.histogram\[0\] must have 32 value"),
        (lambda text: changed(text, '"kind": "Dense"', '"kind": 7'), "kind must be a str, got 7"),
        (lambda text: changed(text, '"inputs": {', '"inputs": {"x": "y", '), "inputs.x must be a number"),
        (lambda text: changed(text, '"std_max"', '"std"'), "inputs lacks std_max"),
        (lambda text: changed(text, '"batch"', '"step"'), "diverged lacks batch"),
        (lambda text: changed(text, '["dense_0"]', "[0]"), "symmetric must be a str, got 0"),
        (
            lambda text: changed(text, '"inputs": {', '"inputs": {"x": [1], '),
            r"inputs.x must be a number, .* got \[1\]",
        ),
        (
            lambda text: changed(text, '"inputs": {', '"inputs": {"x": 1' + 400 * "0" + ", "),
            "inputs.x is a whole number past the largest float",
        ),
        (
            lambda text: changed(text, '"counts": [', '"counts": 7, "x": ['),
            "targets.counts must be a list, got 7",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_reason(full, tmp_path, damage, message):
    path = tmp_path / "run.json"
    full.save(path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=message) as caught:
        History.load(path)
    assert str(path) in str(caught.value)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="it is not a text file; a history file is written by"):
        History.load(path)
    with pytest.raises(FileNotFoundError):
        History.load(tmp_path / "missing.json")


def test_plot_is_that_of_the_plots(history, monkeypatch):
    monkeypatch.setattr("nncore.plots.learning_curves", lambda *arguments, **options: (arguments, options))
    assert history.plot("loss", log=True) == ((history, "loss"), {"log": True, "ax": None})


def test_repr(history):
    assert repr(history) == "History(3 epochs: loss 0.5 -> 0.125, val_loss 0.2)"
    assert repr(History()) == "History(0 epochs)"
    history = History()
    history.extend(0, {"val_loss": [float("nan")]})
    assert repr(history) == "History(1 epoch: val_loss nan)"


@pytest.mark.parametrize("solver", [None, "lbfgs", "lm"])
def test_what_training_records_is_a_metric_or_reserved(solver):
    X = np.linspace(-1, 1, 8)[:, None]
    model = Sequential([Dense(2, "tanh", l2=0.0 if solver == "lm" else 0.1), Dense(1)])
    model.compile(SGD(0.1, clip_norm=None if solver else 1.0), metrics="mae")
    history = model.fit(X, X**2, epochs=2, validation_split=0.25, solver=solver)
    assert len(history.columns) >= 5
    assert {name.removeprefix("val_") for name in history.columns} - {"mae"} <= set(COLUMNS)
    assert all(hasattr(history, name) or name in COLUMNS for name in RESERVED)


# ---- marks


def test_a_mark_keeps_what_was_there_whatever_comes_after(monkeypatch):
    monkeypatch.setattr("nncore.history.record.MOST_ENDS", 50)  # of 512: they are written as JSON, each three times
    rng = np.random.default_rng(0)
    network = [("dense_0", "Dense", "relu"), ("dense_1", "Dense", "identity")]
    history, marks, copies = History(), [], []
    for epoch in range(120):  # past the epochs from which on a record in between gives way to the next
        history.extend(epoch, {"loss": rng.normal(size=1)})
        history.record_layers(network, [epoch], rng.normal(size=(1, 2, 42)), every=1 if epoch < 60 else 7)
        if epoch % 5 == 2 or 59 < epoch < 75:
            marks.append(Mark(history))
            copies.append(copy.deepcopy(history))
    assert 60 < len(history.layers["dense_0"]) < 75  # of the last 60 hardly more than one in seven
    history.rename_layers({"dense_0": "dense_1", "dense_1": "dense_0"})
    for mark, before in zip(marks, copies, strict=True):
        found = mark.history()
        assert json.dumps(found.to_dict()) == json.dumps(before.to_dict())
        found.extend(found.next_epoch, {"loss": [9.0]})
        found.record_layers(network, [found.next_epoch], np.full((1, 2, 42), 9.0), every=7)
    for mark, before in zip(marks, copies, strict=True):
        assert json.dumps(mark.history().to_dict()) == json.dumps(before.to_dict()), "what is made of it is its own"
    assert len(history) == 120

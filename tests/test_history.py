"""History: columns of numbers, one per epoch."""

import copy
import json
import pickle

import numpy as np
import pytest

from nncore.history import History


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


def test_round_trips(history):
    columns = json.loads(json.dumps({k: v for k, v in history.to_dict().items() if k != "val_loss"}))
    assert columns["epoch"] == [3, 4, 5]
    assert History.from_dict(columns).loss.tolist() == [0.5, 0.25, 0.125]
    for other in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert repr(other) == repr(history)
        assert other.epochs.tolist() == [3, 4, 5]


def test_repr(history):
    assert repr(history) == "History(3 epochs: loss 0.5 -> 0.125, val_loss 0.2)"
    assert repr(History()) == "History(0 epochs)"
    history = History()
    history.extend(0, {"val_loss": [float("nan")]})
    assert repr(history) == "History(1 epoch: val_loss nan)"

"""Losses that users write: what they get, what they may return, and what goes wrong where they are wrong."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import nncore
from nncore import (
    Adam,
    BatchNorm,
    CustomLoss,
    Dense,
    Dropout,
    Ensemble,
    MeanSquaredError,
    ModelFileError,
    Sequential,
    TrainingDiverged,
    fit_many,
    losses,
)
from nncore.base import own_loss

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)).astype(np.float32)
Y = RNG.normal(size=(90, 2)).astype(np.float32)
LAYERS = [Dense(8, "tanh"), BatchNorm(), Dropout(0.2), Dense(2)]


def squares(y_true, y_pred):
    """Mean squared error, in the bits of the built-in one."""
    exact = y_pred.astype(np.float64) - y_true
    return (exact**2).mean(axis=1), 2 * (y_pred - y_true) / y_pred.shape[1]


def made(loss=squares, layers=LAYERS, **options):
    model = Sequential(layers, seed=3)
    model.compile(Adam(0.01), loss=loss, **options)
    return model


def weights(model):
    return [array.tobytes() for array in model.get_weights()]


def columns(history):
    return {name: history[name].tolist() for name in sorted(history) if name != "seconds"}


def test_everything_is_as_with_the_built_in_loss():
    ends = []
    for loss in ("mse", squares):
        model, share = made(loss, metrics=["mae", "r2_score"]), np.abs(X[:, 0])
        history = model.fit(X, Y, epochs=4, batch_size=17, sample_weight=share, validation_split=0.2)
        step = model.stepper()
        found = [columns(history), model.train_on_batch(X[:40], Y[:40], share[:40]), step(X, Y), step(X[:30], Y[:30])]
        found += [dict(model.evaluate(X, Y, sample_weight=share)), str(model.explain_step(X[:9], Y[:9]))]
        value, gradient = model.loss_and_gradient(X, Y)
        ends.append([*found, value, gradient.tobytes(), *weights(model), model.predict(X).tobytes()])
    assert ends[0] == ends[1]


def test_a_solver_minimises_it():
    ends = []
    for loss in ("mse", squares):
        model = Sequential([Dense(4, "tanh"), Dense(2)], dtype="float64")
        model.compile(loss=loss)
        model.fit(X, Y, epochs=20, solver="lbfgs")
        ends.append([*weights(model), model.history["loss"].tolist()])
    assert ends[0] == ends[1]
    with pytest.raises(ValueError, match="solver='lm' minimises squared errors only, this model's loss is of your own"):
        model.fit(X, Y, solver="lm")


def test_y_is_what_was_given_and_the_copies_are_the_functions():
    kept = []

    def greedy(y_true, y_pred):
        kept.append((y_true, y_pred))
        losses, gradient = (y_pred - y_true[:, :2] * y_true[:, 2:]) ** 2, 2 * (y_pred - y_true[:, :2] * y_true[:, 2:])
        copied = y_true.copy()
        y_true[:], y_pred[:] = 7, 7
        kept.append(copied)
        return losses.sum(axis=1), gradient

    y = np.column_stack([Y, np.arange(90)])
    model = made(CustomLoss(greedy, check=False), [Dense(2)])
    model.fit(X, y, batch_size=30, epochs=1, validation_data=(X[:5], y[:5]))
    order = np.concatenate([copied[:, 2] for copied in kept[1::2]])
    assert sorted(order[:90]) == list(range(90)), "every row once"
    assert order[90:].tolist() == [0, 1, 2, 3, 4], "then those to validate on"
    assert all((array == 7).all() for pair in kept[::2] for array in pair), "kept, and never written to again"
    assert y[0, 2] == 0
    with pytest.raises(
        ValueError, match=r"metric 'mae' compares y with the network's 2 output\(s\), and y has 3 columns"
    ):
        made(greedy, [Dense(2)], metrics=["mae"]).fit(X, y)
    with pytest.raises(ValueError, match="metric 'mae' compares"):
        other = made(greedy, [Dense(2)], metrics=["mae"])
        other.build(3)
        other.evaluate(X, y)
    with pytest.raises(ValueError, match="y must have one or two dimensions for a loss of your own"):
        model.fit(X, Y[:, :, None])
    with pytest.raises(ValueError, match="class_weight needs classes"):
        model.fit(X, y, class_weight="balanced")


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_an_error_in_it_ends_training_at_the_last_finished_epoch(error):
    calls = []

    def fails(y_true, y_pred):
        calls.append(None)
        if len(calls) == 8:
            raise error("mine")
        return squares(y_true, y_pred)

    model, expected = made(CustomLoss(fails, check=False)), made("mse")
    with pytest.raises(error, match="mine"):
        model.fit(X, Y, epochs=9, batch_size=30, validation_data=(X, Y))  # 3 batches and a validation an epoch
    expected.fit(X, Y, epochs=1, batch_size=30, validation_data=(X, Y))
    assert model.epoch == 2, "it failed in the validation of the second"
    expected.fit(X, Y, epochs=1, batch_size=30)
    assert weights(model) == weights(expected)
    calls[:] = [None] * 6
    with pytest.raises(error, match="mine"):
        model.fit(X, Y, epochs=2, batch_size=30)
    assert model.epoch == 2
    assert weights(model) == weights(expected)
    model.fit(X, Y, batch_size=30)
    expected.fit(X, Y, batch_size=30)
    assert weights(model) == weights(expected)


def number(y_true, y_pred):
    return 1.0


def text(y_true, y_pred):
    return ["a"] * len(y_pred), y_pred


def column(y_true, y_pred):
    return np.ones((len(y_pred), 1)), y_pred


def mean(y_true, y_pred):
    return np.ones(len(y_pred)), y_pred.mean(axis=1)


def divides(y_true, y_pred):
    with np.errstate(all="ignore"):
        return np.ones(len(y_pred)) / np.where(np.arange(len(y_pred)) == 1, 0, 1), y_pred


def overflows(y_true, y_pred):
    return np.ones(len(y_pred)), np.full(y_pred.shape, 1e300)


WRONG = [
    (number, TypeError, r"loss 'number' must return \(losses, gradient\): .*of shape \(9,\), .*of shape \(9, 2\)"),
    (text, TypeError, "loss 'text' must return numbers as its losses, got 9 values"),
    (column, ValueError, r"returned losses of shape \(9, 1\), expected \(9,\): one number for every row"),
    (mean, ValueError, r"returned gradient of shape \(9,\), expected \(9, 2\): a derivative for every number"),
    (divides, ValueError, "loss 'divides' returned inf among its losses, at row 1 of 9 rows of a batch"),
    (overflows, ValueError, r"returned .* among its gradient, at row 0, output 0 of 9 rows"),
]


@pytest.mark.parametrize(("function", "error", "message"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_wrong_answers_are_named(function, error, message):
    model = made(CustomLoss(function, check=False), [Dense(2)])
    with pytest.raises(error, match=message):
        model.fit(X[:9], Y[:9])
    assert model.epoch == 0


def wrong(factor):
    def loss(y_true, y_pred):
        values, gradient = squares(y_true, y_pred)
        return values, factor(gradient)

    return loss


FACTORS = [lambda g: -g, lambda g: g / len(g), lambda g: 0 * g, lambda g: g[:, ::-1], lambda g: g * 1.01]


@pytest.mark.parametrize("way", ["fit", "train_on_batch", "stepper", "lbfgs"])
def test_a_gradient_that_is_not_that_of_the_values_is_found_before_training(way):
    for factor in FACTORS:
        model = made(wrong(factor), [Dense(4), Dense(2)])
        model.build(3)
        before = weights(model)
        train = {
            "fit": lambda m: m.fit(X, Y),
            "lbfgs": lambda m: m.fit(X, Y, solver="lbfgs"),
            "train_on_batch": lambda m: m.train_on_batch(X, Y),
            "stepper": lambda m: m.stepper()(X, Y),
        }[way]
        for message in (r"gradient at row 0, output 0 is \S+, but its values change by \S+ per unit", "check=False"):
            with pytest.raises(ValueError, match=message):
                train(model)
        assert weights(model) == before
        model.compile(loss=CustomLoss(wrong(factor), check=False))
        train(model)


def pinball(y_true, y_pred):
    d = y_true - y_pred
    return np.maximum(0.9 * d, -0.1 * d).sum(axis=1), np.where(d > 0, -0.9, 0.1)


def in_float32(y_true, y_pred):
    d = np.float32(y_pred) - np.float32(y_true)
    return np.log(np.cosh(d)).sum(axis=1, dtype=np.float32), np.tanh(d)


def of_logarithms(y_true, y_pred):
    p = np.clip(y_pred, 1e-7, None)
    return -np.log(p).sum(axis=1), -1 / p


def of_all_rows(y_true, y_pred):
    """The variance of the batch: no row's loss is its own."""
    d = y_pred - y_pred.mean(axis=0)
    return (d**2).sum(axis=1), 2 * d


@pytest.mark.parametrize("loss", [pinball, in_float32, of_logarithms, of_all_rows])
def test_right_gradients_pass_the_check(loss):
    last = "softmax" if loss is of_logarithms else "identity"
    for dtype in ("float32", "float64"):
        model = Sequential([Dense(2, last, weight_initializer="zeros")], dtype=dtype)  # at the kink, where y is 0
        model.compile(loss=loss)
        model.fit(X, np.where(Y > 1, Y, 0), epochs=2)


class Quantile(losses.Loss):
    def __init__(self, share):
        object.__setattr__(self, "share", share)

    def __call__(self, y_true, y_pred):
        d = y_true - y_pred
        return np.maximum(self.share * d, (self.share - 1) * d).sum(axis=1), np.where(
            d > 0, -self.share, 1 - self.share
        )


def test_a_loss_may_be_an_object_and_is_known_by_its_name():
    model = made(Quantile(0.9), [Dense(2)])
    assert isinstance(model.loss, CustomLoss)
    assert model.loss.name == "Quantile"
    assert "loss: Quantile" in model.summary()
    assert "loss: squares" in made().summary()
    model.fit(X, Y, epochs=2)
    assert losses.get(squares) == losses.get(squares) != losses.get(pinball)
    assert CustomLoss(squares) != CustomLoss(squares, check=False)
    for bad, error, message in [
        (MeanSquaredError, TypeError, "loss must be a name"),
        (losses.Loss(), TypeError, "loss must be one of"),
        (3, TypeError, "loss must be a name"),
        (nncore.metrics.mean_squared_error, TypeError, "did you mean 'mean_squared_error'"),
    ]:
        with pytest.raises(error, match=message):
            model.compile(loss=bad)
    with pytest.raises(TypeError, match="function must be callable"):
        CustomLoss(3)


def test_files_keep_its_name_and_pickles_the_function(tmp_path):
    model, path = made(), tmp_path / "model"
    model.fit(X, Y)
    model.save(path)
    loaded, unpickled, copied = nncore.load(path), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)
    assert loaded.predict(X).tobytes() == model.predict(X).tobytes()
    assert "loss: squares" in loaded.summary()
    for train in (loaded.fit, loaded.evaluate, loaded.train_on_batch):
        with pytest.raises(
            RuntimeError, match=r"the function 'squares', which files do not keep: give it to compile\(loss=sq"
        ):
            train(X, Y)
    loaded.save(path)
    again = nncore.load(path)
    again.compile(Adam(0.01), loss=squares, keep_state=True)
    for one in (model, unpickled, copied, again):
        one.fit(X, Y)
        assert weights(one) == weights(model)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(made(lambda y_true, y_pred: squares(y_true, y_pred)))
    with pytest.raises(ValueError, match="must have the name of its function and nothing else"):
        losses.from_dict({"type": "CustomLoss", "function": 3})
    assert losses.from_dict(losses.to_dict(CustomLoss(squares))).name == "squares"
    assert issubclass(ModelFileError, ValueError)


def test_it_suits_what_else_takes_models():
    models, alone = [made() for _ in range(3)], [made() for _ in range(3)]
    fit_many(models, X, Y, epochs=2)
    for one, other in zip(models, alone, strict=True):
        other.fit(X, Y, epochs=2)
        assert weights(one) == weights(other)
    ensemble, built_in = Ensemble(models), [made("mse") for _ in range(3)]
    for one, other in zip(built_in, models, strict=True):
        one.build(3)
        one.set_weights(other.get_weights())
    assert ensemble.evaluate(X, Y)["loss"] == pytest.approx(Ensemble(built_in).evaluate(X, Y)["loss"])
    model, target = made(), made()
    target.build(3)
    step = model.fit(X, Y) and model.stepper()
    model.compile(loss=squares)
    step(X, Y)
    model.compile(loss=pinball)
    with pytest.raises(RuntimeError, match="this stepper trains a network that its model no longer has"):
        step(X, Y)
    model.compile(loss=lambda y_true, y_pred: squares(target.predict(X[: len(y_pred)]), y_pred))
    model.fit(X, Y, batch_size=30)
    model.compile(loss=CustomLoss(lambda y_true, y_pred: squares(model.predict(X), y_pred), check=False))
    with pytest.raises(RuntimeError, match="in the middle of an epoch"):
        model.fit(X, Y)


def test_divergence_is_told_from_an_error_of_the_function():
    model = Sequential([Dense(2)])
    model.compile(nncore.SGD(1e20), loss=squares)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TrainingDiverged):
            model.fit(X, Y, epochs=9)
    assert own_loss.Forgotten("f").__name__ == "f"

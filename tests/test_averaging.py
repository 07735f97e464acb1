"""Averages of weights: by the formula, put in however training ends, with running statistics, alone and in company."""

import pickle

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    EarlyStopping,
    ExponentialMovingAverage,
    LambdaCallback,
    Sequential,
    StochasticWeightAveraging,
    TrainingDiverged,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] * 2 + RNG.normal(size=(40, 1))


def new_model(dtype="float32", optimizer=None):
    model = Sequential([Dense(4, "tanh"), BatchNorm(), Dense(1)], seed=1, dtype=dtype)
    model.compile(optimizer or Adam(0.05))
    return model


def path(dtype, epochs):
    """Return the weights after each epoch of a training without an average."""
    model, weights = new_model(dtype), []
    model.fit(X, Y, epochs=epochs, callbacks=lambda model, epoch, logs: weights.append(model.get_weights()))
    return weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_averages_by_the_formula(dtype):
    weights = path(dtype, 7)
    expected = [w.astype(float) for w in weights[2]]
    for new in weights[3:]:
        expected = [0.75 * e + 0.25 * w for e, w in zip(expected, new, strict=True)]
    tolerance = {"rtol": 1e-6 if dtype == "float32" else 1e-14}
    for average, exact in (
        (ExponentialMovingAverage(0.75, start_from_epoch=2), expected),
        (StochasticWeightAveraging(3), [np.mean(group, axis=0) for group in zip(*weights[3:], strict=True)]),
    ):
        model = new_model(dtype)
        model.fit(X, Y, epochs=7, callbacks=average)
        assert len(exact) == 8  # two layers of two, and gamma, beta, mean and variance
        for found, mean, own in zip(model.get_weights(), exact, average.weights, strict=True):
            np.testing.assert_allclose(found, mean, **tolerance)
            assert np.array_equal(found, own) and found.dtype == dtype
        assert average.n_averaged == 7 - average.start_from_epoch
        assert all(map(np.array_equal, average.trained_weights, weights[-1]))
        model.set_weights(average.trained_weights)
        plain = new_model(dtype)
        plain.fit(X, Y, epochs=9)
        model.fit(X, Y, epochs=2)
        assert np.array_equal(model.parameters, plain.parameters), "taken out again, training goes on as if without it"


def test_bits_do_not_depend_on_pauses_threads_or_company():
    def trained(*callbacks):
        model = new_model()
        model.fit(X, Y, epochs=6, callbacks=[ExponentialMovingAverage(0.5), *callbacks])
        return model.parameters.copy()

    alone = trained()
    assert np.array_equal(trained(lambda model, epoch, logs: None), alone)  # which makes fit pause after every epoch
    before = nncore.get_num_threads()
    nncore.set_num_threads(1)
    try:
        assert np.array_equal(trained(), alone)
    finally:
        nncore.set_num_threads(before)
    models = [new_model() for _ in range(3)]
    nncore.fit_many(models, X, Y, epochs=6, callbacks=lambda k: ExponentialMovingAverage(0.5))
    assert all(np.array_equal(model.parameters, alone) for model in models)


def test_it_is_put_in_however_training_ends():
    weights = path("float32", 4)
    last = StochasticWeightAveraging(0)
    model = new_model()
    model.fit(X, Y, epochs=9, callbacks=[lambda model, epoch, logs: nncore.STOP if epoch == 3 else None, last])
    assert last.n_averaged == 4
    np.testing.assert_allclose(model.get_weights()[0], np.mean([w[0] for w in weights], axis=0), rtol=1e-6)

    def fails(model, epoch):
        if epoch == 4:
            raise KeyboardInterrupt

    other, again = new_model(), StochasticWeightAveraging(0)
    with pytest.raises(KeyboardInterrupt):
        other.fit(X, Y, epochs=9, callbacks=[again, LambdaCallback(on_epoch_begin=fails)])
    assert np.array_equal(other.parameters, model.parameters)

    diverging, of_none = new_model(optimizer=SGD(1e37)), StochasticWeightAveraging(0)
    with pytest.raises(TrainingDiverged):
        diverging.fit(X, Y, epochs=3, callbacks=of_none)
    assert of_none.n_averaged == 0 and of_none.weights is None


def test_nothing_averaged_leaves_the_model_alone():
    for average in (StochasticWeightAveraging(9), ExponentialMovingAverage(put_in=False)):
        model, plain = new_model(), new_model()
        model.fit(X, Y, epochs=3, callbacks=average)
        plain.fit(X, Y, epochs=3)
        assert np.array_equal(model.parameters, plain.parameters)
    assert average.weights is not None and not np.array_equal(average.weights[0], average.trained_weights[0])


def test_each_fit_begins_anew_and_the_last_callback_has_the_last_word():
    average = ExponentialMovingAverage(0.9)
    model = new_model()
    model.fit(X, Y, epochs=3, callbacks=average)
    model.fit(X, Y, epochs=2, callbacks=average)
    assert average.n_averaged == 2
    model, best = new_model(), EarlyStopping("loss", patience=99)
    model.fit(X, Y, epochs=5, callbacks=[best, average])
    assert np.array_equal(model.get_weights()[0], average.weights[0])
    model.fit(X, Y, epochs=5, callbacks=[average, best])
    assert not np.array_equal(model.get_weights()[0], average.weights[0])


def test_statistics_are_renewed_at_a_rate_of_0():
    model = new_model("float64")
    model.fit(X, Y, epochs=30, callbacks=StochasticWeightAveraging(5))
    weights = model.parameters.copy()
    model.compile(SGD(0), "mse")
    model.fit(X, Y, epochs=200, batch_size=40)
    assert np.array_equal(model.parameters, weights)
    (mean, variance), seen = model.get_weights()[6:], model.activations(X, 0)
    np.testing.assert_allclose(mean, seen.mean(axis=0), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(variance, seen.var(axis=0, ddof=1), rtol=1e-6)


def test_pickles_and_wrong_arguments():
    average = StochasticWeightAveraging(1)
    new_model().fit(X, Y, epochs=2, callbacks=average)
    assert np.array_equal(pickle.loads(pickle.dumps(average)).weights[0], average.weights[0])
    for call, error, said in (
        (lambda: ExponentialMovingAverage(1), ValueError, "decay must be a finite number >= 0 and < 1, got 1.0"),
        (lambda: ExponentialMovingAverage(put_in=1), TypeError, "put_in must be True or False, got 1"),
        (lambda: StochasticWeightAveraging(-1), ValueError, "start_from_epoch must be"),
        (lambda: StochasticWeightAveraging(), TypeError, "start_from_epoch"),
    ):
        with pytest.raises(error, match=said):
            call()


class Steps:
    """Keeps the weights after each batch, flat, and after how many of them each epoch ended."""

    def __init__(self):
        self.weights, self.ends, self.seen = [], [], []

    def on_batch_end(self, model, epoch, logs):
        self.weights.append(np.concatenate([weight.ravel() for weight in model.get_weights()]).astype(float))
        self.seen.append(model.parameters.copy())

    def on_epoch_end(self, model, epoch, logs):
        self.ends.append(len(self.weights))


@pytest.mark.parametrize(("every", "start"), [("batch", 0), ("batch", 2), (1, 0), (3, 1), (50, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_averages_after_batches_by_the_formula(dtype, every, start):
    steps, average = Steps(), ExponentialMovingAverage(0.9, every=every, start_from_epoch=start)
    model = new_model(dtype)
    model.fit(X, Y, epochs=6, batch_size=8, callbacks=[steps, average])
    taken = steps.weights[5 * start :][(1 if every == "batch" else every) - 1 :: 1 if every == "batch" else every]
    assert average.n_averaged == len(taken)
    if not taken:
        assert average.weights is None
        return
    expected = taken[0]
    for new in taken[1:]:
        expected = 0.9 * expected + 0.1 * new
    found = np.concatenate([weight.ravel() for weight in model.get_weights()])
    np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == "float32" else 1e-13)
    assert all(map(np.array_equal, model.get_weights(), average.weights))
    plain = new_model(dtype)
    plain.fit(X, Y, epochs=6, batch_size=8)
    assert all(map(np.array_equal, average.trained_weights, plain.get_weights()))


def test_the_batches_of_an_epoch_that_is_given_up_are_not_in_the_average():
    class GivesUp:
        batches = 0

        def on_batch_end(self, model, epoch, logs):
            self.batches += 1
            return nncore.STOP if self.batches == 13 else None

    short, long = (ExponentialMovingAverage(0.9, every="batch") for _ in range(2))
    new_model().fit(X, Y, epochs=2, batch_size=8, callbacks=short)
    new_model().fit(X, Y, epochs=9, batch_size=8, callbacks=[long, GivesUp()])
    assert (short.n_averaged, long.n_averaged) == (10, 10)
    assert all(map(np.array_equal, short.weights, long.weights))


def test_hooks_of_batches_see_the_parameters_of_their_batch():
    """Not those of the first that somebody asked for."""
    steps, model = Steps(), new_model()
    model.build(3)
    held = model.parameters
    model.fit(X, Y, epochs=2, batch_size=8, callbacks=steps)
    n = model.n_parameters
    assert all(
        np.array_equal(seen, flat[:n].astype("float32")) for seen, flat in zip(steps.seen, steps.weights, strict=True)
    )
    assert held is model.parameters and np.array_equal(held, steps.seen[-1])


def test_who_averages_after_epochs_has_no_hook_of_batches_and_who_does_is_checked():
    assert not hasattr(ExponentialMovingAverage(), "on_batch_end")
    one = pickle.loads(pickle.dumps(ExponentialMovingAverage(every="batch")))
    new_model().fit(X, Y, epochs=2, batch_size=8, callbacks=one)
    assert one.n_averaged == 10
    with pytest.raises(ValueError, match="averages after batches, and a solver has none: leave every out"):
        Sequential([Dense(1)]).fit(X, Y, solver="lbfgs", callbacks=ExponentialMovingAverage(every="batch"))
    with pytest.raises(ValueError, match="every must be 'epoch' or 'batch', got 'bach'; did you mean 'batch'"):
        ExponentialMovingAverage(every="bach")
    with pytest.raises(ValueError, match="every must be an integer >= 1, got 0"):
        ExponentialMovingAverage(every=0)
    models = [new_model() for _ in range(3)]
    averages = nncore.fit_many(models, X, Y, epochs=2, callbacks=lambda k: ExponentialMovingAverage(0.5, every="batch"))
    alone = new_model()
    alone.fit(X, Y, epochs=2, callbacks=ExponentialMovingAverage(0.5, every="batch"))
    assert len(averages) == 3 and all(np.array_equal(model.parameters, alone.parameters) for model in models)

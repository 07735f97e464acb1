"""``fit(steps_per_epoch=...)``: epochs of so many batches, each of which goes on where the one before stopped."""

from itertools import pairwise

import numpy as np
import pytest

from nncore import (
    SGD,
    Adam,
    CosineDecay,
    Dense,
    Dropout,
    EarlyStopping,
    Sequential,
    TrainingDiverged,
    fit_many,
    load,
)
from nncore.base.random import block_permutation, permutation, permuted_part
from nncore.data import Batches, Blocks, Rows
from nncore.training.stepwise import Passes

RNG = np.random.default_rng(0)
X = RNG.standard_normal((160, 3)).astype(np.float32)
Y = (X[:, :1] * X[:, 1:2] > 0).astype(np.float32)
WEIGHT = RNG.uniform(0, 2, 160)


def model(metrics=("accuracy", "mae"), rate=0.01):
    found = Sequential([Dense(8, "relu"), Dropout(0.2), Dense(1, "sigmoid")], seed=2)
    found.compile(Adam(rate), metrics=list(metrics))
    return found


def same(one, other, first, second):
    assert first.columns == second.columns
    for name in set(first.columns) - {"seconds"}:
        summed = name in ("mae", "<lambda>")  # in Python, over the rows in the order of training
        np.testing.assert_allclose(first[name], second[name], 2e-7 if summed else 0, err_msg=name)
    assert np.array_equal(one.parameters, other.parameters)


@pytest.mark.parametrize("shuffle", [None, False, "block", Blocks(buffer_rows=64, block_rows=5)], ids=str)
@pytest.mark.parametrize("metrics", [["accuracy"], ["mae", lambda y_true, y_pred: float((y_true * y_pred).sum())]])
def test_as_many_steps_as_a_pass_has_are_an_epoch_as_it_was(shuffle, metrics):
    options = {"epochs": 4, "shuffle": shuffle, "sample_weight": WEIGHT, "validation_data": (X[:50], Y[:50])}
    one, other = model(metrics), model(metrics)
    same(one, other, one.fit(X, Y, **options), other.fit(X, Y, steps_per_epoch=5, **options))


@pytest.mark.parametrize("metrics", [[], ["mae"]])
def test_fewer_steps_are_parts_of_it(metrics):
    """With a schedule that is given twice the epochs, the updates are the same."""
    whole, halves = (model(metrics, CosineDecay(0.02, epochs=epochs)) for epochs in (6, 12))
    history = whole.fit(X, Y, epochs=6, batch_size=16)
    found = halves.fit(X, Y, epochs=12, batch_size=16, steps_per_epoch=5)
    np.testing.assert_allclose(halves.parameters, whole.parameters, rtol=1e-5, atol=1e-7)
    for name in ("loss", *metrics):
        np.testing.assert_allclose(found[name].reshape(6, 2).mean(axis=1), history[name], rtol=1e-5)
    np.testing.assert_allclose(found.learning_rate[1::2], history.learning_rate)
    assert halves.epoch == 12


@pytest.mark.parametrize(("steps", "batch_size"), [(3, 16), (7, 32), (23, 8), (1, 1000)])
@pytest.mark.parametrize("shuffle", [True, False, Blocks(buffer_rows=64, block_rows=5)], ids=str)
def test_every_row_has_its_turn_before_one_has_it_again(steps, batch_size, shuffle):
    batch_size = min(batch_size, len(X))
    seen, windows = [], shuffle.sizes(3, batch_size) if isinstance(shuffle, Blocks) else None
    one = model(["mse"])
    numbers = np.arange(len(X), dtype=float)

    def rows(y_true, y_pred):
        seen.extend(y_true[:, 0].astype(int).tolist())
        return 0.0

    one = Sequential([Dense(1)], seed=4)
    one.compile(SGD(0), "mse", metrics=[rows])
    seen.clear()
    history = one.fit(X, numbers, epochs=9, steps_per_epoch=steps, batch_size=batch_size, shuffle=shuffle)
    seen = seen[-9 * steps * batch_size :]
    passes = -(-len(seen) // len(X))
    order = {True: lambda p: permutation(4, p, len(X)), False: lambda p: np.arange(len(X))}.get(
        shuffle, lambda p: block_permutation(4, p, len(X), *windows)
    )
    assert seen == np.concatenate([order(p) for p in range(passes)])[: len(seen)].tolist()
    assert len(history) == 9


def test_passes_draw_as_whole_epochs_do():
    for n, windows in ((100, (7, 30)), (64, (64, 64)), (65, (1, 10)), (99, (50, 33))):

        def draw(n, seed, number, part=None):
            return permutation(seed, number, n) if part is None else permuted_part(n, seed, number, part)

        passes = Passes(n, 3, draw, True, windows)
        expected = np.concatenate([block_permutation(3, p, n, *windows) for p in range(3)])
        cuts = [0, 1, 29, 30, n - 1, n, n + 11, 3 * n]
        for first, last in pairwise(cuts):
            np.testing.assert_array_equal(passes.rows(first, last - first), expected[first:last])


def test_sources_are_trained_on_as_arrays_are(tmp_path):
    np.save(tmp_path / "x.npy", X)

    def batches():
        for part in np.array_split(np.arange(len(X)), 3):
            yield X[part], Y[part]

    options = {"epochs": 7, "steps_per_epoch": 3, "batch_size": 16, "validation_freq": 2}
    held = {"validation_data": (X[:50], Y[:50])}
    whole = model()
    history = whole.fit(X, Y, shuffle="block", **options, **held)
    for source in (Rows(np.load(tmp_path / "x.npy", mmap_mode="r"), Y), Batches(batches)):
        one = model()
        same(whole, one, history, one.fit(source, **options, **held))


def test_it_goes_on_over_calls_and_files(tmp_path):
    whole, parts = model(), model()
    whole.fit(X, Y, epochs=5, steps_per_epoch=2)
    parts.fit(X, Y, epochs=2, steps_per_epoch=2)
    parts.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    again.fit(X, Y, epochs=3, steps_per_epoch=2)
    assert np.array_equal(whole.parameters, again.parameters)


def test_callbacks_count_these_steps():
    heard, progress = [], []

    class Hears:
        def on_batch_end(self, model, epoch, logs):
            heard.append((epoch, logs["batch"], logs["n_batches"]))

        def on_progress(self, model, epoch, logs):
            progress.append(logs["n_batches"])

    model().fit(X, Y, epochs=2, steps_per_epoch=3, callbacks=Hears())
    assert heard == [(epoch, batch, 3) for epoch in range(2) for batch in range(3)]
    assert set(progress) <= {3}
    stopping = EarlyStopping("loss", patience=2, min_delta=10)
    assert len(model().fit(X, Y, epochs=99, steps_per_epoch=1, callbacks=stopping)) == 3


def test_where_it_diverges_is_said_by_the_rows_of_all():
    wrong = X.astype(np.float64)
    wrong[37] = 1e300
    errors = []
    for options in ({}, {"steps_per_epoch": 4}):
        one = Sequential([Dense(1)], dtype="float64")
        one.compile(SGD(0.01), "mse")
        with pytest.raises(TrainingDiverged) as caught:
            one.fit(wrong, Y, epochs=50, batch_size=10, **options)
        errors.append(caught.value)
    whole, part = errors
    assert 37 in part.rows and part.rows == whole.rows
    assert part.epoch * 4 + part.batch == whole.batch >= 4


def test_what_is_no_number_of_steps_and_who_has_none_is_named():
    for steps, error in ((0, ValueError), (2.5, TypeError), ("3", TypeError), (True, TypeError)):
        with pytest.raises(error, match="steps_per_epoch must be an integer >= 1, got"):
            model().fit(X, Y, steps_per_epoch=steps)
    with pytest.raises(ValueError, match="solver='lbfgs' uses all rows at once: leave steps_per_epoch=3 out"):
        model([]).fit(X, Y, solver="lbfgs", steps_per_epoch=3)
    with pytest.raises(TypeError, match="it goes to a Sequential's fit, as in"):
        fit_many([model()], X, Y, steps_per_epoch=3)


def test_the_doctor_takes_no_other_rows_for_steps_that_are_too_long():
    """Epochs of one batch each have a loss that goes up and down by the rows that they have."""

    def findings(rate, **options):
        found = Sequential([Dense(8, "tanh"), Dense(1)], seed=0)
        found.compile(SGD(rate))
        noisy = (X @ [1, 2, -1] + 4 * WEIGHT).astype(np.float32)
        return {finding.rule for finding in found.fit(X, noisy, **options).doctor()}

    for rate, rules in ((0.001, set()), (0.3, {"learning_rate_too_high"})):
        assert findings(rate, epochs=40) & {"learning_rate_too_high"} == rules
        assert findings(rate, epochs=200, steps_per_epoch=1) & {"learning_rate_too_high"} == rules


def test_an_epoch_that_memory_cannot_hold_is_refused():
    with pytest.raises(ValueError, match=r"steps_per_epoch=1,000,000,000 makes an epoch of 32,000,000,000 rows, whose"):
        model().fit(X, Y, steps_per_epoch=10**9)

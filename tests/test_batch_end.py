"""on_batch_end: a hook for every batch, which changes no bit and is paid for by those alone who have it."""

import numpy as np
import pytest

from nncore import STOP, Dense, EarlyStopping, LambdaCallback, Sequential, data, fit_many

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 3)).astype(np.float32)
Y = X[:, :1] ** 2


def new(seed=1):
    return Sequential([Dense(6, "tanh"), Dense(1)], seed=seed)


class Seen:
    def __init__(self):
        self.heard, self.weights = [], []

    def on_batch_end(self, model, epoch, logs):
        self.heard.append((epoch, logs["batch"], logs["n_batches"], logs["loss"]))
        self.weights.append(model.get_weights()[0].copy())


@pytest.mark.parametrize("beside", [[], [EarlyStopping("loss")]])
def test_every_batch_is_told_with_its_loss_and_its_weights(beside):
    model, seen = new(), Seen()
    history = model.fit(X, Y, epochs=2, batch_size=32, shuffle=False, callbacks=[seen, *beside])
    assert [one[:3] for one in seen.heard] == [(epoch, batch, 3) for epoch in (0, 1) for batch in (0, 1, 2)]
    by_hand = new()
    by_hand.build(3)
    for epoch in range(2):
        for batch in range(3):
            rows = slice(32 * batch, 32 * batch + 32)
            assert by_hand.train_on_batch(X[rows], Y[rows]) == seen.heard[3 * epoch + batch][3]
            assert np.array_equal(by_hand.get_weights()[0], seen.weights[3 * epoch + batch])
    alone = new()
    assert np.array_equal(alone.fit(X, Y, epochs=2, batch_size=32, shuffle=False).loss, history.loss)
    assert np.array_equal(alone.parameters, model.parameters)


def test_a_stop_goes_back_to_the_start_of_the_epoch_and_so_does_an_error():
    def stop(model, epoch, logs):
        return STOP if epoch == 2 and logs["batch"] == 1 else None

    def fail(model, epoch, logs):
        if epoch == 2 and logs["batch"] == 1:
            raise KeyError("mine")

    expected = new()
    expected.fit(X, Y, epochs=2)
    model = new()
    history = model.fit(X, Y, epochs=5, callbacks=LambdaCallback(on_batch_end=stop))
    assert len(history) == model.epoch == 2 and np.array_equal(model.parameters, expected.parameters)
    model = new()
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, Y, epochs=5, callbacks=LambdaCallback(on_batch_end=fail))
    assert model.epoch == 2 and np.array_equal(model.parameters, expected.parameters)
    model.fit(X, Y)  # it can go on


def test_it_can_read_weights_and_nothing_else():
    def predict(model, epoch, logs):
        model.predict(X)

    with pytest.raises(RuntimeError, match="in the middle of an epoch"):
        new().fit(X, Y, callbacks=LambdaCallback(on_batch_end=predict))
    with pytest.raises(TypeError, match="on_train_batch_end"):
        new().fit(X, Y, callbacks=type("Own", (), {"on_train_batch_end": lambda self, batch, logs=None: None})())
    with pytest.raises(TypeError, match="on_batch_end"):
        new().fit(X, Y, callbacks=type("Own", (), {"on_batch_end": lambda self, batch, logs: None})())


def test_streamed_rows_and_many_networks():
    seen, whole = Seen(), Seen()
    model, other = new(), new()
    model.fit(data.Rows(X, Y), epochs=2, shuffle=data.Blocks(32, 8), batch_size=16, callbacks=seen)
    other.fit(X, Y, epochs=2, shuffle=data.Blocks(32, 8), batch_size=16, callbacks=whole)
    assert seen.heard == whole.heard and len(seen.heard) == 10
    models, all_seen = [new(k) for k in range(6)], [Seen() for _ in range(6)]
    fit_many(models, X, Y, epochs=2, callbacks=[[one] for one in all_seen])
    alone = Seen()
    last = new(5)
    last.fit(X, Y, epochs=2, callbacks=alone)
    assert alone.heard == all_seen[5].heard and np.array_equal(last.parameters, models[5].parameters)

"""The flat vector of all parameters: who holds it, and what that costs."""

import copy
import pickle

import numpy as np
import pytest

from nncore import Dense, Sequential

X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(int)

HOLDERS = {
    "the vector": lambda vector: vector,
    "a slice": lambda vector: vector[5:],
    "a slice of a slice": lambda vector: vector[1:][4:],
    "another shape": lambda vector: vector[7:].reshape(3, -1)[1:],
    "flat": lambda vector: vector.ravel(),
    "other bits": lambda vector: vector.view(np.int32),
    "a memoryview": lambda vector: memoryview(vector)[5:],
    "an array of a buffer": lambda vector: np.frombuffer(vector, np.float32)[5:],
    "an array by DLPack": lambda vector: np.from_dlpack(vector)[5:],
}


def built():
    model = Sequential([Dense(8, "relu"), Dense(3, "softmax")], seed=1)
    model.build(4)
    return model


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_whoever_can_write_the_parameters_holds_them(hold):
    model = built()
    first = model.predict(X)
    holder = hold(model.parameters)
    seen = np.asarray(holder).view(np.float32).ravel()
    assert np.array_equal(model.predict(X), first)
    assert model.parameters is model.parameters
    model.parameters[:] = 0.25
    assert (seen == 0.25).all()
    seen[-1] = 9
    assert model.predict(X)[:, 2].min() > 0.9, "written through the holder"
    model.fit(X, LABELS)
    assert seen[-1] == model.get_weights()[-1][-1] != 9


def test_nobody_counts_references(monkeypatch):
    """Python may hold references of its own, and other interpreters count none."""
    monkeypatch.setattr("sys.getrefcount", lambda thing: pytest.fail("counted"))
    model = built()
    model.parameters[:] = 0
    np.testing.assert_allclose(model.predict(X), 1 / 3)
    model.parameters[-1] = 9
    assert model.parameters[-1] == 9, "what was written before the vector was let go"
    assert model.predict(X)[:, 2].min() > 0.9
    assert model._state.network._lent is None, "nobody can write it any more"


class Spy:
    """A plan that notes whether parameters were copied into it."""

    def __init__(self, plan):
        self.plan, self.copied = plan, []

    def __getattr__(self, name):
        return getattr(self.plan, name)

    def set_parameters(self, parameters):
        self.copied.append(self.plan.set_parameters(parameters))


def test_a_vector_that_is_held_but_not_written_is_not_copied(monkeypatch):
    model = built()
    spy, vector = Spy(model._state.network._plan), model.parameters
    monkeypatch.setattr(model._state.network, "_plan", spy)
    for _ in range(2):
        model.predict(X)
    model.evaluate(X, LABELS)
    model.train_on_batch(X.tolist(), LABELS)  # arrays, the engine would compare itself
    model.predict(X)
    vector[7] = -vector[7]
    model.predict(X)
    model.predict(X)
    assert spy.copied == [False] * 5 + [True, False]


def test_a_single_row_is_predicted_by_the_vector_itself(monkeypatch):
    model, other = built(), built()
    spy, vector = Spy(model._state.network._plan), model.parameters
    monkeypatch.setattr(model._state.network, "_plan", spy)
    for value in (0.5, -0.25):
        vector[::3] = value
        other.parameters[:] = vector
        assert np.array_equal(model.predict(X[:1]), other.predict(X[:1]))
    assert spy.copied == []
    with pytest.raises(ValueError, match="X"):
        model.predict(np.full((1, 4), np.nan))
    assert np.array_equal(model.predict(X), other.predict(X)) and spy.copied == [True]


def test_a_copy_of_the_parameters_is_an_array_like_any_other():
    vector = built().parameters
    for other in (vector.copy(), copy.copy(vector), copy.deepcopy(vector), pickle.loads(pickle.dumps(vector))):
        assert type(other) is np.ndarray and other.dtype == vector.dtype and other.flags.owndata
        assert np.array_equal(other, vector) and not np.shares_memory(other, vector)

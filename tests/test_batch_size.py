"""Batches that a network with a batchnorm cannot be trained on: refused before anything is changed."""

import numpy as np
import pytest

from nncore import BatchNorm, Dense, LayerNorm, Residual, Sequential
from nncore.base import memory

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = X[:, :1].copy()
LAYERS = [Dense(4, "tanh"), BatchNorm(), Dense(1)]


@pytest.mark.parametrize(("n", "options"), [(20, {"batch_size": 1}), (1, {}), (4, {"validation_split": 0.75})])
def test_one_row_at_a_time_cannot_be_normalised(n, options):
    for layers, name in ((LAYERS, "batch_norm_1"), ([Residual([BatchNorm(name="norm"), Dense(3)]), Dense(1)], "norm")):
        model = Sequential(layers)
        with pytest.raises(
            ValueError, match=rf"layer '{name}' normalises over a batch, and batch_size is 1 row.*Layer"
        ):
            model.fit(X[:n], Y[:n], **options)
        assert not model.built and not len(model.history)
    Sequential([Dense(3), LayerNorm(), Dense(1)]).fit(X[:n], Y[:n], **options)


def test_train_on_one_row_cannot_be_normalised():
    model = Sequential(LAYERS)
    with pytest.raises(ValueError, match=r"layer 'batch_norm_1' .* at least 2 rows in X and in a batch, or LayerNorm"):
        model.train_on_batch(X[:1], Y[:1])
    assert not model.built
    model.train_on_batch(X[:2], Y[:2])
    model.fit(X[:17], Y[:17], batch_size=16)  # a last batch of one row is no reason to refuse


ALL, OPERANDS = 3 + 4 + 4 + 1, 3 + 4 + 4 + 1
"""Numbers of a row: of inputs and of all layers, with as many derivatives; and of what is multiplied, rounded."""


@pytest.mark.parametrize(
    ("dtype", "bytes_each"), [("float64", 2 * 8 * ALL), ("mixed_bfloat16", 2 * 4 * ALL + 4 * OPERANDS)]
)
def test_a_batch_that_has_to_fit_into_memory(dtype, bytes_each, monkeypatch):
    model = Sequential(LAYERS, dtype=dtype)
    model.build(3)
    n_bytes = bytes_each * 16
    monkeypatch.setattr(memory, "available", lambda: n_bytes - 1)
    message = f"'batch_norm_1' .* batch_size=16 needs at least {n_bytes:,} bytes .* at most 15, fewer units"
    for train in (lambda: model.fit(X, Y, batch_size=16), lambda: model.train_on_batch(X[:16], Y[:16])):
        with pytest.raises(ValueError, match=message):
            train()
    assert model.epoch == 0
    model.fit(X, Y, batch_size=15)
    Sequential([Dense(1)], dtype=dtype).fit(X, Y, batch_size=16)  # which cuts a batch into pieces
    monkeypatch.setattr(memory, "available", lambda: n_bytes)
    model.fit(X, Y, batch_size=16)

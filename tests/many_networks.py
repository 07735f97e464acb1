"""Random mixes of networks, and what the tests of many networks compare them by."""

import os
import signal

import numpy as np

from nncore import SGD, Adam, AdamW, CosineDecay, EarlyStopping, ExponentialDecay, OneCycle, RMSprop, Sequential
from nncore.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual


class Mix:
    """Some networks of all kinds, rows for each, and how they are trained; the same ones for the same seed."""

    def __init__(self, seed, n=6):
        self.seed, self.n = seed, n
        rng = np.random.default_rng([seed, 1])
        self.X = rng.normal(size=(130, 5)).astype(np.float32 if seed % 2 else np.float64)
        self.y = rng.integers(3, size=130)
        self.rows = [None if rng.random() < 0.3 else rng.choice(130, rng.integers(40, 130)) for _ in range(n)]
        self.epochs = rng.integers(1, 6, size=n).tolist()
        self.batch_size = rng.integers(4, 60, size=n).tolist()
        self.held = [rng.choice(130, 30) for _ in range(n)]
        self.weight = rng.random(130)

    def models(self):
        return [self.model(k) for k in range(self.n)]

    def model(self, k):
        rng = np.random.default_rng([self.seed, 2, k])
        width = int(rng.integers(3, 20))
        hidden = [
            Dense(width, rng.choice(["tanh", "relu", "gelu"]), l1=0.01 * rng.integers(2), l2=0.01 * rng.integers(2))
        ]
        kinds = [
            BatchNorm(),
            LayerNorm(),
            Dropout(0.25),
            Residual([Dense(7, "relu"), Dense(width)]),
            Dense(width, "tanh"),
        ]
        hidden += [kinds[i] for i in rng.choice(len(kinds), 2, replace=False)]
        model = Sequential([*hidden, Dense(3, "softmax")], seed=k, dtype=str(rng.choice(["float32", "float64"])))
        rates = [0.01, CosineDecay(0.02, epochs=5), OneCycle(0.05, epochs=4), ExponentialDecay(0.02, factor=0.9)]
        rate = rates[rng.integers(len(rates))]
        rules = [SGD(rate, momentum=0.9), Adam(rate, clip_norm=0.5), AdamW(rate), RMSprop(rate, clip_value=0.1)]
        metrics = [["accuracy"], None, [own]][rng.integers(3)]
        model.compile(rules[rng.integers(len(rules))], metrics=metrics)
        return model

    def options(self):
        """What `fit_many` is given."""
        found = {"rows": self.rows, "epochs": self.epochs, "batch_size": self.batch_size, "verbose": 0}
        if self.seed % 3 == 0:
            found |= {"validation_rows": self.held, "callbacks": stopping}
        if self.seed % 3 == 1:
            found |= {"validation_data": (self.X[:20], self.y[:20])}
        if self.seed % 4 == 1:
            found |= {"sample_weight": self.weight}
        if self.seed % 4 == 2:
            found |= {"class_weight": "balanced", "shuffle": False}
        return found


def own(y_true, y_pred):
    """A metric that the engine does not know."""
    return float(np.abs(y_pred).max())


def stopping():
    return EarlyStopping("val_loss", patience=1)


def mixes(n):
    return [Mix(seed) for seed in range(n)]


def alone(mix, k):
    """Return model number `k` of a mix and its history, trained by ``fit``."""
    model, options = mix.model(k), mix.options()
    rows = slice(None) if mix.rows[k] is None else mix.rows[k]
    kept = {name: options[name] for name in ("class_weight", "shuffle", "validation_data") if name in options}
    if "validation_rows" in options:
        kept |= {"validation_data": (mix.X[mix.held[k]], mix.y[mix.held[k]]), "callbacks": stopping()}
    if "sample_weight" in options:
        kept["sample_weight"] = mix.weight[rows]
    history = model.fit(mix.X[rows], mix.y[rows], epochs=mix.epochs[k], batch_size=mix.batch_size[k], **kept)
    return model, history


def equal(one, other):
    """Assert that two models are the same in every bit, and would go on in the same way."""
    for first, second in zip(one._state.network.state(), other._state.network.state(), strict=True):
        assert np.array_equal(first, second)
    assert one.epoch == other.epoch


class KilledOnce:
    """A callback that kills its process unless somebody has done so before."""

    def __init__(self, path):
        self.path = str(path)

    def on_epoch_end(self, model, epoch, logs):
        if epoch == 2:
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)

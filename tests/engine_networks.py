"""Networks, data and parameters that the tests of the plan share."""

import numpy as np

from nncore import SGD, Adagrad, Adam, AdamW, Constant, Lion, Nadam, RMSprop, losses
from nncore.layers import (
    Activation,
    BatchNorm,
    CategoryEncoding,
    Columns,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    LayerNorm,
    Normalization,
    Parallel,
    PReLU,
    Residual,
    RMSNorm,
)
from nncore.losses import TARGETS_OF_KERNEL
from nncore.network.first_values import initial_statistics
from nncore.program import lower

HEADS = {
    "sparse_categorical_crossentropy": "softmax",
    "categorical_crossentropy": "softmax",
    "binary_crossentropy": "sigmoid",
    "binary_focal_crossentropy": "sigmoid",
    "categorical_focal_crossentropy": "softmax",
    "kl_divergence": "softmax",
    "poisson": "exponential",
}

RULES = [
    SGD(0.1),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True),
    RMSprop(0.01),
    RMSprop(0.01, momentum=0.5),
    Adam(0.01),
    AdamW(0.01, weight_decay=0.1),
    AdamW(0.01, weight_decay=0.1, decay_bias=True),
    Adagrad(0.1),
    Nadam(0.01),
    Lion(0.01, weight_decay=0.1),
    Lion(0.01, weight_decay=0.1, decay_bias=True),
    AdamW(0.01, amsgrad=True),
    RMSprop(0.01, centered=True, weight_decay=0.1),
    RMSprop(0.01, momentum=0.5, centered=True),
    SGD(0.1, momentum=0.9, weight_decay=0.1, decay_bias=True),
]
"""Every rule of the engine, with and without what is optional in it."""


def network(sizes, activation="tanh", loss="sparse_categorical_crossentropy"):
    """A Dense chain with the head that suits the loss."""
    hidden = [Dense(units, activation) for units in sizes[1:-1]]
    return lower([*hidden, Dense(_suiting(sizes[-1], loss), HEADS.get(loss, "identity"))], sizes[0], loss)


def _suiting(n_outputs, loss):
    """So many outputs, or as many as the loss needs for so many targets."""
    return losses.get(loss).outputs_for(n_outputs)


def mixed_network(loss="mse", n_outputs=3):
    """Every kind of row: fused and separate activations, one that keeps its input, softmax in the middle, no bias."""
    layers = [
        Activation("tanh"),
        Dense(19, "gelu"),
        Activation("leaky_relu", negative_slope=0.2),
        Dense(6, "softmax"),
        Dense(33, use_bias=False),
        Activation("silu"),
        Activation("elu", alpha=0.5),
        Dense(_suiting(n_outputs, loss), HEADS.get(loss, "identity")),
    ]
    return lower(layers, 5, loss)


_CLASSES = "sparse_categorical_crossentropy"

LAYERED = {
    "batch norm": ([Dense(7), BatchNorm(), Activation("tanh"), Dense(3, "softmax")], 5, _CLASSES),
    "batch norm first": ([BatchNorm(momentum=0.5), Dense(4, "relu"), Dense(2)], 6, "mse"),
    "batch norm last": ([Dense(19, "gelu"), Dense(3), BatchNorm(epsilon=1e-3)], 4, "huber"),
    "batch norm without affine": (
        [Dense(33, "silu"), BatchNorm(affine=False), Dense(1, "sigmoid")],
        3,
        "binary_crossentropy",
    ),
    "batch norms in a row": ([BatchNorm(), BatchNorm(affine=False), Dense(5), BatchNorm(), Dense(2)], 4, "mse"),
    "normalization": (
        [Residual([Normalization([0.5, -1, 0.1, 0], [4, 0.25, 1, 2]), Dense(6, "tanh")]), BatchNorm(), Dense(2)],
        4,
        "mse",
    ),
    "layer norm": ([Dense(17, "relu"), LayerNorm(), Dense(3, "softmax")], 5, "categorical_crossentropy"),
    "layer norm first": ([LayerNorm(), Dense(4, "tanh"), Dense(2)], 18, "mse"),
    "layer norm last": ([Dense(6, "tanh"), Dense(5), LayerNorm(epsilon=0.01)], 3, "mse"),
    "layer norm without affine": ([Dense(20), LayerNorm(affine=False), Activation("elu"), Dense(2)], 3, "mse"),
    "dropout": ([Dense(40, "tanh"), Dropout(0.5), Dense(3, "softmax")], 5, _CLASSES),
    "dropout first": ([Dropout(0.25), Dense(6, "gelu"), Dense(2)], 17, "mse"),
    "dropouts": ([Dense(16, "relu"), Dropout(0.1), Dropout(0.3), Dense(35), Dropout(0.9), Dense(2)], 4, "mae"),
    "prelu": ([Dense(40), PReLU(Constant(0.25)), Dense(3, "softmax")], 5, _CLASSES),
    "prelus": (
        [PReLU(), Dense(17), BatchNorm(), PReLU(), Residual([PReLU(), Dense(17)]), Dense(2), PReLU()],
        18,
        "mse",
    ),
    "rms norm": ([Dense(17, "relu"), RMSNorm(), Dense(3, "softmax")], 5, "categorical_crossentropy"),
    "rms norms": ([RMSNorm(), Dense(40), RMSNorm(affine=False), Dense(5), RMSNorm(epsilon=0.01)], 18, "mse"),
    "noise": ([GaussianNoise(0.5), Dense(40, "tanh"), GaussianNoise(0.1), Dense(2)], 5, "mse"),
    "noise in a branch": ([Residual([GaussianNoise(1.0), Dense(9, "relu")]), GaussianNoise(2.0), Dense(2)], 9, "mse"),
    "residual": ([Dense(6), Residual([Dense(9, "relu"), Dense(6)]), Activation("relu"), Dense(2)], 4, "mse"),
    "residual with projection": ([Residual([Dense(9, "silu"), Dense(7)]), Dense(3, "softmax")], 4, _CLASSES),
    "residual around the batch": ([Residual([Activation("tanh"), Dense(5)]), Dense(2)], 5, "mse"),
    "residual last": ([Dense(3, "tanh"), Residual([Dense(4, "tanh"), Dense(3)])], 5, "mse"),
    "residuals in a row": ([Residual([Dense(5, "tanh")]), Residual([Dense(5, "tanh")]), Dense(1)], 5, "mse"),
    "nested residuals": (
        [
            Dense(8, "tanh"),
            Residual([Residual([Dense(8, "gelu"), Residual([Dense(18)])]), Activation("silu"), Dense(8)]),
            Dense(3, "softmax"),
        ],
        4,
        _CLASSES,
    ),
    "residual of everything": (
        [
            Dense(9),
            Residual([BatchNorm(), Activation("relu"), Dense(18), Dropout(0.5), LayerNorm(), Dense(9)], name="block"),
            Residual([Dropout(0.25), Dense(5, "tanh"), BatchNorm()]),
            Activation("softmax"),
            Dense(3, "softmax"),
        ],
        6,
        _CLASSES,
    ),
    "residual that begins with a residual": ([Residual([Residual([Dense(4)]), BatchNorm(), Dense(4)])], 4, "mse"),
    "activity": (
        [
            Dense(9, "relu", activity_l1=0.1, activity_l2=0.2),
            Dense(17, "relu", activity_l2=0.3),
            Residual([Dense(7, "gelu", activity_l1=0.2), Dense(17, activity_l2=0.1)]),
            Dense(6, "softmax", activity_l2=1.0),
            Dense(5, activity_l1=0.05),
            BatchNorm(),
            Dense(8, activity_l2=0.5),
            Activation("tanh"),
            Dense(2, activity_l1=0.3),
        ],
        5,
        "mse",
    ),
    "parallel of whole panels": (
        [
            Dense(64, "tanh"),
            Columns([39, 0, 5, 6, 7, 5, *range(58)]),
            Parallel([[Dense(32)], [Dense(64)], []]),
            Activation("relu"),
            Dense(3, "softmax"),
        ],
        4,
        _CLASSES,
    ),
    "parallel last": ([Dense(6, "tanh"), Parallel([[], [], [Dense(3, "tanh"), Dense(1)], [Dense(4)]])], 4, "mse"),
    "parallel with norms": (
        [
            Parallel(
                [
                    [Dense(7, "relu")],
                    [BatchNorm(), Dense(4, "tanh"), BatchNorm()],
                    [Columns([0, 2]), BatchNorm(affine=False), Dropout(0.25)],
                    [Residual([Dense(3), BatchNorm()])],
                    [],
                ]
            ),
            LayerNorm(),
            Dense(2),
        ],
        5,
        "mse",
    ),
    "nested parallels": (
        [
            Parallel(
                [
                    [Columns([0, 1]), Parallel([[Dense(17, "gelu")], [Residual([Dense(2)]), Dropout(0.25)]])],
                    [Residual([Parallel([[Dense(3)], [Dense(2, "tanh")]])])],
                    [Dropout(0.5)],
                ]
            ),
            Activation("softmax"),
            Dense(3, "softmax"),
        ],
        5,
        _CLASSES,
    ),
    "categories": (
        [
            Parallel(
                [
                    [Columns([1]), Embedding(7, 5, learning_rate_multiplier=0.5)],
                    [Columns([3]), Dense(3, "tanh"), BatchNorm()],
                    [Columns([0]), Embedding(40, 33, l2=0.02)],
                    [Columns([2, 1]), CategoryEncoding(7)],
                    [Columns([4])],
                ]
            ),
            Dense(6, "tanh"),
            Dense(3, "softmax"),
        ],
        5,
        _CLASSES,
    ),
    "penalties": (
        [
            Dense(9, "tanh", l1=0.01, l2=0.02),
            BatchNorm(),
            Dense(17, "relu", max_norm=0.75, weight_decay=0.1),
            Residual([Dense(17, use_bias=False, l2=0.1, max_norm=0.5)]),
            Dense(3, "softmax", l1=0.005, weight_decay=0.0),
        ],
        5,
        _CLASSES,
    ),
}
"""Layers, number of features and loss of networks with every kind of row that a chain of Dense lacks."""


SEVERAL = {
    "several outputs": (
        [
            Dense(17, "tanh"),
            Parallel(
                [
                    [Dense(2)],
                    [Dense(5, "relu"), BatchNorm(), Dense(3), Activation("softmax")],
                    [Dropout(0.5), Dense(2, "sigmoid")],
                    [Residual([Dense(4)]), Dense(6)],
                ]
            ),
        ],
        4,
        losses.SeveralLosses(
            [
                losses.Huber(),
                losses.SparseCategoricalCrossentropy(),
                losses.BinaryCrossentropy(label_smoothing=0.1, pos_weight=2.0),
                losses.Pinball([0.1, 0.5, 0.9]),
            ],
            [1.0, 0.5, 0.25, 2.0],
        ),
    ),
}
"""Likewise, with several losses."""


def layered_network(name):
    """The program of one of `LAYERED`, or of `SEVERAL`."""
    return lower(*(LAYERED | SEVERAL)[name])


def statistics(program, dtype):
    """What statistics begin with: running means with 0, running variances with 1."""
    return initial_statistics(program, np.dtype(dtype))


def parameters(program, dtype, scale=0.5, seed=0):
    return (scale * np.random.default_rng(seed).standard_normal(program.n_parameters)).astype(dtype)


def data(program, n, dtype, seed=1):
    """Return X and a target of the kind that the program's loss reads."""
    rng = np.random.default_rng(seed)
    X = inputs(program, rng.standard_normal((n, program.n_features))).astype(dtype)
    if program.heads:
        parts = [_target(head, n, dtype, rng).reshape(n, -1) for head in program.heads]
        return X, np.hstack(parts).astype(dtype)
    return X, _target(program, n, dtype, rng)


def _target(part, n, dtype, rng):
    """A target of a program with one loss, or of a head."""
    if part.loss == "sparse_softmax_crossentropy":
        return rng.integers(part.n_outputs, size=n).astype(np.int32)
    kind = TARGETS_OF_KERNEL[part.loss]
    draw = rng.random if "crossentropy" in kind or kind == "poisson" else rng.standard_normal
    target = draw((n, part.n_targets))
    if kind == "softmax_crossentropy":
        target /= target.sum(axis=1, keepdims=True)
    return (np.round(target) if "hinge" in part.loss else target).astype(dtype)


def inputs(program, X):
    """Return X with numbers of categories in the columns where the program reads such."""
    X = np.array(X)
    for column, n, _ in program.categories:
        X[:, column] = np.abs(np.round(7 * X[:, column])) % n
    return X


def make_plan(module, program, optimizer=None, **options):
    plan = module.Plan(program)
    plan.set_parameters(parameters(program, module.DTYPE, **options))
    plan.set_statistics(statistics(program, module.DTYPE))
    if optimizer is not None:
        plan.set_optimizer(optimizer)
    return plan


def read(plan):
    out = np.empty(plan.program.n_parameters, plan_dtype(plan))
    plan.get_parameters(out)
    return out


def plan_dtype(plan):
    import sys

    return sys.modules[type(plan).__module__].DTYPE


def state(plan):
    """Everything that training changes, as bytes."""
    slots = np.empty((plan.n_slots, plan.program.n_parameters), plan_dtype(plan))
    plan.get_slots(slots)
    parts = read(plan).tobytes(), read_statistics(plan).tobytes(), slots.tobytes(), str(plan.iterations).encode()
    return b"".join(parts)


def read_statistics(plan):
    out = np.empty(plan.program.n_statistics, plan_dtype(plan))
    plan.get_statistics(out)
    return out

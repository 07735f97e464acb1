"""The oracle: the same programs in plain NumPy, written to be read, not to be fast.

It interprets a `nncore.program.Program` row by row and shares no arithmetic with the compiled engine, so that each can
be tested against the other. Everything runs in the precision of its input, float32 or float64, but losses are always
computed in float64. Subnormal numbers are kept here; the engine counts them as zero. Array arguments are not checked.

With ``precision="mixed_bfloat16"`` all arrays are float32; the operands of dense products are rounded to bfloat16 and
their sums formed in the order of Intel's AMX, see `nncore.reference.bfloat16`. These products are meant to be compared
in bits, so that in them subnormal numbers count as zero.

Names: n rows in the batch; ``x`` (n, n_in) is what a row of the program reads, ``z`` (n, n_out) its weighted sums,
``y`` (n, n_out) what it writes; ``dx, dz, dy`` are the derivatives of the loss by them.

Examples
--------
Learn y = 2 x from three points, by full-batch gradient descent:

>>> import numpy as np
>>> from nncore import layers, optimizers, program
>>> from nncore.reference import train
>>> line = program.lower([layers.Dense(1)], n_features=1, loss="mse")
>>> parameters, X = np.zeros(2), np.array([[1.0], [2.0], [3.0]])
>>> options = {"batch_size": 3, "shuffle": False, "seed": 0}
>>> losses = train(line, optimizers.SGD(0.1), parameters, [], X, 2 * X, epochs=500, **options)
>>> print(parameters.round(2), losses[0].round(2))
[2. 0.] 18.67
"""

from nncore.base.bfloat16 import round_to_bfloat16
from nncore.reference.bfloat16 import bfloat16_product
from nncore.reference.interpreter import forward, loss, loss_and_gradient, train, training_loss
from nncore.reference.passes import average_statistics, tape
from nncore.reference.rows import Predicting, Training
from nncore.reference.step import clip, decay_rates, limit_norms, penalise, penalty, step, update

__all__ = [
    "Predicting",
    "Training",
    "average_statistics",
    "bfloat16_product",
    "clip",
    "decay_rates",
    "forward",
    "limit_norms",
    "loss",
    "loss_and_gradient",
    "penalise",
    "penalty",
    "round_to_bfloat16",
    "step",
    "tape",
    "train",
    "training_loss",
    "update",
]

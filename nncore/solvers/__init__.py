"""Full-batch solvers: ``fit(X, y, solver="lbfgs")`` and ``fit(X, y, solver="lm")``.

A solver minimises the loss over all rows, plus ``l2 * sum(w**2)`` where a `Dense` layer has it, as a function of the
flat vector of all parameters. Where it fits, for smooth losses on data that a few passes per iteration can afford, it
reaches losses that no optimizer comes near.

``"lbfgs"``
    Limited-memory quasi-Newton, SciPy's L-BFGS-B. Any loss, any size of network.
``"lm"``
    Levenberg-Marquardt, see `nncore.solvers.levenberg_marquardt`. Mean squared error, up to 5,000 parameters; the
    method of choice for small regression networks.

An epoch is one iteration, after which history, validation and callbacks get their turn; ``loss`` is that of the weights
which the iteration ended with, and ``damping`` is Levenberg-Marquardt's. Training ends before the last epoch where
SciPy's L-BFGS-B and least squares end by default, or no later than ``solver=LBFGS(tol, max_fun)`` and ``LM(tol)`` say;
``LBFGS(tol=0)`` and ``LM(tol=0)`` go on for as long as an iteration lowers the loss by more than its rounding.
``history.message`` says how it ended. Ctrl-C keeps the weights of the last iteration. Weights that a callback sets are
kept if training ends there, else overwritten.

Both compute in float64 what they do with the vector; L-BFGS evaluates the loss in the model's dtype, so that a float64
model converges further. The optimizer of ``compile``, with its state and its learning rate, rests meanwhile.

Examples
--------
>>> import numpy as np
>>> from nncore import Dense, Sequential
>>> X = np.linspace(-1, 1, 50)[:, None]
>>> model = Sequential([Dense(8, "tanh"), Dense(1)], dtype="float64")
>>> history = model.fit(X, np.sin(3 * X), solver="lm", epochs=100)
>>> bool(history.loss[-1] < 1e-6)
True
"""

from nncore.solvers.lbfgs import LBFGS
from nncore.solvers.levenberg_marquardt import LM
from nncore.solvers.strategy import SOLVERS, Solver, get

__all__ = ["LBFGS", "LM", "SOLVERS", "Solver", "get"]

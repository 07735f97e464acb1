"""A program with parameters and optimizer state, ready to run: the engine's plan and the locks around it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore import engine
from nncore.base.typing import Array, Floats
from nncore.engine import lanes
from nncore.errors import NotBuiltError
from nncore.network import forks
from nncore.network.first_values import initial_statistics
from nncore.network.lending import Lent
from nncore.network.turn import Turn
from nncore.optimizers import Optimizer
from nncore.program import Program
from nncore.program.normalization import is_normalization, unadapted

if TYPE_CHECKING:
    from nncore.network.meeting import Meeting
    from nncore.network.predictor import Predictor


class Network:
    """Runs one program. Inputs must already be what `nncore.arrays.inputs` and `nncore.arrays.targets` return.

    The plan's own storage holds the parameters. Once `parameters` has been asked for, the flat vector lent out does:
    what was written to it goes into the plan before every operation, and the plan's values into it after every one that
    changes them, until nobody holds it. A single row is predicted by the lent vector itself.

    One thread at a time uses the plan. Others wait, except while one trains: they get a ``RuntimeError``.

    Parameters
    ----------
    program : Program
    parameters : ndarray of shape (n_parameters,)
        Copied. Its dtype is the one computed in.
    optimizer : Optimizer
    turn : Turn, optional
        Of the model that the network is made for; by default its own.

    Attributes
    ----------
    checked_rate : float
        The largest learning rate that is known to suit the optimizer and the layers; -1 where none is. See
        `nncore.training.decay`.
    to_inputs : Plan or None
        Of the same program, whose deltas go back to the inputs; there once it has been asked for. See
        `nncore.network.own_steps`.
    unadapted : tuple of str
        The names of `Normalization` layers that do not know yet what to subtract: nothing can be computed then.
    meeting : Meeting or None
        Where the thread that trains meets those that train other networks, to train all in one call.
    """

    def __init__(self, program: Program, parameters: Array, optimizer: Optimizer, turn: Turn | None = None) -> None:
        self.program = program
        self.turn = Turn() if turn is None else turn
        self.dtype = parameters.dtype
        self._optimizer = optimizer
        self.checked_rate = -1.0
        self.meeting: Meeting | None = None
        self._use(self._new_plan(parameters))
        self.to_inputs: Any = None
        self._lent: Lent | None = None
        self._orphaned = False  # whether a thread that died in a fork was using the plan
        self._sound = True  # whether it is none such, and can compute
        self.unadapted: tuple[str, ...] = ()
        if any(map(is_normalization, program.rows)):
            self.set_statistics(initial_statistics(program, self.dtype))
        forks.networks.add(self)

    @engine.own_arithmetic  # it rounds what layers are given as float64, a slope or an epsilon
    def _new_plan(self, parameters: Array) -> Any:
        plan = engine.load_for(self.program, self.dtype.name).Plan(self.program)
        plan.set_parameters(np.ascontiguousarray(parameters))
        plan.set_optimizer(self._optimizer.at_epoch(0))
        return plan

    def _use(self, plan: Any) -> None:
        self._plan = plan
        self.reads: Callable[[object], bool] = plan.reads  # whether `predict` takes X as it is

    def _lent_plan(self) -> Any:
        """Return the plan with the current parameters, to read from; call it with the lock held."""
        if self.turn.trainer is not None:  # asked here, for the call itself would slow `predict`
            self.turn.check()
        if self._orphaned:
            self._replace_plan()
        if self._lent is not None and not self.turn.computing:  # then the plan's are newer than those lent
            held = self._lent.held  # asked first: who lets go of it meanwhile may write to it until then
            self._plan.set_parameters(self._lent.values)  # which copies only what has been written
            if not held:
                self._lent = None
        return self._plan

    def idle_plan(self) -> Any:
        """Return the plan with the current parameters, to compute with or change."""
        if self.turn.computing:
            self.turn.check_computing()
        return self._lent_plan()

    def check_adapted(self) -> None:
        """Raise NotBuiltError if a `Normalization` has no statistics yet."""
        if self.unadapted:
            mend = "model.adapt(X) with the rows to be trained on does it, and fit by itself"
            raise NotBuiltError(f"layer {self.unadapted[0]!r} is not adapted yet: {mend}")

    def ready_plan(self) -> Any:
        """Return `idle_plan` to compute what the network says, if it can: see `check_adapted`."""
        self.check_adapted()
        return self.idle_plan()

    def _held(self) -> Array | None:
        """The lent vector, if somebody holds it and it has the current parameters of a plan that can be used."""
        usable = self._lent is not None and self._lent.held and not self.turn.computing and self._sound
        return self._lent.values if self._lent is not None and usable else None

    def _replace_plan(self) -> None:
        """Make a new plan of the old one's state: a lost thread was using it, and it would seem busy for ever."""
        flat = np.empty(self.program.n_parameters, self.dtype)
        slots = np.empty((self._optimizer.n_slots, self.program.n_parameters), self.dtype)
        self._plan.get_parameters(flat)
        self._plan.get_slots(slots)
        statistics = np.empty(self.program.n_statistics, self.dtype)
        self._plan.get_statistics(statistics)
        plan = self._new_plan(flat)
        plan.set_statistics(statistics)
        plan.set_slots(slots)
        plan.iterations = self._plan.iterations
        self._use(plan)
        self._orphaned, self._sound = False, not self.unadapted

    def become_orphan(self) -> None:
        """Return to the last finished epoch, and let go of a plan that a thread which no longer exists was using."""
        self._orphaned, self._sound, self.to_inputs = True, False, None
        self._plan.go_back()
        self.lend_anew()

    def lend_anew(self) -> None:
        """Bring the vector that is lent up to date with the plan."""
        if self._lent is not None:
            self._plan.get_parameters(self._lent.values)

    @property
    def parameters(self) -> Array:
        """The flat parameter vector, writable; the same array at every call for as long as somebody holds it."""
        self.turn.check()
        with self.turn.lock:
            if self._lent is None:
                self._lent = Lent(self.get_parameters())
            elif self.turn.computing:  # amid a call of training: a hook wants to see what it has come to
                self.lend_anew()
            return self._lent.array()

    def get_parameters(self) -> Array:
        """Return a copy of the flat parameter vector."""
        flat = np.empty(self.program.n_parameters, self.dtype)
        self.turn.check()  # before the lock, so that nobody waits for a long epoch to hear it
        with self.turn.lock:
            self._lent_plan().get_parameters(flat)
        return flat

    def set_parameters(self, flat: Array) -> None:
        self.turn.check()
        with self.turn.lock:
            self.idle_plan().set_parameters(flat)
            if self._lent is not None:
                self._lent.values[:] = flat

    def get_statistics(self) -> Array:
        """Return a copy of the running means and variances, (n_statistics,)."""
        flat = np.empty(self.program.n_statistics, self.dtype)
        self.turn.check()
        with self.turn.lock:
            self._lent_plan().get_statistics(flat)
        return flat

    def set_statistics(self, flat: Array) -> None:
        self.turn.check()
        with self.turn.lock:
            self.idle_plan().set_statistics(flat)
            self.unadapted = unadapted(self.program, flat)
            self._sound = not self.unadapted

    def weights(self) -> tuple[Array, Array]:
        """Return copies of the flat parameter vector and of the statistics, of one moment."""
        self.turn.check()
        with self.turn.lock:
            return self.get_parameters(), self.get_statistics()

    def set_weights(self, parameters: Array, statistics: Array) -> None:
        """Set both at once, so that no other thread computes with half of them."""
        self.turn.check()
        with self.turn.lock:
            self.set_parameters(parameters)
            self.set_statistics(statistics)

    @property
    def optimizer(self) -> Optimizer:
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        """Change the update rule; its state goes on if the rule is of the same kind, else starts anew."""
        self.turn.check()
        with self.turn.lock:
            same_kind = optimizer.kind == self._optimizer.kind
            plan = self.idle_plan()
            plan.set_optimizer(optimizer.at_epoch(0))
            self._optimizer, self.checked_rate = optimizer, -1.0
            if not same_kind:
                self.reset_optimizer()

    def reset_optimizer(self) -> None:
        """Let the optimizer forget what it has seen."""
        self.turn.check()
        with self.turn.lock:
            self.set_optimizer_state(np.zeros((self._optimizer.n_slots, self.program.n_parameters), self.dtype), 0)

    def state(self) -> tuple[Array, Array, Array, int]:
        """Return copies of parameters, statistics and slots (n_slots, n_parameters), and the number of updates."""
        slots = np.empty((self._optimizer.n_slots, self.program.n_parameters), self.dtype)
        self.turn.check()
        with self.turn.lock:
            flat = self.get_parameters()
            self._plan.get_slots(slots)
            return flat, self.get_statistics(), slots, self.iterations

    def set_optimizer_state(self, slots: Array, iterations: int) -> None:
        with self.turn.lock:
            plan = self.idle_plan()
            plan.set_slots(slots)
            plan.iterations = iterations

    def with_program(self, program: Program, optimizer: Optimizer) -> Network:
        """Return a network of the same parameters that runs another program, for another loss.

        A flat vector handed out before now belongs to the new network.
        """
        other = self.copy(program, self.turn)
        other.optimizer = optimizer
        other._lent = self._lent
        return other

    def copy(self, program: Program, turn: Turn | None = None) -> Network:
        """Return an independent network in the same state that runs another program of the same parameters."""
        flat, statistics, slots, iterations = self.state()
        other = Network(program, flat, self._optimizer, turn)
        other.set_statistics(statistics)
        other.set_optimizer_state(slots, iterations)
        return other

    @property
    def iterations(self) -> int:
        """Number of updates done."""
        return int(self._plan.iterations)

    @property
    def result(self) -> Any:
        """How the plan's last training went, also one that a signal ended; None before the first."""
        return self._plan.result

    def predictor(self, feature_names: tuple[str, ...] | None = None, out: Predictor | None = None) -> Predictor:
        """Return a frozen copy for single rows, without the rows that `folded` can do without: a new one, or `out`."""
        from nncore.network.predictor import freeze, thaw  # here, not at the top, to keep `import nncore` quick
        from nncore.program.folding import folded

        with self.turn.lock:
            self.check_adapted()
            numbers = folded(self.program, self.get_parameters(), self.get_statistics())
        return freeze(*numbers, feature_names) if out is None else thaw(out, *numbers, feature_names)

    def predict(self, X: Array) -> Array | None:
        """Return the predictions, shape (n, n_outputs); None if a value of `X` is not finite."""
        turn = self.turn
        if turn.trainer is not None:
            turn.check()
        with turn.lock:
            predictions: Array | None
            if self._lent is None and turn.trainer is None and not turn.computing and self._sound:
                predictions = self._plan.predict(X)  # as below, without the calls that would find that out
            elif self._lent is not None and len(X) == 1 and self.reads(X) and (held := self._held()) is not None:
                predictions = self._plan.predict_row(X, held)  # in less time than it takes to compare
            else:
                predictions = self.ready_plan().predict(X)
            return predictions

    def evaluate(
        self, X: Array, target: Array, sample_weight: Array | None, predictions: Array | None, *losses: Floats | None
    ) -> float:
        """Return the loss; write predictions (n, n_outputs) to where they are wanted.

        `losses`: where those of the rows go (n,), and those by each of several heads (n_heads, n).
        """
        self.turn.check()
        with self.turn.lock:
            return float(self.ready_plan().evaluate(X, target, sample_weight, predictions, *losses))

    def loss_and_gradient(
        self, X: Array, target: Array, sample_weight: Array | None, seed: int = 0
    ) -> tuple[float, Array]:
        """Return the loss in training, with dropout drawn from `seed`, and its gradient (n_parameters,)."""
        gradient = np.empty(self.program.n_parameters, self.dtype)
        self.turn.check()
        with self.turn.lock:
            return float(self.ready_plan().loss_and_gradient(X, target, sample_weight, gradient, seed)), gradient

    def explain(
        self, X: Array, target: Array, sample_weight: Array | None, seed: int
    ) -> tuple[float, list[Array], list[Array | None], Array]:
        """Return loss, values and deltas of ``Plan.explain``, and the gradient (n_parameters,)."""
        gradient = np.empty(self.program.n_parameters, self.dtype)
        self.turn.check()
        with self.turn.lock:
            return *self.ready_plan().explain(X, target, sample_weight, gradient, seed), gradient

    def train(self, X: Array | None, target: Array, sample_weight: Array | None, **options: Any) -> Any:
        """Run the plan's training; `options` and the result are those of ``Plan.train``."""
        if self.turn.trainer is not None:
            self.turn.check()
        with self.turn.lock:
            plan, self.turn.computing = self.ready_plan(), True
            try:
                if self.meeting is None:
                    return plan.train(X, target, sample_weight, **options)
                return self.meeting.train(
                    self.program,
                    self._lanes_key(X, len(target), options),
                    plan,
                    {"X": X, "target": target, "sample_weight": sample_weight, **options},
                )
            finally:
                self.turn.computing = False
                self.lend_anew()

    def _lanes_key(self, X: Array | None, n: int, options: dict[str, Any]) -> Hashable | None:
        """Return what networks have in common that can be trained together; None where this one cannot.

        Lanes tell a watcher nothing of the epoch that runs, and its weights are not in the plan meanwhile; they know no
        windows, and read X of the network's dtype alone.
        """
        alone = options.get("watcher") is not None or "windows" in options or "batch_listener" in options
        shape = None if alone or X is None or X.dtype != self.dtype else lanes.shape(self.program, self._optimizer)
        return None if shape is None else (type(self._plan), shape, n, options.get("batch_size"))

    def step(self, X: Any, y: Any, sample_weight: Any, rate: float, seed: int, most: int) -> float | None:
        """Run ``Plan.step``, which takes what the caller passed as it is or not at all; call it with the lock held.

        Returns
        -------
        float or None
            The loss before the step; None, and nothing done, if this is not what the engine reads, or diverges.
        """
        turn, lent = self.turn, self._lent
        if turn.computing or not self._sound or (lent is not None and not lent.held):
            self.ready_plan()
            lent = self._lent
        turn.computing = True
        try:
            loss: float | None = self._plan.step(
                X, y, sample_weight, rate, seed, most, None if lent is None else lent.values
            )
            return loss
        finally:
            turn.computing = False

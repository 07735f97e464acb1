"""What travels between processes: models to be trained, as they were, and as they come back."""

from __future__ import annotations

import copy
import os
import pickle
from typing import Any, NamedTuple

from nncore import engine
from nncore.engine import sharing
from nncore.history import History
from nncore.many import parcels, pool
from nncore.many.arguments import checked_jobs
from nncore.many.job import Job
from nncore.many.parcels import Parcel
from nncore.many.progress import Progress
from nncore.model import Sequential
from nncore.network import Network


class Sent(NamedTuple):
    """A model as it is now, on its way: copied at once, so that whoever pickles it does not look at the model itself.

    Attributes
    ----------
    kind : type
        Sequential, or a class of the user's.
    kept : dict of str to object
        What pickles of the model hold.
    """

    kind: type[Sequential]
    kept: dict[str, Any]

    def model(self) -> Sequential:
        """Return the model."""
        model = self.kind.__new__(self.kind)
        model.__setstate__(self.kept)
        return model


class Chunk:
    """Models that are trained by one worker, in one go.

    Attributes
    ----------
    models : list of Sent
    options : dict of str to object
        Those of `checked_jobs`.
    """

    def __init__(self, models: list[Sent], options: dict[str, Any]) -> None:
        self.models, self.options = models, options

    def __dask_tokenize__(self) -> str:
        """Return another name for each errand: Dask would look at every number, and not do again what has failed."""
        return os.urandom(16).hex()


class Ended(NamedTuple):
    """One network that came back.

    Attributes
    ----------
    kept : dict of str to object
        Of the model, as trained: no model yet, as the caller has one.
    history : History or None
        Of this training; None where it is that of the model, which had none before: it need not travel twice.
    error : BaseException or None
    callbacks : object
        With what they have seen.
    """

    kept: dict[str, Any]
    history: History | None
    error: BaseException | None
    callbacks: Any


def train_chunk(parcel: Parcel, chunk: Chunk) -> list[Ended] | None:
    """Train some models on the data of a parcel, in whatever process this is; None if the data are not to be seen.

    It uses one thread, or what `NNCORE_NUM_THREADS` says.
    """
    try:
        data = _data(parcel)
    except OSError:  # there is no such file here, or none to be read
        return None
    told, who = bool(os.environ.get("NNCORE_NUM_THREADS")), object()
    models = [sent.model() for sent in chunk.models]
    new = [not len(model.history) for model in models]
    jobs = checked_jobs(models, **{"sample_weight": data["weight"], **chunk.options}, **data["arrays"])
    try:
        sharing.share(who, 0 if told else engine.get_num_threads())
        pool.run(jobs, Progress(False, []), engine.get_num_threads() if told else 1)
    finally:
        sharing.end(who)
    return [_ended(job, was_new) for job, was_new in zip(jobs, new, strict=True)]


def _ended(job: Job, was_new: bool) -> Ended:
    history = None if was_new else job.history
    return Ended(job.model.__getstate__(), history, _sendable(job.error), job.callbacks)


_opened: dict[str, Any] = {}  # the data of the latest parcel, by its key


def _data(parcel: Parcel) -> Any:
    found = _opened.get(parcel.key)
    if found is None:
        found = parcels.opened(parcel)
        _opened.clear()
        _opened[parcel.key] = found
    return found


def _sendable(error: BaseException | None) -> BaseException | None:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def taken(job: Job, ended: Ended) -> None:
    """Put into the caller's model what came back, as if it had been trained here."""
    state, new = job.state, ended.kept["_state"]
    history = copy.deepcopy(new["history"]) if ended.history is None else ended.history
    with state.turn.using():
        if new["network"] is not None:
            _, parameters, statistics, slots, iterations = new["network"]
            network = state.network or Network(job.program, parameters, new["optimizer"], state.turn)
            network.optimizer = new["optimizer"]
            network.set_weights(parameters, statistics)
            network.set_optimizer_state(slots, iterations)
            state.network = network
        state.optimizer, state.epoch, state.metadata = new["optimizer"], new["epoch"], new["metadata"]
        if len(history):
            state.feature_names, state.output_names = job.names
        vars(state.history).update(vars(new["history"]))
    vars(job.history).update(vars(history))
    job.error = ended.error
    job.model.__dict__.update({name: value for name, value in ended.kept.items() if name != "_state"})
    for mine, theirs in zip(_listed(job.callbacks), _listed(ended.callbacks), strict=True):
        if hasattr(mine, "__dict__") and not callable(mine):
            vars(mine).update(vars(theirs))


def _listed(callbacks: Any) -> list[Any]:
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]

"""Are rows sorted by what is to be learnt? Then the last ones, which `validation_split` takes, are of another kind."""

from __future__ import annotations

import math

import numpy as np

from nncore.arrays.targets import CLASS_INDICES, CLASS_SHARES, PROBABILITIES, kind
from nncore.base.typing import Array

CHANCE = 1e-3  # that shuffled rows look so: below it, the order of the rows is taken to be the reason


def classes_of(target: Array, loss: str) -> Array | None:
    """Return the class of each row, shape (n,); None where rows have no class, or several."""
    if kind(loss) == CLASS_INDICES:
        return target
    if kind(loss) == CLASS_SHARES:
        most: Array = target.argmax(axis=1)
        return most
    if kind(loss) == PROBABILITIES and target.shape[1] == 1:
        yes: Array = (target[:, 0] > 0.5).astype(np.int32)
        return yes
    return None


def are_sorted(train: Array, validation: Array, loss: str) -> bool:
    """Tell whether the rows, those of `validation` behind those of `train`, are sorted, and not by chance.

    For classes: whether all rows of a class lie together. For numbers in one column: whether those of `validation` are
    all above, or all below, those of `train`, or equal to the last of these where many are equal.

    Examples
    --------
    >>> rows = np.repeat([0, 1, 2], 50)
    >>> are_sorted(rows[:135], rows[135:], CLASS_INDICES), are_sorted(rows[::2], rows[1::2], CLASS_INDICES)
    (True, False)
    """
    classes = classes_of(train, loss)
    if classes is not None:
        asked = classes_of(validation, loss)
        assert asked is not None
        return _lie_together(np.concatenate([classes, asked]))
    return kind(loss) != PROBABILITIES and train.shape[1] == 1 and _lie_apart(train, validation)


def _lie_together(classes: Array) -> bool:
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    if len(counts) < 2 or np.count_nonzero(classes[1:] != classes[:-1]) >= len(counts):
        return False
    orders = math.lgamma(len(classes) + 1) - sum(math.lgamma(count + 1) for count in counts.tolist())
    return math.lgamma(len(counts) + 1) - orders < math.log(CHANCE)


def _lie_apart(train: Array, validation: Array) -> bool:
    if validation.min() >= train.max():
        border = train.max()
    elif validation.max() <= train.min():
        border = train.min()
    else:
        return False
    here, there = int(np.count_nonzero(train == border)), int(np.count_nonzero(validation == border))
    among_equals = _log_choices(here + there, there) if there else 0.0  # any of them may stand on either side
    return math.log(2) + among_equals - _log_choices(len(train) + len(validation), len(validation)) < math.log(CHANCE)


def _log_choices(n: int, m: int) -> float:
    """Return the logarithm of the number of ways to choose m of n."""
    return math.lgamma(n + 1) - math.lgamma(m + 1) - math.lgamma(n - m + 1)


def said_of_split(train: Array, validation: Array, loss: str) -> str:
    """Return what is wrong with a split of the last rows, as a sentence begins; nothing if all is well.

    Examples
    --------
    >>> said_of_split(np.array([0, 0, 1, 1]), np.array([2, 2]), CLASS_INDICES)
    'the last 2 rows hold class 2, of which the rows to train on have none'
    """
    classes, asked = classes_of(train, loss), classes_of(validation, loss)
    last = f"the last {len(validation)} rows hold" if len(validation) > 1 else "the last row holds"
    if classes is not None and asked is not None:
        size = int(max(classes.max(), asked.max())) + 1
        here, there = np.bincount(classes, minlength=size), np.bincount(asked, minlength=size)
        if (unseen := (here == 0) & (there > 0)).any():
            return f"{last} {_named(unseen)}, of which the rows to train on have none"
        missed = (there == 0) & (len(asked) * np.log1p(-here / (len(classes) + 1)) < math.log(CHANCE))
        if missed.any():
            return f"{last} none of {_named(missed)}, which the rows to train on do"
    if not are_sorted(train, validation, loss):
        return ""
    if classes is not None:
        return f"the rows are sorted by class, and {last} {_named(there > 0)} alone"
    beyond, end = ("above", train.max()) if validation.min() >= train.max() else ("below", train.min())
    equal = f", or equal to the {'largest' if beyond == 'above' else 'smallest'}" if end in validation else ""
    return f"{last} targets that are all {beyond} those of the rows to train on{equal}"


def _named(which: Array) -> str:
    numbers = [str(number) for number in np.flatnonzero(which)]
    few = ", ".join(numbers[:5]) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
    return f"class{'es' if len(numbers) > 1 else ''} {few}"

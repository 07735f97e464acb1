"""Decide whether a target column holds classes or quantities, and name the classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nncore.datasets.spelling import number

TASKS = ("auto", "classification", "regression")
MAX_GUESSED_CLASSES = 20
FEW, MANY = 10, 1000
AS_NUMBER = "(task='regression', on the command line --task regression)"
AS_CLASSES = "(task='classification', on the command line --task classification)"


def check_task(task: str) -> None:
    """Raise ValueError unless `task` is one of `TASKS`."""
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")


def label(value: object) -> str:
    """Return the class name of a value: ``3``, ``3.0`` and ``"3"`` name the same class.

    Examples
    --------
    >>> label("3.0"), label(3), label(0.5), label("red"), label("9007199254740993")
    ('3', '3', '0.5', 'red', '9007199254740993')
    """
    text = str(value)
    as_number = number(text)
    if as_number is None:
        return text
    if not as_number.is_integer():
        return repr(as_number)
    return str(int(text if text.lstrip("+-").isdecimal() else as_number))  # floats hold no digits past 2**53


def sorted_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct labels in order: by value if all are numbers, else by alphabet.

    Examples
    --------
    >>> sorted_labels(["10", "9", "9"]), sorted_labels(["b", "a", "10"])
    (('9', '10'), ('10', 'a', 'b'))
    """
    distinct = set(labels)
    if all(number(text) is not None for text in distinct):
        return tuple(sorted(distinct, key=lambda text: (float(text), text)))
    return tuple(sorted(distinct))


def are_classes(labels: Collection[str], n_rows: int | None = None) -> bool:
    """Guess the task from the distinct labels: text means classes, and so do at most 20 different whole numbers.

    Of `n_rows`, if that is given, the numbers have to repeat themselves: where most rows have one of their own, classes
    are only a few that count on from 0 or 1, or two.

    Examples
    --------
    >>> are_classes({"a", "b"}), are_classes({"0", "1"}), are_classes({"0.5", "1"}), are_classes(set("0123") | {"1.5"})
    (True, True, False, False)
    >>> are_classes({"100", "250", "900"}, 20), are_classes({"100", "250", "900"}, 4)
    (True, False)
    """
    values = [number(text) for text in labels]
    if None in values:
        return True
    if not (len(labels) <= MAX_GUESSED_CLASSES and are_whole(labels)):
        return False
    rare = n_rows is not None and len(labels) > 2 and n_rows < 2 * len(labels)
    return not rare or (len(labels) <= FEW and count_on(labels))


def are_whole(labels: Collection[str]) -> bool:
    """Tell whether all labels are whole numbers."""
    values = [number(text) for text in labels]
    return all(value is not None and value.is_integer() for value in values)


def count_on(labels: Collection[str]) -> bool:
    """Tell whether whole numbers count on by one from 0 or 1, as the numbers of classes do.

    Examples
    --------
    >>> count_on({"0", "1", "2"}), count_on({"2", "1"}), count_on({"3", "4"})
    (True, True, False)
    """
    values = sorted(float(text) for text in labels)
    return values in ([float(i) for i in range(start, start + len(values))] for start in (0, 1))


def on_whole_numbers(name: str, labels: Collection[str], *, classes: bool) -> str:
    """Return what to say of a target of whole numbers that was taken for classes, or not; nothing if it is clear."""
    if not are_whole(labels) or (classes and (len(labels) < 3 or count_on(labels))):
        return ""
    n = f"more than {MANY}" if len(labels) > MANY else str(len(labels))
    if classes:
        return f"target {name!r}: {n} different whole numbers are taken for classes; for a number, say so {AS_NUMBER}"
    return f"target {name!r}: {n} different whole numbers are predicted as a number; for classes, say so {AS_CLASSES}"

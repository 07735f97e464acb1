"""Decide whether a target column holds classes or quantities, and name the classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nncore.datasets.spelling import number

TASKS = ("auto", "classification", "regression")
MAX_GUESSED_CLASSES = 20


def check_task(task: str) -> None:
    """Raise ValueError unless `task` is one of `TASKS`."""
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")


def label(value: object) -> str:
    """Return the class name of a value: ``3``, ``3.0`` and ``"3"`` name the same class.

    Examples
    --------
    >>> label("3.0"), label(3), label(0.5), label("red")
    ('3', '3', '0.5', 'red')
    """
    text = str(value)
    as_number = number(text)
    if as_number is None:
        return text
    return str(int(as_number)) if as_number.is_integer() else repr(as_number)


def sorted_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct labels in order: by value if all are numbers, else by alphabet.

    Examples
    --------
    >>> sorted_labels(["10", "9", "9"]), sorted_labels(["b", "a", "10"])
    (('9', '10'), ('10', 'a', 'b'))
    """
    distinct = set(labels)
    if all(number(text) is not None for text in distinct):
        return tuple(sorted(distinct, key=float))
    return tuple(sorted(distinct))


def are_classes(labels: Collection[str]) -> bool:
    """Guess the task from the distinct labels: text means classes, and so do at most 20 different whole numbers.

    Examples
    --------
    >>> are_classes({"a", "b"}), are_classes({"0", "1"}), are_classes({"0.5", "1"}), are_classes(set("0123") | {"1.5"})
    (True, True, False, False)
    """
    values = [number(text) for text in labels]
    if None in values:
        return True
    return len(labels) <= MAX_GUESSED_CLASSES and all(value is not None and value.is_integer() for value in values)

"""Decide whether a target column holds classes or quantities, and name the classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from nncore.datasets.spelling import number

TASKS = ("auto", "classification", "regression")
MAX_GUESSED_CLASSES = 20
FEW, MANY = 10, 1000
ZEROS = re.compile(r"0[0-9]+")  # as codes begin: 01067 is a postal code, which 1067 is not
CODE = re.compile(r"0[0-9]{2,}")  # 01 may be a day
AS_NUMBER = "(task='regression', on the command line --task regression)"
AS_CLASSES = "(task='classification', on the command line --task classification)"


def check_task(task: str) -> None:
    """Raise ValueError unless `task` is one of `TASKS`."""
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, got {task!r}")


def label(value: object) -> str:
    """Return the class name of a value: ``3``, ``3.0`` and ``"3"`` name the same class; a code keeps its zeros.

    Examples
    --------
    >>> label("3.0"), label(3), label(0.5), label("red"), label("9007199254740993"), label("01067")
    ('3', '3', '0.5', 'red', '9007199254740993', '01067')
    """
    text = str(value)
    return text if ZEROS.fullmatch(text) else as_value(text)


def as_value(text: str) -> str:
    """Return what is the same for all spellings of a number.

    Examples
    --------
    >>> as_value("3.0"), as_value("03"), as_value("red")
    ('3', '3', 'red')
    """
    as_number = number(text)
    if as_number is None:
        return text
    if not as_number.is_integer():
        return repr(as_number)
    return str(int(text if text.lstrip("+-").isdecimal() else as_number))  # floats hold no digits past 2**53


def class_of(value: object, classes: Sequence[str]) -> int:
    """Return which of `classes` a value names; 1067 names 01067 unless several have that value, and the reverse.

    Raises
    ------
    ValueError
        If it names none.

    Examples
    --------
    >>> class_of("01067", ["01067", "10115"]), class_of(1067, ["01067", "10115"]), class_of("010115", ["10115"])
    (0, 0, 0)
    """
    name = label(value)
    if name in classes:
        return classes.index(name)
    same = _of_value(as_value(name), tuple(classes))
    if len(same) != 1:
        raise ValueError(f"unknown class {name!r}; known: {', '.join(classes[:12])}")
    return same[0]


@lru_cache(maxsize=4096)  # many rows hold the same few
def _of_value(value: str, classes: tuple[str, ...]) -> list[int]:
    return [i for i, known in enumerate(classes) if as_value(known) == value]


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

    Codes are texts: digits alone, of which some begin with 0 as in 007. Of `n_rows`, if that is given, the numbers have
    to repeat themselves: where most rows have one of their own, classes are only a few that count on from 0 or 1, or
    two.

    Examples
    --------
    >>> are_classes({"a", "b"}), are_classes({"0", "1"}), are_classes({"0.5", "1"}), are_classes(set("0123") | {"1.5"})
    (True, True, False, False)
    >>> are_classes({"100", "250", "900"}, 20), are_classes({"100", "250", "900"}, 4), are_classes({"007", "250"}, 2)
    (True, False, True)
    """
    values = [number(text) for text in labels]
    if None in values or (labels and all(map(str.isdecimal, labels)) and any(map(CODE.fullmatch, labels))):
        return True
    if not (len(labels) <= MAX_GUESSED_CLASSES and are_whole(labels)):
        return False
    rare = n_rows is not None and len(labels) > 2 and n_rows < 2 * len(labels)
    return not rare or (len(labels) <= FEW and count_on(labels))


def on_alike(texts: Iterable[str]) -> str:
    """Return what to say of texts that differ in letters' case, blanks, marks around or a number's spelling alone.

    Nothing if there are none.

    Examples
    --------
    >>> on_alike(["yes", "no", "Yes"]), on_alike(["yes", "no"])
    ("has 'Yes' and 'yes', which count as two; if they are one, write them alike", '')
    """
    like: dict[str, list[str]] = {}
    for text in sorted(texts):
        like.setdefault(_bare(text), []).append(text)
    groups = [" and ".join(map(repr, alike)) for alike in like.values() if len(alike) > 1]
    if not groups:
        return ""
    if len(groups) > 1:
        named = ", ".join(groups[:5]) + (", ..." if len(groups) > 5 else "")
        return f"has {named}, each of which counts by itself; if they are the same, write them alike"
    n = max(map(len, like.values()))
    return f"has {groups[0]}, which count as {'two' if n == 2 else n}; if they are one, write them alike"


def _bare(text: str) -> str:
    """Return what is left of a text without its case, blanks, invisible letters, quotes and stops at its end."""
    letters = (letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    bare = "".join("".join(letters).casefold().split())
    return as_value(bare.strip("'\"`´‘’“”").rstrip(".,;:!") or bare)


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
    few = len(labels) <= MAX_GUESSED_CLASSES  # more of them are classes only as codes, such as 007
    if not are_whole(labels) or (classes and few and (len(labels) < 3 or count_on(labels))):
        return ""
    n = f"more than {MANY}" if len(labels) > MANY else str(len(labels))
    if classes:
        return f"target {name!r}: {n} different whole numbers are taken for classes; for a number, say so {AS_NUMBER}"
    return f"target {name!r}: {n} different whole numbers are predicted as a number; for classes, say so {AS_CLASSES}"

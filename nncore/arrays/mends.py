"""What to say of values that are no numbers: where they are, by name, and how to make numbers of them."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.base import callers
from nncore.base.checks import shown
from nncore.base.tables import MOST_SHOWN, column_names, column_types
from nncore.base.typing import Array

LARGEST_WHOLE = 2**53  # up to which every whole number is a float64
LOOKED_AT = 1000  # values of a column, to tell numbers that are stored as text from names
MISSING = ("NoneType", "NAType", "NaTType")
DATES = ("Timestamp", "datetime64", "datetime", "date")
TIMES_OF_DAY = ("time",)
SPANS = ("Timedelta", "timedelta64", "timedelta")
LIKE_FILES = "; nncore.datasets.read_csv does so for files"
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,(\d+)\s*")
LEAVE_OUT = "; leave rows with missing values out"
ENCODE = "; encode class names as 0..k-1, for example: names, y = numpy.unique(y, return_inverse=True)"

Place = tuple[Any, ...]


def where(place: Place, values: Any = None) -> str:
    """Return a place in words; if `values` are a table, the column by its name as well.

    Examples
    --------
    >>> where((3, 0)), where((1, 2, 3))
    ('row 3, column 0', 'axis 0 1, axis 1 2, axis 2 3')
    """
    words = ["row", "column"] if len(place) <= 2 else [f"axis {i}" for i in range(len(place))]
    text = ", ".join(f"{word} {int(i)}" for word, i in zip(words, place, strict=False))
    title = _title(place, values)
    return text if title is None else f"{text} ({title!r})"


def _title(place: Place, values: Any) -> str | None:
    names = column_names(values) if len(place) == 2 else None
    return names[place[1]] if names and place[1] < len(names) else None


def no_number(value: Any, place: Place, array: Array, values: Any, name: str) -> str:
    """Say of a value that it is no number, why, where, and what to do about it.

    Parameters
    ----------
    value : object
    place : tuple of int
        Where it stands in `array`.
    array : ndarray
        What NumPy made of what the caller gave.
    values : object
        What the caller gave.
    name : str
        As what: ``"X"``, ``"y"``, ...

    Examples
    --------
    >>> given = np.array([[1, "x"], [2, "y"]], object)
    >>> no_number("x", (0, 1), given, given, "weights")
    "'x' at row 0, column 1 is of type str"
    """
    at = f" at {where(place, values)}" if place else ""
    if place and is_missing(value):
        return f"{shown(value)}{at} is a missing value{of_missing(name)}"
    title, column = _title(place, values), array[:, place[1]] if len(place) == 2 else array
    return f"{shown(value)}{at} is of type {type(value).__name__}{_mend(value, column, title, values, name)}"


def of_missing(name: str) -> str:
    """Return what to do about missing values: only inputs may be made up."""
    return LEAVE_OUT + (", or fill them in, for example with the median of the column" if name == "X" else "")


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none: None, pandas.NA, NaT."""
    return type(value).__name__ in MISSING or (isinstance(value, (np.datetime64, np.timedelta64)) and np.isnat(value))


def _mend(value: Any, column: Array, title: str | None, values: Any, name: str) -> str:
    """Return what to do about a value of `column`, which has this title in a table."""
    one, kind = name if title is None else f"{name}[{title!r}]", type(value).__name__
    package = type(values).__module__.partition(".")[0]
    if isinstance(value, (str, bytes)):
        return of_text(column, title, values, name)
    if kind in (*DATES, *SPANS, *TIMES_OF_DAY):
        return _mend_of_times(one, kind, package)
    if isinstance(value, dict):
        row = value is values and not any(hasattr(one, "__len__") for one in value.values())
        return f"; make a table of it first, for example: pandas.DataFrame({f'[{name}]' if row else name})"
    if isinstance(value, (list, tuple, np.ndarray)):
        return f"; give each value in it a column of its own: numpy.stack({one})"
    if kind == "Period":
        return f"; make numbers of them, for example years: {one}.dt.year"
    if value is values and hasattr(value, "collect"):  # a lazy frame
        return f"; give {name}.collect()"
    return f"; give list({name})" if value is values and hasattr(value, "__next__") else ""


def _mend_of_times(one: str, kind: str, package: str) -> str:
    """Return what to do about dates, spans of time, or times of day, by the name of their type."""
    if kind.lower().startswith("time") and not kind.lower().startswith(("timestamp", "timedelta")):
        return "; make numbers of them, for example hours"
    if kind.lower().startswith(("timedelta", "duration")):
        how = ".dt.total_seconds()" if package in ("pandas", "polars") else " / numpy.timedelta64(1, 's')"
        return "; make numbers of them, for example seconds" + ("" if package == "pyarrow" else f": {one}{how}")
    days = {"pandas": ".dt.days", "polars": ".dt.total_days()"}.get(package, " / numpy.timedelta64(1, 'D')")
    return "; make numbers of them, for example days" + (
        "" if package == "pyarrow" else f": ({one} - {one}.min()){days}"
    )


def of_text(column: Array, title: str | None, values: Any, name: str) -> str:
    """Return what to do about a column of text: numbers that are stored so, classes, or categories.

    Examples
    --------
    >>> of_text(np.array(["1", "2"]), None, ["1", "2"], "y")
    '; these are numbers stored as text: numpy.asarray(y, dtype=float) makes numbers of them'
    """
    one = name if title is None else f"{name}[{title!r}]"
    texts = column.ravel()[:LOOKED_AT].tolist()
    numbers = sum(map(_is_number, texts))
    if numbers == len(texts):
        cast = f"{one}.astype(float)" if hasattr(values, "astype") else f"numpy.asarray({one}, dtype=float)"
        return f"; these are numbers stored as text: {cast} makes numbers of them"
    if _have_decimal_commas(texts):
        to = "astype(float)" if hasattr(values, "astype") else "cast(float)"
        cast = f"{one}.str.replace(',', '.').{to}"
        if title is None and not hasattr(values, "str"):
            cast = f"numpy.char.replace(numpy.asarray({one}, dtype=str), ',', '.').astype(float)"
        return f"; these are numbers with a decimal comma: {cast} makes numbers of them"
    if name == "X" and 2 * numbers >= len(texts):
        missing = "" if title is None else f": pandas.to_numeric({one}, errors='coerce')"
        return f"; most of its column are numbers: mend the others, or make missing values of them{missing}"
    if name != "X":
        return ENCODE if name == "y" else ""
    return f"; give each of its values a column of 0 and 1 (one-hot){_one_hot(title, values)}{LIKE_FILES}"


def _have_decimal_commas(texts: list[Any]) -> bool:
    """Tell whether all are numbers such as 1,5; where each comma could as well stand before thousands, they are not."""
    found = [DECIMAL_COMMA.fullmatch(text) if isinstance(text, str) else None for text in texts]
    return all(found) and any(match is not None and len(match[1]) != 3 for match in found)


def _one_hot(title: str | None, values: Any) -> str:
    """Return the call that does it for all columns of text of a table."""
    if title is None:
        return ""
    array, names = np.asarray(values), column_names(values) or ()
    wide = [name for i, name in enumerate(names) if any(isinstance(text, str) for text in array[:LOOKED_AT, i].flat)]
    if len(wide) > MOST_SHOWN or title not in wide:
        wide = [title]
    if hasattr(values, "to_dummies"):
        return f": X.to_dummies({wide})"
    return (
        f": pandas.get_dummies({'X.to_pandas()' if hasattr(values, 'to_pandas') else 'X'}, columns={wide}, dtype=float)"
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def wrong_dtype(array: Array, values: Any, name: str) -> Exception:
    """Return the error for an array of text, dates, complex numbers or records."""
    kind = array.dtype.kind
    if kind == "c":
        return ValueError(f"Complex data not supported: {name} has dtype {array.dtype}, expected real numbers")
    if kind in "SUT":
        flat = array.ravel()
        first = next((i for i, value in enumerate(flat[:LOOKED_AT].tolist()) if not _is_number(value)), 0)
        place = np.unravel_index(first, array.shape) if flat.size else ()
        column, title = array[:, place[1]] if len(place) == 2 else array, _title(place, values)
        example = str(flat[first : first + 1].tolist())[:80]
        hint = of_text(column, title, values, name)
        at = f" at {where(place, values)}" if first or title else " to begin with"
        return ValueError(f"could not convert {name} to numbers: it holds text, {example}{at}{hint}")
    hint = ""
    if kind in "mM" and array.size:
        hint = _mend(array.ravel()[0], array, None, values, name)
    elif array.dtype.names:
        hint = f"; make columns of its fields: numpy.lib.recfunctions.structured_to_unstructured({name})"
    return TypeError(f"{name} must hold real numbers, got dtype {array.dtype}{hint}")


def refuse_dates(values: Any, name: str) -> None:
    """Raise TypeError for a table with a column of dates or times, of which Polars makes numbers of days since 1970."""
    for i, kind in enumerate(column_types(values)):
        if kind.lower().startswith(("date", "time", "duration")):
            one = f"{name}[{_title((0, i), values)!r}]"
            hint = _mend_of_times(one, kind, type(values).__module__.partition(".")[0])
            raise TypeError(f"{name} must hold real numbers, but {one} has dtype {kind}{hint}")


def say_rounded(array: Array, values: Any, name: str) -> None:
    """Warn of whole numbers that no float64 holds: neighbours, such as ids are, become one.

    Parameters
    ----------
    array : ndarray
        Real numbers, before they become floats of the model's dtype.
    values : object
        What they were made of.
    name : str
    """
    if array.dtype.kind in "iu":
        large = (array > LARGEST_WHOLE) | (array < -LARGEST_WHOLE)
    else:
        large = _were_whole(
            (array >= LARGEST_WHOLE) | (array <= -LARGEST_WHOLE), values
        )  # 2**53 may have been one more
    if large.any():
        place = np.unravel_index(int(large.argmax()), array.shape)
        text = (
            f"{name} holds {int(large.sum())} whole number(s) past 2**53, the first at {where(place, values)}: as "
            "floats they are rounded, and neighbours become one; if they are ids, leave them out"
        )
        warnings.warn(text, UserWarning, stacklevel=callers.level())


def _were_whole(large: NDArray[np.bool_], values: Any) -> NDArray[np.bool_]:
    """Return which of these large floats were whole numbers past 2**53, before NumPy made one array of all."""
    types = [kind.lower() for kind in column_types(values)]
    if types and large.ndim == 2 and "object" not in types:
        large &= np.array(["int" in kind for kind in types])
        return large
    if large.any():
        given = np.asarray(values, object)
        for place in map(tuple, np.argwhere(large)):
            value = given[place]
            large[place] = isinstance(value, (int, np.integer)) and abs(int(value)) > LARGEST_WHOLE
    return large

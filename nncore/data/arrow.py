"""Tables of PyArrow, and of whoever hands out streams of them; PyArrow is imported where one is met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nncore.base.checks import described
from nncore.base.tables import column_names
from nncore.data.table import without_target


def pyarrow(why: str) -> Any:
    """Return the package; `why` says who needs it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"{why} needs PyArrow: pip install pyarrow") from error
    return pyarrow


def batches(stream: Any) -> Iterator[Any]:
    """Yield the record batches of an object with ``__arrow_c_stream__``."""
    yield from pyarrow(f"reading a {type(stream).__name__}").RecordBatchReader.from_stream(stream)


def names_of(schema: Any) -> tuple[str, ...]:
    """Return the names of the columns of a schema, without the index of a pandas frame."""
    index = _index_of_pandas(schema)
    return tuple(name for name in schema.names if name not in index)


def parted(table: Any, target: str | None, where: str) -> tuple[Any, Any]:
    """Return X and y of a table; y is None without a target.

    Raises
    ------
    TypeError, ValueError
        If it is none, there is no such column, or one has missing values or other than numbers; the target may hold
        texts.

    Examples
    --------
    >>> import pandas
    >>> X, y = parted(pandas.DataFrame({"age": [1, 2], "price": [3, 4]}), "price", "batch 0")
    >>> X.columns, y.tolist()
    (('age',), [3, 4])
    """
    names = getattr(getattr(table, "schema", None), "names", None)
    if names is not None and hasattr(table, "column"):
        index = _index_of_pandas(table.schema)
        kept = [k for k, name in enumerate(names) if name == target or name not in index]
        texts = next((k for k in kept if names[k] == target and _is_text(table.column(k).type)), None)
        if texts is not None:
            X, _ = parted(table.drop_columns([target]), None, where)
            return X, _numbers(table.column(texts), f"{where}: column {target!r}", texts=True)
        columns = [_numbers(table.column(k), f"{where}: column {names[k]!r}") for k in kept]
        values = np.stack(columns, axis=1) if columns else np.empty((len(table), 0))
        return without_target(values, [names[k] for k in kept], target, where)
    found = column_names(table)
    if found is None and hasattr(table, "__arrow_c_stream__"):
        whole = pyarrow(f"reading a {type(table).__name__}").table(table)
        return parted(whole, target, where)
    if found is None:
        raise TypeError(f"{where}: target={target!r} names a column of a table, got {described(table)}")
    return without_target(np.asarray(table), list(found), target, where)


def _index_of_pandas(schema: Any) -> list[Any]:
    """Return the columns that are a frame's index, which pandas puts among the others; it is none of the features."""
    found = getattr(schema, "pandas_metadata", None) or {}
    return [name for name in found.get("index_columns", ()) if isinstance(name, str)]


def _is_text(kind: Any) -> bool:
    """Whether a type of Arrow is one of texts, be they written once for all rows that have the same."""
    return any(str(getattr(kind, "value_type", kind)).startswith(name) for name in ("string", "large_string"))


def _numbers(column: Any, where: str, *, texts: bool = False) -> Any:
    if column.null_count:
        raise ValueError(f"{where} has {column.null_count} missing value(s): fill them, or leave those rows out")
    values = column.to_numpy(zero_copy_only=False) if not hasattr(column, "chunks") else column.to_numpy()
    if texts:
        return values.astype(str)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{where} holds {column.type}: only columns of numbers can be streamed")
    return values

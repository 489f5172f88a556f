"""Read a Parquet file as text: each cell as a CSV file would hold it, or refused by its type."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sirna.errors import SirnaError
from sirna.system.limits import LIMITS, MEGABYTE, quoted
from sirna.table.facts import Facts
from sirna.table.limits import MEMORY_OF_CELL, MEMORY_OF_CHARACTER, check_table_memory

UNNAMED_INDEX = re.compile(r"__index_level_\d+__")


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file with every value as text, blanks as empty text.

    Text and numbers are read as they are; bytes as UTF-8; whole numbers without decimals, also
    where the column holds floats; a list of texts as tokens separated by blanks; dates and times in
    ISO 8601. The named index of a pandas table is a column like others.

    Raises
    ------
    SirnaError
        For a table that is too large, for a column of another type, and for bytes that are no text.
    """
    file = _opened(path)
    _check_size(path, file.metadata)
    _check_memory(path, file.metadata)
    return _frame(file.read(), path, 0, Facts())


def parquet_blocks(path: Path, rows: int, facts: Facts) -> Iterator[pd.DataFrame]:
    """Read a Parquet file in blocks of at most so many rows; see `read_parquet`."""
    file = _opened(path)
    _check_size(path, file.metadata)
    if not file.metadata.num_rows:
        yield _frame(file.read(), path, 0, facts)
    first = 0
    for batch in file.iter_batches(batch_size=rows):
        yield _frame(pa.Table.from_batches([batch]), path, first, facts)
        first += len(batch)


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except UnicodeDecodeError as error:
        raise SirnaError(
            f"{path}: cannot be read; the file is damaged: a column's name is not UTF-8 text"
        ) from error


def _index_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that pandas wrote for an index; none if its note on them is damaged."""
    try:
        names = schema.pandas_metadata["index_columns"]
        return [str(name) for name in names]
    except (TypeError, KeyError, ValueError, RecursionError):  # no note, or none of this form
        return []


def _frame(table: pa.Table, path: Path, first: int, facts: Facts) -> pd.DataFrame:
    """Return the rows of a table as text; the first of them has this number, from 0.

    Raises
    ------
    SirnaError
    ArrowInvalid
        For a damaged column, such as text that is not UTF-8.
    """
    table.validate(full=True)
    names = [str(name) for name in table.column_names]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise SirnaError(f"{path}: column {quoted(twice)} occurs twice; rename one.")
    index = _index_columns(table.schema)
    named = [name for name in index if name in names and not UNNAMED_INDEX.fullmatch(name)]
    kept = [*named, *(name for name in names if name not in index)]
    places = pd.RangeIndex(first + 1, first + table.num_rows + 1, name="row")
    texts = {name: _text(table.column(names.index(name)), path, name, facts) for name in kept}
    return pd.DataFrame(texts, columns=kept, index=places, dtype=str)


def _check_size(path: Path, footer: pq.FileMetaData) -> None:
    """Refuse a file whose footer announces more than the limits allow."""
    rows, columns = footer.num_rows, footer.num_columns
    if rows > LIMITS["rows"].most:
        raise SirnaError(f"{path}: has {rows:,} rows; at most {LIMITS['rows']}.")
    if columns > LIMITS["columns"].most:
        raise SirnaError(f"{path}: has {columns:,} columns; at most {LIMITS['columns']}.")
    largest = LIMITS["cell"].most * max(rows, 1) * max(columns, 1)
    size = _size(footer)
    if size > largest:
        raise SirnaError(f"{path}: {size / MEGABYTE:,.0f} MB in {rows:,} rows; is this a table?")


def _check_memory(path: Path, footer: pq.FileMetaData) -> None:
    """Refuse a file that needs more memory, read at once, than there is."""
    cells = footer.num_rows * footer.num_columns
    check_table_memory(path, MEMORY_OF_CELL * cells + MEMORY_OF_CHARACTER * _size(footer))


def _size(footer: pq.FileMetaData) -> int:
    """Return the bytes of the columns, decompressed."""
    groups = (footer.row_group(place) for place in range(footer.num_row_groups))
    return sum(int(group.total_byte_size) for group in groups)


def _text(column: pa.ChunkedArray, path: Path, name: str, facts: Facts) -> list[str]:
    """Return the cells of a column as text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = pc.cast(column, kind.value_type), kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        if _is_text(kind.value_type):
            lists = column.to_pylist()
            return [" ".join(item or "" for item in value or ()) for value in lists]
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or _is_fixed_binary(kind):
        return _decoded(column, path, name)
    elif pa.types.is_floating(kind):
        return _numbers(column.to_pandas().to_numpy(), name, facts)
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind):
        column, kind = pc.cast(column, pa.string()), pa.string()
    plain = _is_text(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    if not (plain or pa.types.is_null(kind) or pa.types.is_decimal(kind)):
        raise SirnaError(
            f"{path}: column {quoted(name)} has the type {quoted(str(kind))}; text, numbers, "
            "lists of texts and dates can be read: convert it, or drop the column."
        )
    return ["" if value is None else str(value) for value in column.to_pylist()]


def _decoded(column: pa.ChunkedArray, path: Path, name: str) -> list[str]:
    values = column.to_pylist()
    try:
        return ["" if value is None else value.decode("utf-8") for value in values]
    except UnicodeDecodeError as error:
        raise SirnaError(
            f"{path}: column {quoted(name)} holds bytes that are not UTF-8 text; convert it to "
            "text, or drop the column."
        ) from error


def _numbers(values: np.ndarray, name: str, facts: Facts) -> list[str]:
    """Write floats with as many digits as they have; without decimals if all are whole."""
    known = values[~np.isnan(values)]
    odd = ~(np.isfinite(known) & (known == np.trunc(known)) & (np.abs(known) < 2**53))
    whole = not facts.any(f"fractions in {name}", odd)
    return ["" if np.isnan(one) else str(int(one)) if whole else str(one) for one in values]


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_fixed_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_binary(kind) and not pa.types.is_decimal(kind))

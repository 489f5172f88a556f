"""The training rows in a bundle: their file is checked before it is read, and then every column."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sirna.config.roles import BASES, NUMERIC_COVARIATES, ROLES
from sirna.errors import SirnaError, reason
from sirna.system.limits import LIMITS, MEGABYTE, quoted
from sirna.table.units import LARGEST_LABEL

KNOWN_TARGET_COLUMN = "fitted"
"""The column that marks the rows whose targets count as known."""
NUMERIC = frozenset({"label", *NUMERIC_COVARIATES})


def read_training(path: Path) -> pd.DataFrame:
    """Read the training rows of a bundle.

    Raises
    ------
    SirnaError
        For a file that is no Parquet file, that is too large, or that holds columns of other names
        or types than training rows have.
    """
    try:
        footer = pq.read_metadata(path)
        size = sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
        if size > LIMITS["training"].most or footer.num_rows > LIMITS["rows"].most:
            raise ValueError(f"it holds {footer.num_rows:,} rows, {size / MEGABYTE:,.0f} MB")
        for field in pq.read_schema(path):
            _check_type(field)
        columns = pq.ParquetFile(path).read()
        columns.validate(full=True)
        table: pd.DataFrame = columns.to_pandas(ignore_metadata=True)
        _check_values(table)
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise SirnaError(f"{path}: not a table of measurements ({reason(error)}).") from error
    return table


def _check_type(field: pa.Field) -> None:
    """Raise a ValueError for a column of an unknown name, or of another type."""
    name, kind = field.name, field.type
    if name == KNOWN_TARGET_COLUMN:
        fits = pa.types.is_boolean(kind)
    elif name in NUMERIC:
        fits = pa.types.is_float64(kind)
    elif name in ROLES:
        fits = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
    else:
        raise ValueError(f"unknown column {quoted(name)}")
    if not fits:
        raise ValueError(f"column {quoted(name)} has the type {quoted(str(kind))}")


def _check_values(table: pd.DataFrame) -> None:
    """Raise a ValueError for a value that no checked training row has."""
    for name, column in table.items():
        if name == KNOWN_TARGET_COLUMN:
            fits = not column.isna().any()
        elif name == "label":
            fits = bool(column.between(0.0, LARGEST_LABEL).all())
        elif name in NUMERIC:
            fits = bool((np.isfinite(column) | column.isna()).all())
        elif name in BASES:
            fits = bool((column.dropna().str.len() <= LIMITS["strand"].most).all())
        else:
            fits = bool((column.dropna().str.len() <= LIMITS["cell"].most).all())
        if not fits:
            raise ValueError(f"column {quoted(name)} holds a value that no training row can have")

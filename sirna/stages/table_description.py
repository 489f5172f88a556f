"""Describe in one line what was read from a table."""

import pandas as pd

from sirna.table.row_counts import RowCounts


def describe_rows(rows: pd.DataFrame) -> str:
    """Return the numbers of rows, targets, duplexes and doses, and what is missing in some rows.

    Parameters
    ----------
    rows : DataFrame of n rows
        As `read_table` returns them.
    """
    counts = RowCounts()
    counts.add(rows)
    return counts.text

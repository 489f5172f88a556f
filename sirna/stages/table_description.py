"""Describe in one line what was read from a table."""

import pandas as pd

from sirna.config.roles import CATEGORIES, NUMERIC_ROLES, ROLES, SEQUENCES


def describe_rows(rows: pd.DataFrame) -> str:
    """Return the numbers of rows, targets, duplexes and doses, and what is missing in some rows.

    Parameters
    ----------
    rows : DataFrame of n rows
        As `read_table` returns them.
    """
    parts = [_counted(len(rows), "row")]
    if "target" in rows and rows["target"].notna().any():
        parts.append(_counted(rows["target"].nunique(), "target"))
    strands = [role for role in SEQUENCES if role in rows]
    if strands:
        parts.append(_counted(len(rows[strands].drop_duplicates()), "duplex", "es"))
    if "dose" in rows and rows["dose"].notna().any():
        parts.append(_counted(rows["dose"].nunique(), "dose"))
    missing = {
        role: int(rows[role].isna().sum())
        for role in (*CATEGORIES, *NUMERIC_ROLES)
        if not ROLES[role].derived_from
        and role in rows
        and rows[role].notna().any()
        and rows[role].isna().any()
    }
    listed = ", ".join(f"{role.replace('_', ' ')} in {n:,}" for role, n in missing.items())
    return ", ".join(parts) + (f"; missing: {listed}" if listed else "")


def _counted(count: int, word: str, plural: str = "s") -> str:
    return f"{count:,} {word}{plural * (count != 1)}"

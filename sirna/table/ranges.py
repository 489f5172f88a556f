"""The ranges of doses, times, lengths and duplex numbers in the training rows."""

import numpy as np
import pandas as pd

from sirna.config.roles import NUMERIC_ROLES

LENGTHS = {"guide": "guide length", "passenger": "passenger length"}
DUPLEX_NUMBER = "duplex_number"
MEASURED = (*NUMERIC_ROLES, DUPLEX_NUMBER)
SOURCES = {length: role for role, length in LENGTHS.items()}
"""Name of a range -> the role that it is computed from, if the two differ."""
TRIMMED_SHARE = 0.005
"""Share of the duplex numbers at either end that their range leaves out, as possible errors."""
ROUNDING = 1 + 1e-9
OTHER_NUMBERING = 2.0
"""A duplex number belongs to another numbering if it is greater than the training rows' greatest
times this factor, or less than their least divided by it."""

Ranges = dict[str, tuple[float, float]]
"""The least and the greatest value, by name."""


def ranges_of(rows: pd.DataFrame) -> Ranges:
    """Return the ranges of n checked rows; roles without any value are left out."""
    found: Ranges = {}
    for name, values in _values(rows).items():
        finite = values[np.isfinite(values)]
        if len(finite):
            ends = (TRIMMED_SHARE, 1 - TRIMMED_SHARE) if name == DUPLEX_NUMBER else (0.0, 1.0)
            low, high = np.quantile(finite, ends, method="nearest")
            found[name] = (float(low), float(high))
    return found


def out_of_range(
    rows: pd.DataFrame, ranges: Ranges, factor: float = ROUNDING
) -> dict[str, np.ndarray]:
    """Return, for each name, which of n checked rows are outside the range, shape (n,) of bool.

    A value is outside if it is above the greatest value times `factor`, or below the least value
    divided by `factor`.
    """
    return {
        name: (values < ranges[name][0] / factor) | (values > ranges[name][1] * factor)
        for name, values in _values(rows).items()
        if name in ranges
    }


def other_numbering(rows: pd.DataFrame, ranges: Ranges) -> np.ndarray:
    """Return which of n checked rows have a duplex number of another numbering, shape (n,).

    Members would compare such rows with the oldest or the newest duplexes, so these numbers are
    treated as missing.
    """
    nothing = np.zeros(len(rows), dtype=bool)
    return out_of_range(rows, ranges, OTHER_NUMBERING).get(DUPLEX_NUMBER, nothing)


def _values(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    found = {role: rows[role].to_numpy(dtype=np.float64) for role in MEASURED if role in rows}
    lengths = {
        name: rows[role].str.len().to_numpy(dtype=np.float64, na_value=np.nan)
        for role, name in LENGTHS.items()
        if role in rows
    }
    return found | lengths

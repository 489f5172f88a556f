"""How far the training rows reach in what is counted or measured of a row."""

import numpy as np
import pandas as pd

LENGTHS = {"guide": "guide length", "passenger": "passenger length"}
NUMBER = "duplex_number"
MEASURED = ("dose", "hours", NUMBER)
SOURCES = {NUMBER: "duplex"} | {length: role for role, length in LENGTHS.items()}
"""The roles that ranges are told by, where these are none themselves."""
TAIL = 0.005
"""Share of the duplex numbers, at either end, that may be odd: their range goes without these."""
ROUNDING = 1 + 1e-9

Ranges = dict[str, tuple[float, float]]
"""The least and the largest value, by name."""


def ranges_of(rows: pd.DataFrame) -> Ranges:
    """Return the ranges of n checked rows; what no row has is left out."""
    found: Ranges = {}
    for name, values in _values(rows).items():
        known = values[np.isfinite(values)]
        if len(known):
            ends = (TAIL, 1 - TAIL) if name == NUMBER else (0.0, 1.0)
            low, high = np.quantile(known, ends, method="nearest")
            found[name] = (float(low), float(high))
    return found


def beyond(rows: pd.DataFrame, ranges: Ranges, times: float = ROUNDING) -> dict[str, np.ndarray]:
    """Return by name which of n checked rows lie outside, (n,) of bool.

    Outside is more than `times` the largest value, or less than one over it times the least.
    """
    return {
        name: (values < ranges[name][0] / times) | (values > ranges[name][1] * times)
        for name, values in _values(rows).items()
        if name in ranges
    }


def _values(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    found = {role: rows[role].to_numpy(dtype=np.float64) for role in MEASURED if role in rows}
    lengths = {
        name: rows[role].str.len().to_numpy(dtype=np.float64, na_value=np.nan)
        for role, name in LENGTHS.items()
        if role in rows
    }
    return found | lengths

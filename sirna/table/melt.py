"""Turn a table with one column for each dose into one row for each measurement."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from sirna.table.units import NANOMOLAR

_DOSE = re.compile(
    r"(?P<number>\d+(?:[.,]\d+)?)\s*_?\s*(?P<unit>[fpnu\u00b5\u03bcm](?:M|mol/[lL]))"
    r"(?![A-Za-z])"
)
DOSE_COLUMN, UNIT_COLUMN = "dose", "dose_unit"
"""Names of the columns with the molten doses, if the configuration names none."""


def dose_columns(names: Iterable[str]) -> dict[str, float]:
    """Return the columns whose names hold a dose, and their doses in nM."""
    found = {}
    for name in names:
        match = _DOSE.search(name)
        if match:
            number = float(match["number"].replace(",", "."))
            found[name] = number * NANOMOLAR[match["unit"].casefold()]
    return found


def melted(raw: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Return one row for each value in a column that is named by a dose.

    Parameters
    ----------
    raw : DataFrame of text, n rows
    names : dict of str to str
        The columns for the roles `id`, `dose`, `dose_unit` and `label`.

    Returns
    -------
    DataFrame of text
        The other columns, and those of dose, unit and label. A row's id is followed by its dose.
        Blank cells give no row.
    """
    doses = dose_columns(raw.columns)
    others = [name for name in raw if name not in doses]
    parts = []
    for name, dose in doses.items():
        part = raw[others].copy()
        written = np.format_float_positional(dose, trim="-")
        if names["id"] in part:
            part[names["id"]] = part[names["id"]] + f"_{written}nM"
        part[names["dose"]], part[names["dose_unit"]] = written, "nM"
        part[names["label"]] = raw[name]
        parts.append(part)
    frame = pd.concat(parts).sort_index(kind="stable")
    return frame[frame[names["label"]].str.strip() != ""]

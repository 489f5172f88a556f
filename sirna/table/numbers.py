"""Read numbers as people write them: minus signs, decimal commas, units, means with errors."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sirna.table.cells import blank
from sirna.table.facts import Facts

_SIGNS = str.maketrans(
    {
        "\u2212": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\ufe63": "-",
        "\uff0d": "-",
        "\u00a0": " ",
        "\u2007": " ",
        "\u2009": " ",
        "\u202f": " ",
        "\ufeff": "",
    }
)
"""Signs that look like a minus or a blank."""
_NUMBER = r"[-+]?(?:\d[\d.,' \u2019]*\d\.?|\d\.?|[.,]\d+)(?:[eE][-+]?\d+)?"
_WITH_UNIT = re.compile(rf"^\s*({_NUMBER})\s*([^\s\d].*)?$")
_THOUSANDS = re.compile(
    r"[-+]?\d{1,3}(?:(?P<mark>[,' \u2019])\d{3}(?:(?P=mark)\d{3})*(?:\.\d+)?"
    r"|(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})"
)
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d*(?:[eE][-+]?\d+)?")
_THREE_DECIMALS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
_POINT_BEFORE_THREE = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}")
"""Means thousands beside numbers with a decimal comma."""
_MEAN = re.compile(
    rf"^\s*({_NUMBER})\s*%?\s*(?:(?:\u00b1|\+\s*/\s*-|\+-)\s*{_NUMBER}|\(\s*(?:\u00b1\s*)?{_NUMBER}"
    r"\s*%?\s*\))?\s*%?\s*$"
)


@dataclass(frozen=True)
class Numbers:
    """A column of numbers as it was read.

    Attributes
    ----------
    values : array of float, shape (n,)
        NaN if a cell is no number.
    units : Series of str, length n
        What follows the number in each cell, such as "nM"; empty if nothing does.
    thousands : array of bool, shape (n,)
        Marks cells with thousands marks, whose values are not read.
    commas : array of bool, shape (n,)
        Marks cells with a decimal comma that the file does not allow.
    """

    values: np.ndarray
    units: pd.Series
    thousands: np.ndarray
    commas: np.ndarray


def read_numbers(text: pd.Series, decimal_comma: bool, facts: Facts | None = None) -> Numbers:
    """Read n cells as numbers.

    Parameters
    ----------
    text : Series of str, length n
    decimal_comma : bool
        Whether the file's numbers may have a comma in decimals. Then cells such as `1,234`, in a
        column without a clear decimal comma, count as cells with thousands marks; so do cells
        such as `1.234` in a column with one.
    facts : Facts, optional
        Says whether the column, by its name, has a clear decimal comma. Default: the cells do.
    """
    facts = facts or Facts()
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan).copy()
    units = pd.Series("", index=text.index, dtype=object)
    thousands = np.zeros(len(text), dtype=bool)
    commas = np.zeros(len(text), dtype=bool)
    odd = np.isnan(values) & ~blank(text)
    if odd.any() or decimal_comma:
        plain = text[odd].astype(str).str.translate(_SIGNS).str.strip()
        parts = plain.str.extract(_WITH_UNIT)
        number = parts[0].fillna("").str.strip()
        units[odd] = parts[1].fillna("").str.strip()
        comma, marked = _matches(number, _DECIMAL_COMMA), _matches(number, _THOUSANDS)
        if decimal_comma:
            ambiguous = _matches(number, _THREE_DECIMALS)
            if facts.any(f"decimal comma in {text.name}", comma & ~ambiguous):
                ambiguous = np.zeros(len(number), dtype=bool)
                thousands = _matches(text.fillna(""), _POINT_BEFORE_THREE)
            marked = (marked & ~comma) | ambiguous
            number = number.mask(comma & ~ambiguous, number.str.replace(",", ".", regex=False))
            comma = np.zeros(len(number), dtype=bool)
        thousands[odd], commas[odd] = marked, comma & ~marked
        found = pd.to_numeric(number, errors="coerce")
        values[odd] = found.to_numpy(dtype=np.float64, na_value=np.nan)
    values[thousands | commas] = np.nan
    return Numbers(values, units, thousands, commas)


def _matches(text: pd.Series, pattern: re.Pattern[str]) -> np.ndarray:
    found: np.ndarray = text.str.fullmatch(pattern).to_numpy(dtype=bool).copy()
    return found


def without_error(text: pd.Series) -> pd.Series:
    """Return the means of cells such as `73.6 ± 4.2`, `95 %` or `73.6 (4.2)`; others unchanged."""
    plain = text.fillna("").astype(str).str.translate(_SIGNS)
    mean = plain.str.extract(_MEAN)[0]
    filled: pd.Series = mean.fillna(text)
    filled.name = text.name
    return filled

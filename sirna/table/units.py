"""Convert doses, times and labels between the units of a file and the units that `sirna` uses."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from sirna.config.schema import LabelConfig
from sirna.table.cells import blank
from sirna.table.numbers import without_error
from sirna.table.report import FEWEST_VALUES, Purpose, Report

_PREFIXES = {"f": 1e-6, "p": 1e-3, "n": 1.0, "u": 1e3, "\u03bc": 1e3, "mc": 1e3, "m": 1e6, "": 1e9}
_WORDS = {"femto": 1e-6, "pico": 1e-3, "nano": 1.0, "micro": 1e3, "milli": 1e6, "": 1e9}
_MOLAR = ("m", "mol/l", "mol/liter", "mol/litre", "moll-1", "mol.l-1", "mol*l-1", "mol/dm3")
NANOMOLAR: Mapping[str, float] = {
    prefix + unit: factor for prefix, factor in _PREFIXES.items() for unit in _MOLAR
} | {word + unit: factor for word, factor in _WORDS.items() for unit in ("molar", "mole/l")}
"""Unit of a dose in lower case, without blanks -> nM."""
HOURS: Mapping[str, float] = (
    dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 1.0)
    | dict.fromkeys(("d", "day", "days"), 24.0)
    | dict.fromkeys(("min", "mins", "minute", "minutes"), 1 / 60)
    | dict.fromkeys(("wk", "week", "weeks"), 168.0)
)
"""Unit of time in lower case, without blanks -> hours."""
_AFTER_TRANSFECTION = re.compile(r"(?:after|post)-?transfection$|p\.?t\.?$")
DOSE_UNITS = "nM (or fM, pM, uM, mM, M, nmol/L, ..., which are converted)"
HOUR_UNITS = "hours (or min, days, weeks, which are converted)"
LARGEST_DOSE = 1e9
"""nM: one mole per litre."""
LARGEST_LABEL = 10_000.0
"""Largest percentage that remains: a hundred times that of untreated cells."""
LARGEST_FRACTION = 10.0
FURTHEST_BELOW = 100.0
"""Percentage points that a measurement may lie below 0 % remaining (above full inhibition)."""
LOOKS_LIKE_FRACTIONS = 1.5
"""If no label exceeds this, the labels are probably fractions, not percentages."""


FEWEST_SUSPICIOUS = 0.1
"""Smallest share of labels that look like fractions for a note on two units."""


def to_remaining(values: np.ndarray, label: LabelConfig) -> np.ndarray:
    """Convert labels in the file's unit, shape (n,), to the percentage that remains."""
    percent = values * 100.0 if label.kind == "fraction" else values
    return 100.0 - percent if label.better == "higher" else percent


def from_remaining(remaining: np.ndarray, label: LabelConfig) -> np.ndarray:
    """Convert percentages that remain, shape (n,), to labels in the file's unit."""
    percent = 100.0 - remaining if label.better == "higher" else remaining
    return percent / 100.0 if label.kind == "fraction" else percent


def read_doses(text: pd.DataFrame, names: dict[str, str], report: Report) -> np.ndarray:
    """Read doses in nM, shape (n,), from the columns `dose` and `dose_unit`.

    The unit of a cell such as `50nM` goes before the unit of the column `dose_unit`.

    Parameters
    ----------
    text : DataFrame of n rows
        The file's values, by role.
    names : dict of str to str
        Role -> the file's column.
    report : Report
        Collects the faults.
    """
    dose, column = text["dose"], names["dose"]
    unit = report.numbers(dose).units
    in_cell = _factors(unit, NANOMOLAR)
    report.add_fault_or_note(column, np.isnan(in_cell), dose, f"units are {DOSE_UNITS}")
    factors = in_cell
    if "dose_unit" in text:
        given = text["dose_unit"].mask(blank(text["dose_unit"]), "")
        of_column = _factors(given, NANOMOLAR)
        report.add_fault_or_note(
            names["dose_unit"], np.isnan(of_column), given, f"units are {DOSE_UNITS}"
        )
        has_unit, has_column = ((one != "").to_numpy(dtype=bool) for one in (unit, given))
        differ = has_unit & has_column & (in_cell != of_column) & ~np.isnan(in_cell + of_column)
        report.add_fault_or_note(
            column, differ, dose, f"has another unit than its {names['dose_unit']!r}"
        )
        bare = ~has_unit & ~has_column & ~blank(dose)
        report.add_note(column, bare, dose, f"no {names['dose_unit']!r}: read as nM")
        factors = np.where(has_unit, in_cell, of_column)
        factors[differ] = np.nan
    expectation = f"a dose is above 0 and at most {LARGEST_DOSE:g} nM; blank if unknown"
    return report.number(
        dose, column, lambda d: (d > 0) & (d <= LARGEST_DOSE), expectation, factors
    )


def read_hours(
    text: pd.Series, column: str, limits: tuple[float, float], report: Report
) -> np.ndarray:
    """Read times in hours, shape (n,); cells may have a unit, as in `48h` or `2 d`."""
    factors = _factors(report.numbers(text).units, HOURS)
    report.add_fault_or_note(column, np.isnan(factors), text, f"units are {HOUR_UNITS}")
    low, high = limits
    expectation = f"a number from {low:g} to {high:g} is needed; blank if unknown"
    return report.number(text, column, lambda v: (v >= low) & (v <= high), expectation, factors)


def _factors(units: pd.Series, table: Mapping[str, float]) -> np.ndarray:
    """Return what numbers with these units are multiplied by, shape (n,); NaN if unknown."""
    codes, distinct = pd.factorize(units)
    found = []
    for unit in distinct:
        plain = "".join(str(unit).casefold().split()).replace("\u00b7", ".")
        plain = _AFTER_TRANSFECTION.sub("", plain).rstrip(".")
        found.append(table.get(plain, np.nan) if plain else 1.0)
    return np.array(found, dtype=np.float64)[codes]


def read_label_column(
    text: pd.Series, column: str, label: LabelConfig, report: Report, purpose: Purpose
) -> np.ndarray:
    """Read labels as percentages that remain, shape (n,); faults go to the report.

    Measurements below 0 % remaining (above full inhibition) are read. Training rows count them as 0
    %, which is the bound of the predictive distributions.
    """
    if purpose is not Purpose.TEST:
        remedy = "fill it in or drop the row" if purpose is Purpose.TRAINING else "fill it in"
        report.add_fault_or_note(
            column, blank(text), text, f"a {purpose.value} row needs a value; {remedy}"
        )
    cells = text
    if label.parse == "lenient":
        cells = without_error(text)
        changed = (cells != text).to_numpy(dtype=bool)
        report.add_note(column, changed, text, "the mean is read, without error and percent sign")
    ceiling = LARGEST_FRACTION * 100 if label.kind == "fraction" else LARGEST_LABEL
    floor = -ceiling if purpose is Purpose.PREDICTION else -FURTHEST_BELOW

    def measurable(value: np.ndarray) -> np.ndarray:
        remaining = to_remaining(value, label)
        possible: np.ndarray = (remaining >= floor) & (remaining <= ceiling)
        return possible

    value = report.number(cells, column, measurable, _expectation(label, floor, ceiling))
    if label.parse == "strict":
        lenient = np.isnan(value) & (without_error(text) != text).to_numpy(dtype=bool)
        report.add_fault_or_note(
            column,
            lenient,
            text,
            "to read the mean of a cell with an error or a percent sign, give "
            "--set label.parse=lenient",
        )
    remaining = to_remaining(value, label)
    if purpose is Purpose.TRAINING:
        _check_all_labels(value, text, column, label, report)
        below = remaining < 0
        bound = from_remaining(np.zeros(1), label)[0]
        side = "above" if label.better == "higher" else "below"
        report.add_note(column, below, text, f"lies {side} {bound:g}: counts as {bound:g}")
        remaining = np.where(below, 0.0, remaining)
    return remaining


def _expectation(label: LabelConfig, floor: float, ceiling: float) -> str:
    """Describe the labels from `floor` to `ceiling` percent of mRNA that remains."""
    whole = 1 if label.kind == "fraction" else 100
    low, high = sorted(from_remaining(np.array([floor, ceiling]), label))
    meaning = {
        "lower": f"about {whole} without treatment",
        "higher": f"{whole} at full inhibition",
    }[label.better]
    return (
        f"the label must be from {low:g} to {high:g} ({meaning}); see [label] in the configuration"
    )


def _check_all_labels(
    value: np.ndarray, text: pd.Series, column: str, label: LabelConfig, report: Report
) -> None:
    """Refuse training labels that are all equal, or look like fractions but are read as percent."""
    finite = value[np.isfinite(value)]
    if len(finite) < FEWEST_VALUES:
        return
    if label.kind != "fraction":
        _check_fractions(value, text, column, report)
    if (finite == finite[0]).all():
        report.add_fault_or_note(
            column, np.isfinite(value), text, "every label is the same: nothing to learn"
        )


def _check_fractions(value: np.ndarray, text: pd.Series, column: str, report: Report) -> None:
    """Refuse percentages that look like fractions; report them if only some do."""
    finite = np.isfinite(value)
    if (np.abs(value[finite]) <= LOOKS_LIKE_FRACTIONS).all():
        expectation = (
            f"no label exceeds {LOOKS_LIKE_FRACTIONS:g}; if the labels are fractions, set "
            "label.kind = 'fraction'"
        )
        report.add_fault_or_note(column, finite, text, expectation)
    elif has_two_units(value[finite]):
        suspicious = finite & (np.abs(value) <= LOOKS_LIKE_FRACTIONS) & (value != 0)
        report.add_note(
            column,
            suspicious,
            text,
            f"is at most {LOOKS_LIKE_FRACTIONS:g} while few labels lie a little above: are these "
            "fractions among percentages? Write all labels in one unit",
        )


def has_two_units(values: np.ndarray) -> bool:
    """Return whether percentages, shape (n,), seem to have fractions among them.

    Then many values are at most 1.5, and far fewer lie in the ten times wider range above.
    """
    size = np.abs(values[values != 0])
    low = int((size <= LOOKS_LIKE_FRACTIONS).sum())
    above = int(((size > LOOKS_LIKE_FRACTIONS) & (size <= 10 * LOOKS_LIKE_FRACTIONS)).sum())
    return low >= FEWEST_SUSPICIOUS * len(values) and low > 2 * above and low < len(values)

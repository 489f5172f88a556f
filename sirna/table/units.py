"""Convert doses and labels between the units of a file and the units that `sirna` uses."""

import numpy as np
import pandas as pd

from sirna.config.schema import LabelConfig
from sirna.table.report import FEWEST_VALUES, Purpose, Report, blank

NANOMOLAR = {
    "fm": 1e-6,
    "pm": 1e-3,
    "nm": 1.0,
    "um": 1e3,
    "\u00b5m": 1e3,
    "\u03bcm": 1e3,
    "mm": 1e6,
    "m": 1e9,
}
"""Unit in lower case -> nM."""
LARGEST_DOSE = 1e9
"""nM: one mole per litre."""
LARGEST_LABEL = 10_000.0
"""Largest percentage that remains: a hundred times that of untreated cells."""
LARGEST_FRACTION = 10.0
LOOKS_LIKE_FRACTIONS = 1.5
"""If no label exceeds this, the labels are probably fractions, not percentages."""


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

    Parameters
    ----------
    text : DataFrame of n rows
        The file's values, by role.
    names : dict of str to str
        Role -> the file's column.
    report : Report
        Collects the faults.
    """
    expectation = f"a dose is above 0 and at most {LARGEST_DOSE:g}; blank if unknown"
    dose = report.number(
        text["dose"], names["dose"], lambda d: (d > 0) & (d <= LARGEST_DOSE), expectation
    )
    if "dose_unit" not in text:
        return dose
    unit = text["dose_unit"]
    factor = unit.str.casefold().map(NANOMOLAR).to_numpy(dtype=float)
    unknown = np.isnan(factor) & ~blank(unit)
    expectation = "units are nM (or fM, pM, uM, mM, M, which are converted)"
    report.add_fault_or_note(names["dose_unit"], unknown, unit, expectation)
    bare = blank(unit) & np.isfinite(dose)
    report.add_note(names["dose"], bare, text["dose"], f"no {names['dose_unit']!r}: read as nM")
    return dose * np.where(blank(unit), 1.0, factor)


def read_label_column(
    text: pd.Series, column: str, label: LabelConfig, report: Report, purpose: Purpose
) -> np.ndarray:
    """Read labels as percentages that remain, shape (n,); faults go to the report."""
    if purpose is not Purpose.TEST:
        remedy = "fill it in or drop the row" if purpose is Purpose.TRAINING else "fill it in"
        report.add_fault_or_note(
            column, blank(text), text, f"a {purpose.value} row needs a value; {remedy}"
        )

    ceiling = LARGEST_FRACTION * 100 if label.kind == "fraction" else LARGEST_LABEL

    def measurable(value: np.ndarray) -> np.ndarray:
        remaining = to_remaining(value, label)
        possible: np.ndarray = np.abs(remaining) <= ceiling
        return possible if purpose is Purpose.PREDICTION else possible & (remaining >= 0)

    whole = 1 if label.kind == "fraction" else 100
    least = -ceiling if purpose is Purpose.PREDICTION else 0.0
    low, high = sorted(from_remaining(np.array([least, ceiling]), label))
    meaning = {
        "lower": f"about {whole} without treatment",
        "higher": f"{whole} at full inhibition",
    }[label.better]
    expectation = f"the label must be from {low:g} to {high:g} ({meaning})"
    value = report.number(
        text, column, measurable, f"{expectation}; see [label] in the configuration"
    )
    if purpose is Purpose.TRAINING:
        _check_all_labels(value, text, column, label, report)
    return to_remaining(value, label)


def _check_all_labels(
    value: np.ndarray, text: pd.Series, column: str, label: LabelConfig, report: Report
) -> None:
    """Refuse training labels that are all equal, or look like fractions but are read as percent."""
    finite = value[np.isfinite(value)]
    if len(finite) < FEWEST_VALUES:
        return
    if label.kind != "fraction" and (np.abs(finite) <= LOOKS_LIKE_FRACTIONS).all():
        expectation = (
            f"no label exceeds {LOOKS_LIKE_FRACTIONS:g}; if the labels are fractions, set "
            "label.kind = 'fraction'"
        )
        report.add_fault_or_note(column, np.isfinite(value), text, expectation)
    if (finite == finite[0]).all():
        report.add_fault_or_note(
            column, np.isfinite(value), text, "every label is the same: nothing to learn"
        )

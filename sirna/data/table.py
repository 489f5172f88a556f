"""The table of measurements: one written schema, read and checked.

Reading keeps the file as it is (`Table.raw`, all text, to be written back) and beside it the
checked values under the names of their roles (`Table.rows`).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sirna.config import ColumnsConfig, Config, LabelConfig
from sirna.data.checks import BadRows, Report, blank
from sirna.data.reading import read_text_table
from sirna.errors import SirnaError, suggestion

SEQUENCE_ROLES = ("guide", "passenger", "guide_modifications", "passenger_modifications")
BASES = frozenset("ACGUTacgut")
NANOMOLAR = {
    "fm": 1e-6,
    "pm": 1e-3,
    "nm": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "mm": 1e6,
    "m": 1e9,
}
TEXT_ROLES = ("duplex", "publication", "target", "species", "cell_line", "transfection")
LARGEST_FRACTION = 10.0
ORACLE = "oracle_pct"
"""Column of a simulated truth: the best point prediction for one who knows the simulation."""


@dataclass(frozen=True)
class Table:
    """A checked table of n measurements.

    Attributes
    ----------
    source : str
        Where it came from, for messages.
    raw : DataFrame
        The file's own columns as text, n rows in the file's order.
    rows : DataFrame
        n rows, a column a role that the file has. `id` (text), sequences and conditions (text,
        NaN where missing), `dose` (nM) and `hours` (float, NaN where missing), `label`
        (percentage of mRNA that remains, NaN where unknown).
    notices : tuple of str
        What the reader should know: columns left out, incomplete rows.
    """

    source: str
    raw: pd.DataFrame
    rows: pd.DataFrame
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


def read_table(path: Path, config: Config, labelled: bool = True) -> Table:
    """Read and check a table (.csv, .csv.gz or .parquet).

    Parameters
    ----------
    path : Path
    config : Config
        Its `columns` and `label` say which column plays which role.
    labelled : bool
        A training or truth table: every row needs a label and whole sequences. Otherwise an
        incomplete sequence is a notice, since every row must be predicted.

    Raises
    ------
    SirnaError
        Naming file, row, column, value and remedy; up to ten rows of each kind of fault.
    """
    return check_table(read_text_table(path), str(path), config, labelled)


def check_table(raw: pd.DataFrame, source: str, config: Config, labelled: bool = True) -> Table:
    """Check a table of text against the schema; see `read_table`."""
    columns = config.columns
    notices = _check_columns(raw, source, columns, labelled)
    present = {role: name for role, name in columns.model_dump().items() if name in raw.columns}
    text = raw[list(present.values())].set_axis(list(present), axis=1)
    text = text.apply(lambda column: column.str.strip())
    ids = text["id"] if "id" in text else pd.Series(range(1, len(raw) + 1)).astype(str)
    report = Report(source, ids.to_numpy())
    rows = pd.DataFrame({"id": ids.to_numpy()})
    if "id" in text:
        _check_ids(text["id"], present["id"], report)
    for role in SEQUENCE_ROLES:
        if role in text:
            rows[role] = _sequences(text[role], role, present[role], report, labelled)
    for role in TEXT_ROLES:
        if role in text:
            rows[role] = text[role].mask(blank(text[role])).astype(object).to_numpy()
    if "dose" in text:
        rows["dose"] = _doses(text, present, report)
    if "hours" in text:
        hours = report.number(text["hours"], present["hours"])
        report.add(BadRows(present["hours"], hours < 0, text["hours"], "hours are 0 or more"))
        rows["hours"] = hours
    if "label" in text:
        rows["label"] = _labels(text["label"], present["label"], config.label, report, labelled)
    report.raise_if_bad()
    return Table(source, raw, rows, (*notices, *report.notices))


def read_labels(path: Path, config: Config) -> Table:
    """Read ids and labels alone: a truth or a submission, which need no sequences.

    Raises
    ------
    SirnaError
        For a file without ids or labels, and for faults in them as in `read_table`.
    """
    raw = read_text_table(path)
    columns = config.columns
    for role, name in (("id", columns.id), ("label", columns.label)):
        if name not in raw:
            near = suggestion(name, raw.columns)
            raise SirnaError(
                f"{path}: no column {name!r} for the {role}{near}; "
                "name it in the configuration's [columns] section (--config)."
            )
    text = raw[[columns.id, columns.label]].apply(lambda column: column.str.strip())
    report = Report(str(path), text[columns.id].to_numpy())
    _check_ids(text[columns.id], columns.id, report)
    label = _labels(text[columns.label], columns.label, config.label, report, labelled=True)
    report.raise_if_bad()
    return Table(str(path), raw, pd.DataFrame({"id": text[columns.id], "label": label}))


def to_remaining(values: np.ndarray, label: LabelConfig) -> np.ndarray:
    """Turn labels as the file has them, shape (n,), into the percentage that remains."""
    percent = values * 100.0 if label.kind == "fraction" else values
    return 100.0 - percent if label.better == "higher" else percent


def from_remaining(remaining: np.ndarray, label: LabelConfig) -> np.ndarray:
    """Turn percentages that remain, shape (n,), into the file's own kind of label."""
    percent = 100.0 - remaining if label.better == "higher" else remaining
    return percent / 100.0 if label.kind == "fraction" else percent


def _check_columns(
    raw: pd.DataFrame, source: str, columns: ColumnsConfig, labelled: bool
) -> list[str]:
    required = {"guide": columns.guide} | ({"label": columns.label} if labelled else {})
    have = list(raw.columns)
    lacking = [
        f"no column {name!r} for the {role}{suggestion(name, have)}"
        for role, name in required.items()
        if name not in have
    ]
    if lacking:
        shown = ", ".join(have[:30])
        raise SirnaError(
            f"{source}: {'; '.join(lacking)}. The file has: {shown}. "
            "Name the columns in the configuration's [columns] section."
        )
    if len(raw) == 0:
        raise SirnaError(f"{source}: no rows below the header; at least one is needed.")
    optional = {role: name for role, name in columns.model_dump().items() if role != "label"}
    return [
        f"no column {name!r}{suggestion(name, set(have) - set(optional.values()))}: "
        f"{role.replace('_', ' ')} is left out"
        for role, name in optional.items()
        if name and name not in have
    ]


def _check_ids(ids: pd.Series, column: str, report: Report) -> None:
    report.add(BadRows(column, blank(ids), ids, "every row needs an id"))
    twice = ids.duplicated(keep=False) & ~blank(ids)
    report.add(BadRows(column, twice, ids, "an id may occur once; remove or rename the copies"))


def _sequences(
    text: pd.Series, role: str, column: str, report: Report, labelled: bool
) -> np.ndarray:
    missing = blank(text)
    faults = [BadRows(column, missing, text, "a sequence is needed; fill it in or drop the row")]
    if not role.endswith("modifications"):
        distinct = pd.Series(text.unique())
        wrong = set(distinct[~distinct.map(BASES.issuperset)]) - set(text[missing])
        reason = "bases are A, C, G and U or T; tokens belong in a modification list"
        faults.append(BadRows(column, text.isin(wrong), text, reason))
    for fault in faults:
        if labelled:
            report.add(fault)
        else:
            report.tolerate(fault, "predicted from the rest of the row")
    return text.mask(missing).astype(object).to_numpy()


def _doses(text: pd.DataFrame, present: dict[str, str], report: Report) -> np.ndarray:
    dose = report.number(text["dose"], present["dose"])
    report.add(
        BadRows(present["dose"], dose <= 0, text["dose"], "a dose is above 0; blank if unknown")
    )
    if "dose_unit" not in text:
        return dose
    unit = text["dose_unit"].str.casefold()
    factor = unit.map(NANOMOLAR).to_numpy(dtype=float)
    unknown = np.isnan(factor) & ~blank(text["dose_unit"])
    reason = "units are nM (or fM, pM, uM, mM, M, which are converted)"
    report.add(BadRows(present["dose_unit"], unknown, text["dose_unit"], reason))
    return dose * np.where(np.isnan(factor), 1.0, factor)


def _labels(
    text: pd.Series, column: str, label: LabelConfig, report: Report, labelled: bool
) -> np.ndarray:
    value = report.number(text, column)
    if labelled:
        reason = "a training row needs a label; fill it in or drop the row"
        report.add(BadRows(column, blank(text), text, reason))
    remaining = to_remaining(value, label)
    if label.better == "lower":
        report.add(BadRows(column, value < 0, text, "a remaining percentage is 0 or more"))
    else:
        whole = "1" if label.kind == "fraction" else "100"
        reason = f"inhibition is at most {whole}; see label.kind in the configuration"
        report.add(BadRows(column, remaining < 0, text, reason))
    known = value[np.isfinite(value)]
    if label.kind == "fraction" and (known > LARGEST_FRACTION).any():
        reason = "a fraction is about 0 to 1: for percentages set label.kind in the configuration"
        report.add(BadRows(column, value > LARGEST_FRACTION, text, reason))
    elif label.kind != "fraction" and len(known) >= 20 and (np.abs(known) <= 1.5).all():
        reason = "every label lies within 1.5: for fractions set label.kind = 'fraction'"
        report.add(BadRows(column, np.isfinite(value), text, reason))
    return remaining

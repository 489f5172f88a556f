"""Check a table of measurements, and normalise its values.

A `Table` holds the unchanged text of the file (`raw`, which is written back to submissions) and the
checked values by role (`rows`). No later code changes the spelling of a value.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.config.roles import BASES, CATEGORIES, NUMERIC_ROLES, ROLES, SEQUENCES, TOKENS
from sirna.errors import SirnaError, suggestion
from sirna.table.consistency import report_inconsistencies
from sirna.table.derive import add_derived, transcripts
from sirna.table.read_file import read_text_table
from sirna.table.report import Purpose, Report, blank
from sirna.table.sequence import rna
from sirna.table.units import read_doses, read_label_column

RNA_LETTERS = frozenset("ACGU")
BETWEEN_BASES = r"[53]['\u2019\u2032\u00b4]|[\s.\-\u2010-\u2013]"
"""Marks between the bases or at the ends of a strand, which are removed."""
SHOWN_COLUMNS = 30
"""Largest number of columns that a message lists."""
ORACLE = "oracle_pct"
"""Column of a simulated truth with the best points that follow from the simulation's formulas."""


@dataclass(frozen=True)
class Table:
    """A checked table of n measurements.

    Attributes
    ----------
    source : str
        The file's name or "embedded", for messages.
    raw : DataFrame
        The columns of the file as text, n rows in the file's order.
    rows : DataFrame
        n rows, a column for each role that the file has or that is derived (see `config.roles`):

        - `id`: text
        - strands: capital RNA letters; modification lists: tokens separated by blanks
        - categories: text
        - numbers: float (`dose` in nM)
        - `label`: percentage of mRNA that remains

        Missing values are NaN.
    notes : tuple of str
        Notes for the user, such as absent columns and odd rows.
    """

    source: str
    raw: pd.DataFrame
    rows: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


def read_table(path: Path, config: Config, purpose: Purpose = Purpose.TRAINING) -> Table:
    """Read and check a table (.csv, .csv.gz or .parquet).

    Parameters
    ----------
    path : Path
    config : Config
        Its `columns` and `label` say which column plays which role.
    purpose : Purpose
        TRAINING or TEST.

    Raises
    ------
    SirnaError
        For faults; the message names file, column and remedy, and up to ten rows of each fault.
    """
    return check_table(read_text_table(path), str(path), config, purpose)


def check_table(
    raw: pd.DataFrame, source: str, config: Config, purpose: Purpose = Purpose.TRAINING
) -> Table:
    """Check a table of text; see `read_table`."""
    columns = config.columns
    required = ("guide", "label") if purpose is Purpose.TRAINING else ("guide",)
    _require_columns(raw, source, columns, required)
    raw_by_role = _by_role(raw, columns)
    normalised = _normalised(raw_by_role)
    names = {role: name for role, name in columns.items() if role in normalised}
    report = Report(source, _ids(normalised, raw.index), strict=purpose is Purpose.TRAINING)
    if "id" in normalised:
        _check_ids(normalised["id"], names["id"], report)
    rows = pd.DataFrame({"id": report.ids.to_numpy()})
    for role in (*SEQUENCES, *CATEGORIES):
        if role in normalised:
            rows[role] = normalised[role].mask(blank(normalised[role])).astype(object).to_numpy()
        if role in normalised and role in {"guide", *config.sequences}:
            _check_sequences(normalised[role], raw_by_role[role], role, names[role], report)
    add_derived(rows, normalised)
    sites = transcripts(normalised) if "transcript" in normalised else None
    report_inconsistencies(rows, sites, raw_by_role, names, report)
    _report_unnumbered(rows, names, report)
    for role in NUMERIC_ROLES:
        if role in normalised:
            rows[role] = _numbers(role, normalised, names, report)
    if "label" in normalised:
        rows["label"] = read_label_column(
            normalised["label"], names["label"], config.label, report, purpose
        )
    report.raise_if_bad()
    notes = report.notes
    if purpose is Purpose.TRAINING:
        optional = columns.keys() - {"label"}
        notes = [*absent_columns(raw, columns, optional, "left out"), *notes]
    return Table(source, raw, rows, tuple(notes))


def read_labels(path: Path, config: Config, purpose: Purpose) -> Table:
    """Read only ids and labels, for a file of true values or of predictions.

    If the file has no id column, its rows are numbered from 1.

    Raises
    ------
    SirnaError
        For a file without labels, and for faults in them as in `read_table`.
    """
    raw, columns = read_text_table(path), config.columns
    _require_columns(raw, str(path), columns, ("label",))
    text = _by_role(raw, columns)
    report = Report(str(path), _ids(text, raw.index))
    if "id" in text:
        _check_ids(text["id"], columns["id"], report)
    label = read_label_column(text["label"], columns["label"], config.label, report, purpose)
    report.raise_if_bad()
    rows = pd.DataFrame({"id": report.ids.to_numpy(), "label": label})
    return Table(str(path), raw, rows)


def absent_columns(
    raw: pd.DataFrame, columns: Mapping[str, str], roles: Collection[str], consequence: str
) -> list[str]:
    """Describe the roles whose columns a file lacks, and the `consequence` for its rows."""
    lacking = {
        role: f"{name!r}{suggestion(name, _without_role(raw, columns))}"
        for role, name in columns.items()
        if role in roles and name and name not in raw
    }
    numbered, unit = lacking.pop("id", None), lacking.pop("dose_unit", None)
    named = [f"{role.replace('_', ' ')} {name}" for role, name in lacking.items()]
    notes = [f"the file lacks some columns; {consequence}: {', '.join(named)}"] if named else []
    if unit and columns["dose"] in raw:
        notes.append(f"the file has no column {unit}: doses are read as nM")
    if numbered:
        notes.append(f"the file has no column {numbered}: the rows are numbered from 1")
    return notes


def _without_role(raw: pd.DataFrame, columns: Mapping[str, str]) -> set[str]:
    """Return the file's columns to which no role is assigned."""
    return set(raw.columns) - set(columns.values())


def _require_columns(
    raw: pd.DataFrame, source: str, columns: Mapping[str, str], required: Collection[str]
) -> None:
    lacking = [
        f"no column {columns[role]!r} for the {role}"
        f"{suggestion(columns[role], _without_role(raw, columns))}"
        for role in required
        if columns[role] not in raw
    ]
    if lacking:
        raise SirnaError(
            f"{source}: {'; '.join(lacking)}. The file has: "
            f"{', '.join(list(raw.columns)[:SHOWN_COLUMNS])}. "
            "Name the columns in the [columns] section of a file given by --config."
        )
    if len(raw) == 0:
        raise SirnaError(f"{source}: no rows below the header; at least one is needed.")


def _by_role(raw: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns that have a role, renamed to it, with outer blanks stripped."""
    named = {role: name for role, name in columns.items() if name and name in raw}
    text = raw[list(named.values())].set_axis(list(named), axis=1)
    stripped: pd.DataFrame = text.apply(lambda column: column.str.strip())
    return stripped


def _normalised(raw_by_role: pd.DataFrame) -> pd.DataFrame:
    """Spell bases as capital RNA letters without marks between them; separate tokens by blanks."""
    text = raw_by_role.copy()
    for role in BASES:
        if role in text:
            bare = text[role].str.replace(BETWEEN_BASES, "", regex=True).str.strip()
            text[role] = _each_distinct(bare, rna)
    for role in TOKENS:
        if role in text:
            text[role] = _each_distinct(text[role], _separated)
    if "transcript" in text:
        text["transcript"] = _each_distinct(text["transcript"], rna)
    return text


def _separated(tokens: str) -> str:
    """Separate tokens by single blanks; commas count as blanks."""
    return " ".join(tokens.replace(",", " ").split())


def _each_distinct(text: pd.Series, function: Callable[[str], str]) -> pd.Series:
    """Apply a function to every distinct text once."""
    codes, distinct = pd.factorize(text)
    values = np.array([function(value) for value in distinct], dtype=object)
    return pd.Series(values[codes], index=text.index, dtype=object)


def _ids(text: pd.DataFrame, places: pd.Index) -> pd.Series:
    """Return the rows' ids; without an id column they are numbered from 1."""
    if "id" in text:
        return text["id"]
    return pd.Series(range(1, len(text) + 1), index=places).astype(str)


def _check_ids(ids: pd.Series, column: str, report: Report) -> None:
    report.add_fault(column, blank(ids), ids, "every row needs an id; fill it in")
    twice = ids.duplicated(keep=False) & ~blank(ids)
    report.add_fault(column, twice, ids, "an id occurs more than once; remove or rename the copies")


def _check_sequences(
    text: pd.Series, written: pd.Series, role: str, column: str, report: Report
) -> None:
    missing = blank(text)
    remedy = "; fill it in or drop the row" if report.strict else ""
    report.add_fault_or_note(column, missing, written, f"a sequence is missing{remedy}")
    if role in BASES:
        distinct = pd.Series(text.unique())
        wrong = set(distinct[~distinct.map(RNA_LETTERS.issuperset)]) - set(text[missing])
        expectation = "bases are A, C, G and U or T; tokens belong in a modification list"
        report.add_fault_or_note(
            column, text.isin(wrong), written, expectation, "other letters are unknown"
        )


def _numbers(role: str, text: pd.DataFrame, names: dict[str, str], report: Report) -> np.ndarray:
    """Read the numbers of one role, shape (n,); NaN where missing or faulty."""
    if role == "dose":
        return read_doses(text, names, report)
    low, high = ROLES[role].limits or (-np.inf, np.inf)
    expectation = f"a number from {low:g} to {high:g} is needed; blank if unknown"
    return report.number(text[role], names[role], lambda v: (v >= low) & (v <= high), expectation)


def _report_unnumbered(rows: pd.DataFrame, names: dict[str, str], report: Report) -> None:
    """Report how many duplex ids hold no number."""
    if "duplex_number" not in rows:
        return
    lacking = int(rows["duplex_number"].isna().sum())
    if lacking:
        report.notes.append(
            f"column {names['duplex']!r}: {lacking} of {len(rows)} rows have no number in it, so "
            "their place in the series of duplexes that were made side by side is missing"
        )

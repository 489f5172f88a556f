"""Check a table of measurements, and normalise its values.

A `Table` holds the unchanged text of the file (`raw`, which is written back to submissions) and the
checked values by role (`rows`). No later code changes the spelling of a value.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.config.roles import BASES, CATEGORIES, NUMERIC_ROLES, ROLES, SEQUENCES
from sirna.notation.read import Reader
from sirna.protocols.copies import first_copies
from sirna.table.cells import blank
from sirna.table.columns import absent_columns, by_role, require_columns
from sirna.table.consistency import report_inconsistencies
from sirna.table.derive import add_derived, transcripts
from sirna.table.facts import Block
from sirna.table.limits import hide_long_sequences
from sirna.table.messages import Message
from sirna.table.names import read_names
from sirna.table.read_file import read_text_table
from sirna.table.report import Purpose, Report
from sirna.table.strands import RNA_LETTERS, read_strands
from sirna.table.units import read_doses, read_hours, read_label_column

FEWEST_BASES = 10
"""A strand with fewer bases is reported; no siRNA is that short."""
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
        - categories and duplex ids: text
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


def read_table(
    path: Path, config: Config, purpose: Purpose = Purpose.TRAINING, sheet: str = ""
) -> Table:
    """Read and check a table.

    Parameters
    ----------
    path : Path
    config : Config
        Its `columns` and `label` say which column plays which role; `data.notation` and `tokens`
        say how modified strands are read.
    purpose : Purpose
        TRAINING or TEST.
    sheet : str, optional
        The sheet of a spreadsheet; default: the first.

    Raises
    ------
    SirnaError
        For faults; the message names file, column and remedy, and up to ten rows of each fault.
    """
    raw = read_text_table(path, sheet, config.columns.values())
    return check_table(raw, str(path), config, purpose)


def check_table(
    raw: pd.DataFrame, source: str, config: Config, purpose: Purpose = Purpose.TRAINING
) -> Table:
    """Check a table of text; see `read_table`."""
    rows, report = check_rows(raw, source, config, purpose)
    report.raise_if_bad()
    notes = [*raw.attrs.get("notes", []), *report.notes]
    if purpose is Purpose.TRAINING:
        optional = config.columns.keys() - {"label"} - (set(rows) - {"id"})
        notes = [*absent_columns(raw, config.columns, optional, "left out"), *notes]
    return Table(source, raw, rows, tuple(notes))


def check_rows(
    raw: pd.DataFrame,
    source: str,
    config: Config,
    purpose: Purpose = Purpose.TRAINING,
    block: Block | None = None,
) -> tuple[pd.DataFrame, Report]:
    """Check n rows of text: a table, or a block of one.

    Returns
    -------
    DataFrame of n rows
        As `Table.rows`; meaningless if the report has faults.
    Report
        Faults and notes, except for those on how the file was read.
    """
    columns = config.columns
    required = ("guide", "label") if purpose is Purpose.TRAINING else ("guide",)
    require_columns(raw, source, columns, required)
    written = by_role(raw, columns)
    report = _report(raw, source, written, purpose is Purpose.TRAINING, block)
    names = {role: name for role, name in columns.items() if role in written}
    if "id" in written:
        _check_ids(written["id"], names["id"], report, block)
    reader = Reader(config.data.notation, config.tokens)
    text = read_strands(written, names, reader, report)
    rows = pd.DataFrame({"id": report.ids.to_numpy()})
    for role in (*CATEGORIES, "duplex"):
        if role in text:
            text[role] = read_names(text[role], names[role], report)
    for role in (*SEQUENCES, *CATEGORIES, "duplex"):
        if role in text:
            rows[role] = text[role].mask(blank(text[role])).astype(object).to_numpy()
        if role in text and role in SEQUENCES:
            as_written = written[role] if role in written else text[role]
            read = role in {"guide", *config.sequences}
            if read:
                _check_missing(text[role], as_written, names[role], report)
            if role in BASES:
                _check_bases(text[role], as_written, names[role], report, read)
    hide_long_sequences(rows, text, names, report)
    add_derived(rows, text)
    sites = transcripts(text) if "transcript" in text else None
    report_inconsistencies(rows, sites, text.assign(**written), names, report)
    _report_unnumbered(rows, names, report)
    for role in NUMERIC_ROLES:
        if role in text:
            rows[role] = _numbers(role, text, names, report)
    if "label" in text:
        rows["label"] = read_label_column(
            text["label"], names["label"], config.label, report, purpose
        )
    if purpose is Purpose.TRAINING and not report.faults:
        _report_copies(rows, report)
    return rows, report


def read_labels(path: Path, config: Config, purpose: Purpose) -> Table:
    """Read only ids and labels, for a file of true values or of predictions.

    If the file has no id column, its rows are numbered from 1.

    Raises
    ------
    SirnaError
        For a file without labels, and for faults in them as in `read_table`.
    """
    columns = config.columns
    raw = read_text_table(path, expected=columns.values())
    require_columns(raw, str(path), columns, ("label",))
    text = by_role(raw, columns)
    report = _report(raw, str(path), text, True)
    if "id" in text:
        _check_ids(text["id"], columns["id"], report)
    label = read_label_column(text["label"], columns["label"], config.label, report, purpose)
    report.raise_if_bad()
    rows = pd.DataFrame({"id": report.ids.to_numpy(), "label": label})
    return Table(str(path), raw, rows, (*raw.attrs["notes"], *report.notes))


def _ids(text: pd.DataFrame, places: pd.Index, first: int) -> pd.Series:
    """Return the rows' ids; without an id column they are numbered from 1."""
    if "id" in text:
        return text["id"]
    return pd.Series(range(first + 1, first + len(text) + 1), index=places).astype(str)


def _report(
    raw: pd.DataFrame, source: str, text: pd.DataFrame, strict: bool, block: Block | None = None
) -> Report:
    """Return an empty report on a table or a block of one."""
    block = block or Block()
    decimal_comma = bool(raw.attrs.get("decimal_comma", False))
    return Report(source, _ids(text, raw.index, block.first), strict, decimal_comma, block.facts)


def _check_ids(ids: pd.Series, column: str, report: Report, block: Block | None = None) -> None:
    report.add_fault(column, blank(ids), ids, "every row needs an id; fill it in")
    twice = ids.duplicated(keep=False) if block is None else ids.isin(block.repeated)
    report.add_fault(
        column,
        twice & ~blank(ids),
        ids,
        "an id occurs more than once; remove or rename the copies or, if these are repeated "
        "measurements, leave [columns] id empty to number the rows",
    )


def _check_missing(text: pd.Series, written: pd.Series, column: str, report: Report) -> None:
    unread = written.str.contains("[A-Za-z]", regex=True).to_numpy(dtype=bool)  # reported before
    missing = blank(text) & (blank(written) | ~unread)
    remedy = "; fill it in or drop the row" if report.strict else ""
    report.add_fault_or_note(column, missing, written, f"a sequence is missing{remedy}")


def _check_bases(
    text: pd.Series, written: pd.Series, column: str, report: Report, read: bool
) -> None:
    """Report strands with other letters than bases, and short ones.

    Other letters are a fault only if the strand is `read`.
    """
    distinct = pd.Series(text[~blank(text)].unique(), dtype=object)
    wrong = text.isin(set(distinct[~distinct.map(RNA_LETTERS.issuperset).astype(bool)]))
    expectation = "bases are A, C, G and U or T; tokens belong in a modification list"
    if read:
        report.add_fault_or_note(column, wrong, written, expectation, "other letters are unknown")
    else:
        report.add_note(column, wrong, written, expectation)
    short = (text.str.len() < FEWEST_BASES).to_numpy(dtype=bool) & ~blank(text) & ~wrong
    report.add_note(
        column, short, written, f"has fewer than {FEWEST_BASES} bases: is this a whole strand?"
    )


def _numbers(role: str, text: pd.DataFrame, names: dict[str, str], report: Report) -> np.ndarray:
    """Read the numbers of one role, shape (n,); NaN where missing or faulty."""
    if role == "dose":
        return read_doses(text, names, report)
    low, high = ROLES[role].limits or (-np.inf, np.inf)
    if role == "hours":
        return read_hours(text[role], names[role], (low, high), report)
    expectation = f"a number from {low:g} to {high:g} is needed; blank if unknown"
    return report.number(text[role], names[role], lambda v: (v >= low) & (v <= high), expectation)


def _report_copies(rows: pd.DataFrame, report: Report) -> None:
    """Report how many rows repeat the measurement of another row."""
    first = first_copies(rows)
    copies = np.flatnonzero(first != np.arange(len(rows)))
    if not len(copies):
        return
    ids = rows["id"].to_numpy()
    message = (
        f"{report.source}: {len(copies):,} rows are exact copies of others (same duplex, "
        f"conditions and label), as id {ids[copies[0]]} is of id {ids[first[copies[0]]]}; copies "
        "are held out together. Remove them, unless the same value was measured again"
    )
    report.add_counted(lambda _: message, ())


def _report_unnumbered(rows: pd.DataFrame, names: dict[str, str], report: Report) -> None:
    """Report how many duplex ids hold no number."""
    if "duplex_number" not in rows:
        return
    counts = int(rows["duplex_number"].isna().sum()), len(rows)
    report.add_counted(partial(_lacking_numbers, column=names["duplex"]), counts)


def _lacking_numbers(message: Message, column: str) -> str | None:
    lacking, rows = message.counts
    if not lacking:
        return None
    return (
        f"column {column!r}: {lacking} of {rows} rows have no number in it, so their place in the "
        "series of duplexes that were made side by side is missing"
    )

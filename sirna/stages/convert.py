"""`sirna convert`: write a table with strands in this project's tokens."""

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sirna.config.config import Config
from sirna.config.roles import SEQUENCES
from sirna.errors import SirnaError, UsageError
from sirna.notation import helm
from sirna.notation.read import Notation, Reader
from sirna.stages.console import Console
from sirna.system.files import TakenError, write_csv
from sirna.table.cells import blank
from sirna.table.columns import by_role, suggested_column
from sirna.table.melt import dose_columns, melted
from sirna.table.read_file import read_text_table
from sirna.table.report import Report
from sirna.table.sequence import reverse_complement
from sirna.table.strands import read_strands

SENSE = "sense"
OVERHANG = re.compile(r"(?:dT|\(dT\)|TT$|d\(TT\)|\(dT\)2).*$")
"""A deoxy end of a sense strand: it does not pair with the guide."""


@dataclass(frozen=True)
class ConvertRequest:
    """The options of `sirna convert`.

    Attributes
    ----------
    table : Path
    out : Path
    config : Config
        Names the columns, and spellings of further tokens.
    notation : str
    melt : bool
        Whether columns that are named by doses become rows.
    guide_from : str
        Column from which guides are derived as its reverse complement; "sense" is the passenger's
        column; empty: guides are read.
    sheet : str
    force : bool
        Whether an existing file may be replaced.
    """

    table: Path
    out: Path
    config: Config
    notation: Notation = "auto"
    melt: bool = False
    guide_from: str = ""
    sheet: str = ""
    force: bool = False


def convert(request: ConvertRequest, console: Console) -> int:
    """Read a table in any known notation, write it with tokens, and return the number of rows.

    The columns of the strands are replaced or added; all others stay as they are.

    Raises
    ------
    SirnaError
        For a strand that cannot be read; the message names column, row, place and text.
    UsageError
        If the output file exists, or is no CSV file.
    """
    _check_out(request)
    columns = dict(request.config.columns)
    raw = read_text_table(request.table, request.sheet, columns.values())
    console.line(f"data: {request.table}: {len(raw):,} rows")
    for note in raw.attrs["notes"]:
        console.note(note)
    if request.melt:
        raw = _melted(raw, columns, request, console)
    written = _written(raw, columns, request)
    ids = written["id"] if "id" in written else pd.Series(raw.index.astype(str), index=raw.index)
    report = Report(str(request.table), ids)
    names = {role: name for role, name in columns.items() if role in written}
    text = read_strands(
        written, names, Reader(request.notation, request.config.tokens, True), report
    )
    if request.guide_from:
        text["guide"] = _guides(text["passenger"], written["passenger"], report, columns)
    report.raise_if_bad()
    for note in report.notes:
        console.note(note)
    out = raw.reset_index(drop=True)
    own = request.config.columns
    for role in SEQUENCES:
        if role in text:
            out[own[role] or role] = text[role].to_numpy()
            count = int((text[role] != "").sum())
            console.line(f"{role.replace('_', ' ')}: {count:,} strands in column {own[role]!r}")
    try:
        write_csv(request.out, out, replace=request.force)
    except TakenError:  # another process has just written it
        raise _exists_error(request.out) from None
    return len(out)


def _check_out(request: ConvertRequest) -> None:
    out = request.out
    if not out.name.lower().endswith((".csv", ".csv.gz")):
        raise UsageError(f"{out}: the converted table is a .csv or .csv.gz file.")
    if out.exists() and request.table.exists() and out.samefile(request.table):
        raise UsageError(f"{out}: is the table itself; name another file.")
    if out.exists() and not request.force:
        raise _exists_error(out)


def _exists_error(out: Path) -> UsageError:
    return UsageError(f"{out}: exists already; name another file, or give --force.")


def _melted(
    raw: pd.DataFrame, columns: dict[str, str], request: ConvertRequest, console: Console
) -> pd.DataFrame:
    doses = dose_columns(raw.columns)
    if not doses:
        raise SirnaError(
            f"{request.table}: --melt needs columns that are named by doses, as '10 nM'; the file "
            f"has: {', '.join(raw.columns)}."
        )
    long = melted(raw, columns)
    listed = ", ".join(f"{name!r} as {dose:g} nM" for name, dose in doses.items())
    console.line(f"{len(raw):,} rows with {listed} become {len(long):,} rows")
    return long


def _written(raw: pd.DataFrame, columns: dict[str, str], request: ConvertRequest) -> pd.DataFrame:
    """Return the columns with roles; a column of duplexes in HELM stands for an absent guide."""
    if request.guide_from:
        columns["guide"] = ""
        if request.guide_from != SENSE:
            columns["passenger"] = request.guide_from
        if columns["passenger"] not in raw:
            near = suggested_column("passenger", columns["passenger"], raw.columns)
            raise SirnaError(
                f"{request.table}: no column {columns['passenger']!r}{near} to derive guides from; "
                "give --guide-from COLUMN, or name the passenger in [columns]."
            )
    elif columns["guide"] not in raw:
        duplexes = [name for name in raw.columns if raw[name].map(helm.looks_like).any()]
        if len(duplexes) == 1:
            columns["guide"] = duplexes[0]
    return by_role(raw, columns)


def _guides(
    passenger: pd.Series, written: pd.Series, report: Report, columns: dict[str, str]
) -> pd.Series:
    """Return the strands that pair with passengers; a deoxy end is replaced by UU."""
    ends = written.str.contains(OVERHANG)
    core = passenger.where(~ends, passenger.str[:-2])
    guide = core.map(reverse_complement).where(~ends, core.map(reverse_complement) + "UU")
    report.add_note(
        columns["passenger"],
        ~blank(passenger) & ends,
        written,
        "has a deoxy end, which does not pair: the guide gets an end of UU instead",
    )
    count = int((~blank(passenger)).sum())
    message = (
        f"{report.source}: {count:,} guides are derived as the reverse complements of "
        f"{columns['passenger']!r}"
    )
    report.add_counted(lambda _: message, ())
    return guide.mask(blank(passenger), "")

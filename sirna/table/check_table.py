"""The table of measurements: one written schema, read and checked.

Reading keeps the file as it is (`Table.raw`, all text, to be written back) and beside it the
checked values under the names of their roles (`Table.rows`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sirna.config.load import Config
from sirna.config.schema import ColumnsConfig
from sirna.errors import SirnaError, suggestion
from sirna.table.binding_site import sites
from sirna.table.consistency import find_mixups
from sirna.table.read_file import read_text_table
from sirna.table.report import Purpose, Report, blank
from sirna.table.species_match import species_matches
from sirna.table.units import doses, labels

SEQUENCE_ROLES = ("guide", "passenger", "guide_modifications", "passenger_modifications")
TEXT_ROLES = ("publication", "target", "species", "cell_line", "transfection")
DUPLEX_NUMBER = r"(\d{1,15})"
BASES = frozenset("ACGUTacgut")
BETWEEN = r"[53]['\u2019\u2032\u00b4]|[\s.\-\u2010-\u2013]"
"""What may be written between the bases of a strand, or tell its ends."""
LARGEST_HOURS = 10_000.0
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
        NaN where missing), `site` (where the guide binds its transcript, see `sites`),
        `duplex_number` (the first in the duplex id), `species_match` (how near the cells' species
        is, see `species_matches`), `dose` (nM) and `hours` (float, NaN where missing), `label`
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
        Naming file, row, column, value and remedy; up to ten rows of each kind of fault.
    """
    return check_table(read_text_table(path), str(path), config, purpose)


def check_table(
    raw: pd.DataFrame, source: str, config: Config, purpose: Purpose = Purpose.TRAINING
) -> Table:
    """Check a table of text against the schema; see `read_table`."""
    columns = config.columns
    required = {"guide": columns.guide}
    if purpose is Purpose.TRAINING:
        required["label"] = columns.label
    _check_columns(raw, source, columns, required)
    written = _by_role(raw, columns)
    text = _cleared(written)
    names = {role: name for role, name in columns.model_dump().items() if role in text}
    report = Report(source, _ids(text, raw.index), strict=purpose is Purpose.TRAINING)
    if "id" in text:
        _check_ids(text["id"], names["id"], report)
    rows = pd.DataFrame({"id": report.ids.to_numpy()})
    for role in SEQUENCE_ROLES:
        if role in text:
            rows[role] = text[role].mask(blank(text[role])).astype(object).to_numpy()
        if role in text and role in {"guide", *config.sequence_roles}:
            _check_sequences(text[role], written[role], role, names[role], report)
    for role in TEXT_ROLES:
        if role in text:
            rows[role] = text[role].mask(blank(text[role])).astype(object).to_numpy()
    _place(rows, text, names, report)
    if "dose" in text:
        rows["dose"] = doses(text, names, report)
    if "hours" in text:
        rule = f"hours are 0 to {LARGEST_HOURS:g}; blank if unknown"
        rows["hours"] = report.number(
            text["hours"], names["hours"], lambda h: (h >= 0) & (h <= LARGEST_HOURS), rule
        )
    if "label" in text:
        rows["label"] = labels(text["label"], names["label"], config.label, report, purpose)
    report.raise_if_bad()
    notices = report.notices
    if purpose is Purpose.TRAINING:
        optional = columns.model_dump().keys() - {"label"}
        notices = [*absent(raw, columns, optional, "left out"), *notices]
    return Table(source, raw, rows, tuple(notices))


def read_labels(path: Path, config: Config, purpose: Purpose) -> Table:
    """Read ids and labels alone: a truth or a prediction, which need no sequences.

    Raises
    ------
    SirnaError
        For a file without labels, and for faults in them as in `read_table`. A file without an id
        column numbers its rows.
    """
    raw, columns = read_text_table(path), config.columns
    _check_columns(raw, str(path), columns, {"label": columns.label})
    text = _by_role(raw, columns)
    report = Report(str(path), _ids(text, raw.index))
    if "id" in text:
        _check_ids(text["id"], columns.id, report)
    label = labels(text["label"], columns.label, config.label, report, purpose)
    report.raise_if_bad()
    rows = pd.DataFrame({"id": report.ids.to_numpy(), "label": label})
    return Table(str(path), raw, rows)


def absent(
    raw: pd.DataFrame, columns: ColumnsConfig, roles: Collection[str], fate: str
) -> list[str]:
    """Say which columns a file lacks of those that play one of the roles, and what that means."""
    lacking = {
        role: f"{name!r}{suggestion(name, _spare(raw, columns))}"
        for role, name in columns.model_dump().items()
        if role in roles and name and name not in raw
    }
    numbered, unit = lacking.pop("id", None), lacking.pop("dose_unit", None)
    named = [f"{role.replace('_', ' ')} {name}" for role, name in lacking.items()]
    notices = [f"without a column, and so {fate}: {', '.join(named)}"] if named else []
    if unit and columns.dose in raw:
        notices.append(f"without a column {unit}: doses are read as nM")
    if numbered:
        notices.append(f"without a column {numbered}: the rows are numbered from 1")
    return notices


def _spare(raw: pd.DataFrame, columns: ColumnsConfig) -> set[str]:
    """Return the columns that play no role."""
    return set(raw.columns) - set(columns.model_dump().values())


def _cleared(text: pd.DataFrame) -> pd.DataFrame:
    """Take out what stands between bases, and read commas between tokens as blanks."""
    text = text.copy()
    for role in SEQUENCE_ROLES:
        if role in text:
            pattern, between = (",", " ") if role.endswith("modifications") else (BETWEEN, "")
            text[role] = text[role].str.replace(pattern, between, regex=True).str.strip()
    return text


def _check_columns(
    raw: pd.DataFrame, source: str, columns: ColumnsConfig, required: dict[str, str]
) -> None:
    have = list(raw.columns)
    lacking = [
        f"no column {name!r} for the {role}{suggestion(name, _spare(raw, columns))}"
        for role, name in required.items()
        if name not in have
    ]
    if lacking:
        raise SirnaError(
            f"{source}: {'; '.join(lacking)}. The file has: {', '.join(have[:30])}. "
            "Name the columns in the [columns] section of a file given by --config."
        )
    if len(raw) == 0:
        raise SirnaError(f"{source}: no rows below the header; at least one is needed.")


def _by_role(raw: pd.DataFrame, columns: ColumnsConfig) -> pd.DataFrame:
    """Return the columns that play a role, stripped, under the roles' names."""
    named = {role: name for role, name in columns.model_dump().items() if name in raw and name}
    text = raw[list(named.values())].set_axis(list(named), axis=1)
    stripped: pd.DataFrame = text.apply(lambda column: column.str.strip())
    return stripped


def _ids(text: pd.DataFrame, places: pd.Index) -> pd.Series:
    """Return the rows' ids; without an id column they are numbered."""
    if "id" in text:
        return text["id"]
    return pd.Series(range(1, len(text) + 1), index=places).astype(str)


def _check_ids(ids: pd.Series, column: str, report: Report) -> None:
    report.refuse(column, blank(ids), ids, "every row needs an id")
    twice = ids.duplicated(keep=False) & ~blank(ids)
    report.refuse(column, twice, ids, "an id may occur once; remove or rename the copies")


def _check_sequences(
    text: pd.Series, written: pd.Series, role: str, column: str, report: Report
) -> None:
    missing = blank(text)
    remedy = "; fill it in or drop the row" if report.strict else ""
    report.fault(column, missing, written, f"a sequence is missing{remedy}")
    if not role.endswith("modifications"):
        distinct = pd.Series(text.unique())
        wrong = set(distinct[~distinct.map(BASES.issuperset)]) - set(text[missing])
        rule = "bases are A, C, G and U or T; tokens belong in a modification list"
        report.fault(column, text.isin(wrong), written, rule, "others count as unknown")


def _place(rows: pd.DataFrame, text: pd.DataFrame, names: dict[str, str], report: Report) -> None:
    """Add what columns tell: the site, the number in the duplex id, how near the species are."""
    transcripts = None
    if "transcript" in text:
        transcripts = text["transcript"].mask(blank(text["transcript"]))
        rows["site"] = sites(rows["guide"], transcripts)
    find_mixups(rows, transcripts, text, names, report)
    if "duplex" in text:
        number = text["duplex"].str.extract(DUPLEX_NUMBER, expand=False)
        rows["duplex_number"] = pd.to_numeric(number).to_numpy(dtype=float, na_value=np.nan)
        report.notices += _unnumbered(number, names["duplex"])
    if "species" in rows and "cell_line" in rows:
        rows["species_match"] = species_matches(rows["species"], rows["cell_line"])


def _unnumbered(numbers: pd.Series, column: str) -> list[str]:
    """Say how many duplex ids hold no number."""
    lacking = int(numbers.isna().sum())
    if not lacking:
        return []
    told = f"{lacking} of {len(numbers)} rows have no number in it"
    return [f"column {column!r}: {told}, which tells what was made side by side; read as missing"]

"""Find the columns of the roles; suggest columns for a role by what their names say."""

import difflib
import re
from collections.abc import Collection, Mapping

import pandas as pd

from sirna.errors import SirnaError
from sirna.table.melt import dose_columns

SHOWN_COLUMNS = 30
"""Largest number of columns that a message lists."""
_GUIDE = frozenset({"antisense", "anti", "guide", "as", "gs"})
_PASSENGER = frozenset({"sense", "passenger", "ss", "ps", "sens"})
_MODIFIED = frozenset({"modified", "modification", "modifications", "mod", "mods", "chemistry"})
_WORDS = {
    "dose_unit": {"unit", "units"},
    "dose": {"concentration", "conc", "dose", "doses", "nm"},
    "hours": {"hours", "hour", "hrs", "time", "duration", "h"},
    "cell_line": {"cell", "cells", "cellline"},
    "transfection": {"transfection", "method", "delivery", "reagent"},
    "species": {"species", "organism"},
    "publication": {"publication", "reference", "source", "pmid", "patent", "doi", "study"},
    "transcript": {"transcript", "mrna"},
    "label": {
        "inhibition",
        "remaining",
        "knockdown",
        "silencing",
        "efficacy",
        "efficiency",
        "activity",
        "expression",
        "label",
    },
    "duplex": {"duplex"},
    "target": {"gene", "genes", "target", "targets", "symbol"},
    "id": {"id", "name"},
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def likely_role(name: str) -> str | None:
    """Return the role that a column of this name probably plays, or None."""
    words = {word.casefold() for word in _WORD.findall(name)}
    strand = "guide" if words & _GUIDE else "passenger" if words & _PASSENGER else None
    if strand is not None:
        return f"{strand}_modifications" if words & _MODIFIED else strand
    if words & {"remaining", "inhibition", "knockdown", "silencing"}:
        return "label"
    if words & {"target", "mrna"} and words & {"seq", "sequence"}:
        return "transcript"
    return next((role for role, known in _WORDS.items() if words & known), None)


def suggested_column(role: str, name: str, columns: Collection[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the column that probably plays a role, or "".

    Parameters
    ----------
    role : str
    name : str
        The name that was looked for.
    columns : collection of str
        The file's columns that play no other role.
    """
    same = [column for column in columns if likely_role(column) == role]
    unclear = [column for column in columns if likely_role(column) is None]
    for candidates, cutoff in ((same, 0.0), (unclear, 0.6)):
        folded = {column.casefold(): column for column in candidates}
        near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
        if near:
            return f" (did you mean {folded[near[0]]!r}?)"
    return ""


def absent_columns(
    raw: pd.DataFrame, columns: Mapping[str, str], roles: Collection[str], consequence: str
) -> list[str]:
    """Describe the roles whose columns a file lacks, and the `consequence` for its rows."""
    lacking = {
        role: f"{name!r}{suggested_column(role, name, _without_role(raw, columns))}"
        for role, name in columns.items()
        if role in roles and name and name not in raw
    }
    numbered, unit = lacking.pop("id", None), lacking.pop("dose_unit", None)
    named = [f"{role.replace('_', ' ')} {name}" for role, name in lacking.items()]
    notes = [f"the file lacks some columns; {consequence}: {', '.join(named)}"] if named else []
    if unit and columns["dose"] in raw:
        notes.append(f"the file has no column {unit}: doses without a unit are read as nM")
    if numbered:
        notes.append(f"the file has no column {numbered}: the rows are numbered from 1")
    return notes


def _without_role(raw: pd.DataFrame, columns: Mapping[str, str]) -> set[str]:
    """Return the file's columns to which no role is assigned."""
    return set(raw.columns) - set(columns.values())


def require_columns(
    raw: pd.DataFrame, source: str, columns: Mapping[str, str], required: Collection[str]
) -> None:
    """Refuse a table without rows, or without the columns of the `required` roles."""
    lacking = [
        f"no column {columns[role]!r} for the {role}"
        f"{suggested_column(role, columns[role], _without_role(raw, columns))}"
        for role in required
        if columns[role] not in raw
    ]
    wide = dose_columns(raw.columns)
    if "label" in required and columns["label"] not in raw and len(wide) > 1:
        raise SirnaError(
            f"{source}: no column {columns['label']!r} for the label, but one column for each dose "
            f"({', '.join(list(wide)[:SHOWN_COLUMNS])}). Write one row for each measurement: sirna "
            f"convert {source} OUT --melt"
        )
    if lacking:
        raise SirnaError(
            f"{source}: {'; '.join(lacking)}. The file has: "
            f"{', '.join(list(raw.columns)[:SHOWN_COLUMNS])}. "
            "Name the columns in the [columns] section of a file given by --config."
        )
    if len(raw) == 0:
        raise SirnaError(f"{source}: no rows below the header; at least one is needed.")


def by_role(raw: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns that have a role, renamed to it, with outer blanks stripped."""
    named = {role: name for role, name in columns.items() if name and name in raw}
    text = raw[list(named.values())].set_axis(list(named), axis=1)
    stripped: pd.DataFrame = text.apply(lambda column: column.str.strip())
    return stripped

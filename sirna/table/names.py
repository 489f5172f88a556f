"""Read names (targets, cell lines, duplex ids) without what a reader of the table cannot see."""

import unicodedata

import pandas as pd

from sirna.table.report import Report

INVISIBLE = frozenset({"Cc", "Cf"})
"""Unicode's categories of control characters and of signs without width."""


def read_names(text: pd.Series, column: str, report: Report) -> pd.Series:
    """Return n names in which white space is single blanks and every character is visible.

    So `Hep  G2`, `Hep<tab>G2` and `Hep G2` with a zero byte are one cell line. Names that change
    are reported.

    Parameters
    ----------
    text : Series of str, length n
        Without outer blanks.
    column : str
        The column's name in the file.
    report : Report
        Collects the notes.
    """
    codes, distinct = pd.factorize(text.fillna(""))
    plain = pd.Series([visible(name) for name in distinct], dtype=object)
    names = pd.Series(plain.to_numpy()[codes], index=text.index, dtype=object)
    report.add_note(
        column,
        (names != text.fillna("")).to_numpy(dtype=bool),
        text,
        "has white space or invisible characters inside: read with single blanks",
    )
    return names


def visible(name: str) -> str:
    """Return a name with single blanks for white space, and without invisible characters."""
    if name.isascii() and name.isprintable() and "  " not in name:
        return name
    seen = (
        " " if one.isspace() else one
        for one in name
        if one.isspace() or unicodedata.category(one) not in INVISIBLE
    )
    return " ".join("".join(seen).split())

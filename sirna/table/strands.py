"""Read the strands of a table, in any notation, as bases and tokens."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
import pandas as pd

from sirna.config.roles import BASES, TOKENS
from sirna.notation import helm
from sirna.notation.bases import Bases, read_bases
from sirna.notation.errors import NotationError
from sirna.notation.known_tokens import TOKENS as KNOWN_TOKENS
from sirna.notation.nucleotides import spelled
from sirna.notation.read import Reader, Reading
from sirna.table.cells import blank
from sirna.table.consistency import spell_otherwise
from sirna.table.report import Report

Read = TypeVar("Read")

RNA_LETTERS = frozenset("ACGU")
MOST_SHOWN = 10
"""Largest number of unknown tokens that a message lists."""
BLANKS = re.compile(r"[\s,]")
MOST_GLUED_THAT_DIFFER = 0.1
"""If a larger share of the lists without blanks spell other bases than their strands, the lists are
refused: they are probably in another notation."""


def read_strands(
    written: pd.DataFrame, names: dict[str, str], reader: Reader, report: Report
) -> pd.DataFrame:
    """Read bases, modification lists and transcripts.

    Parameters
    ----------
    written : DataFrame of n rows
        The file's values, by role.
    names : dict of str to str
        Role -> the file's column. The roles that are found in the columns of others are added.
    reader : Reader
    report : Report
        Collects the faults, and notes on how strands were read.

    Returns
    -------
    DataFrame of n rows
        Bases and transcripts in capital RNA letters, 5' to 3'; tokens separated by blanks. A strand
        that cannot be read is empty.
    """
    text = written.copy()
    _split_duplexes(text, names, reader, report)
    for role in BASES:
        if role in text:
            _read_base_column(text, role, names, reader, report)
    for role in TOKENS:
        if role in text and role in written:
            _read_token_column(text, role, names, reader, report)
    if "transcript" in text:
        found = _bases(text["transcript"], names["transcript"], report)
        text["transcript"] = [one.text for one in found]
    return text


def _split_duplexes(
    text: pd.DataFrame, names: dict[str, str], reader: Reader, report: Report
) -> None:
    """Replace duplexes in HELM by the bases and tokens of their strands."""
    for role in BASES:
        if role not in text or not text[role].map(helm.looks_like).any():
            continue
        column, whole = names[role], text[role].copy()
        is_helm = whole.map(helm.looks_like).to_numpy(dtype=bool)
        read = _each(whole.where(is_helm, ""), partial(_helm, role=role, reader=reader))
        _report_unreadable(read, whole, column, report)
        for strand in BASES:
            tokens = [one.get(strand, []) if isinstance(one, dict) else [] for one in read]
            lists = pd.Series([" ".join(one) for one in tokens], index=text.index, dtype=object)
            bases = pd.Series([spelled(one) for one in tokens], index=text.index, dtype=object)
            for name, values in ((strand, bases), (f"{strand}_modifications", lists)):
                given = text.get(name, pd.Series("", index=text.index, dtype=object))
                fill = is_helm & ((name == role) | blank(given))
                if (fill & (values != "").to_numpy()).any() or name == role:
                    names[name] = f"{column} ({name.replace('_', ' ')})"
                    text[name] = given.mask(fill, values)
        _note(report, column, int(is_helm.sum()), "in HELM: read as strands of bases and tokens")


def _helm(text: str, role: str, reader: Reader) -> dict[str, list[str]]:
    strands = helm.read(text, reader.synonyms) if text else {}
    return {role: strands[""]} if "" in strands else strands


def _read_base_column(
    text: pd.DataFrame, role: str, names: dict[str, str], reader: Reader, report: Report
) -> None:
    """Read a column of bases; without a list of the strand, it may be in a notation of tokens."""
    column, written = names[role], text[role]
    found = _bases(written, column, report)
    plain = np.array([RNA_LETTERS.issuperset(one.text) for one in found], dtype=bool)
    tokens = f"{role}_modifications"
    if not (plain | blank(written)).all() and tokens not in text:
        strict = Reader(reader.notation, reader.synonyms, strict=True)
        read = _each(written.mask(blank(written), ""), strict.read)
        if all(isinstance(one, Reading) for one in read):
            names[tokens] = column
            text[tokens] = [" ".join(one.tokens) for one in read]
            text[role] = [spelled(one.tokens) for one in read]
            count = int((~blank(written)).sum())
            _note(
                report,
                column,
                count,
                f"in the notation {read[~plain][0].notation!r}: read as bases and tokens",
            )
            return
    sugars = np.array([one.has_sugars for one in found], dtype=bool) & plain
    report.add_note(
        column,
        sugars,
        written,
        "sugars such as dT are read as their bases; a modification list is where they count",
    )
    text[role] = [one.text for one in found]


def _bases(written: pd.Series, column: str, report: Report) -> np.ndarray:
    """Read strands of bases, shape (n,) of Bases."""
    found = _each(written, read_bases)
    failed = np.array([isinstance(one, NotationError) for one in found], dtype=bool)
    _report_unreadable(found, written, column, report)
    backwards = np.array([isinstance(one, Bases) and one.backwards for one in found], dtype=bool)
    _note_backwards(backwards, written, column, report)
    found[failed] = Bases("")
    return found


def _read_token_column(
    text: pd.DataFrame, role: str, names: dict[str, str], reader: Reader, report: Report
) -> None:
    column, written = names[role], text[role].mask(blank(text[role]), "")
    strand = role.removesuffix("_modifications")
    bases = text.get(strand, pd.Series("", index=text.index, dtype=object)).fillna("")
    pairs = written + "\n" + bases.where((written != "").to_numpy(), "")
    read = _each(pairs, lambda pair: reader.read(*pair.rsplit("\n", 1)))
    _report_unreadable(read, written, column, report)
    tokens = [list(one.tokens) if isinstance(one, Reading) else [] for one in read]
    glued = np.array(
        [
            isinstance(one, Reading) and one.notation in {"alnylam", "idt"} and not BLANKS.search(t)
            for one, t in zip(read, written, strict=True)
        ],
        dtype=bool,
    )
    differ = glued & np.array(
        [bool(b) and spell_otherwise(b, t) for b, t in zip(bases, tokens, strict=True)], dtype=bool
    )
    if differ.sum() > MOST_GLUED_THAT_DIFFER * glued.sum():
        reason = f"without blanks, and its tokens spell other bases than {names[strand]!r}"
        _refuse_list(report, column, differ, written, reason)
        tokens = [[] if bad else one for one, bad in zip(tokens, differ, strict=True)]
    backwards = np.array([isinstance(one, Reading) and one.backwards for one in read], dtype=bool)
    _note_backwards(backwards, written, column, report)
    _note_notations(read, written, column, report)
    _note_unknown(tokens, column, report)
    text[role] = [" ".join(one) for one in tokens]


def _report_unreadable(read: np.ndarray, written: pd.Series, column: str, report: Report) -> None:
    failed = np.array([isinstance(one, NotationError) for one in read], dtype=bool)
    if failed.any():
        _refuse_list(report, column, failed, written, f"cannot be read: {read[failed][0]}")


def _refuse_list(
    report: Report, column: str, bad: np.ndarray, written: pd.Series, reason: str
) -> None:
    report.add_fault_or_note(
        column,
        bad,
        written,
        f"{reason}; write known tokens, separated by blanks, or name others in [tokens]",
        "read as missing, so its chemistry does not count",
    )


def _note_backwards(bad: np.ndarray, written: pd.Series, column: str, report: Report) -> None:
    report.add_note(column, bad, written, "marked as written 3' to 5': reversed")


def _note_notations(read: np.ndarray, written: pd.Series, column: str, report: Report) -> None:
    """Report how many lists were translated, with the first as an example."""
    readings = {place: one for place, one in enumerate(read) if isinstance(one, Reading)}
    for notation in sorted({one.notation for one in readings.values()} - {"tokens"}):
        places = [place for place, one in readings.items() if one.notation == notation]
        first = places[0]
        _note(
            report,
            column,
            len(places),
            f"in the notation {notation!r}: read as tokens, the first, {written.iloc[first]!r}, as "
            f"{' '.join(readings[first].tokens)!r}",
        )


def _note_unknown(tokens: Iterable[Sequence[str]], column: str, report: Report) -> None:
    """Report tokens that the table of known tokens lacks; `sirna submit` reports unseen ones."""
    unknown = sorted({token for one in tokens for token in one} - KNOWN_TOKENS.keys())
    if unknown and report.strict:
        shown = ", ".join(map(repr, unknown[:MOST_SHOWN])) + " ..." * (len(unknown) > MOST_SHOWN)
        report.notes.append(
            f"{report.source}: column {column!r}: {len(unknown)} tokens are not in the table of "
            f"known tokens and are kept as they are: {shown}"
        )


def _note(report: Report, column: str, count: int, message: str) -> None:
    rows = f"{count:,} row{'s' * (count > 1)}"
    report.notes.append(f"{report.source}: column {column!r}: {rows} {message}")


def _each(text: pd.Series, function: Callable[[str], Read]) -> np.ndarray:
    """Apply a function to every distinct text once; a NotationError becomes the result.

    Returns
    -------
    array of object, shape (n,)
    """
    codes, distinct = pd.factorize(text.fillna(""))
    results = np.empty(len(distinct), dtype=object)
    for place, one in enumerate(distinct):
        try:
            results[place] = function(one)
        except NotationError as error:
            results[place] = error
    found: np.ndarray = results[codes]
    return found

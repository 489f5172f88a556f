"""Read the strands of a table, in any notation, as bases and tokens."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

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
from sirna.table.messages import Message
from sirna.table.report import Report

RNA_LETTERS = frozenset("ACGU")
TRANSLATED = ("alnylam", "helm", "idt")
"""The notations that lists are translated from, in the order of the notes."""
TRANSCRIPT_LETTERS = RNA_LETTERS | frozenset("NRYSWKMBDHV")
"""Bases, and IUPAC's letters for several bases."""
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
        _read_transcripts(text, names["transcript"], report)
    return text


def _split_duplexes(
    text: pd.DataFrame, names: dict[str, str], reader: Reader, report: Report
) -> None:
    """Replace duplexes in HELM by the bases and tokens of their strands."""
    for role in BASES:
        if role not in text:
            continue
        is_helm = _each(text[role], helm.looks_like).map(bool).astype(bool)
        if not report.facts.any(f"HELM in {role}", is_helm):
            continue
        column, whole = names[role], text[role].copy()
        read = _each(whole.where(is_helm, ""), partial(_helm, role=role, reader=reader))
        _report_unreadable(read, whole, column, report)
        for strand in BASES:
            tokens = partial(_tokens_of, strand=strand)
            for name, function in (
                (strand, lambda one, of=tokens: spelled(of(one))),
                (f"{strand}_modifications", lambda one, of=tokens: " ".join(of(one))),
            ):
                values = pd.Series(read.map(function), index=text.index)
                given = text.get(name, pd.Series("", index=text.index, dtype=object))
                fill = is_helm & ((name == role) | blank(given))
                filled = fill & (values != "").to_numpy()
                if report.facts.any(f"HELM gives {name}", filled) or name == role:
                    names[name] = f"{column} ({name.replace('_', ' ')})"
                    text[name] = given.mask(fill, values)
        example = "in HELM: read as strands of bases and tokens" if is_helm.any() else ""
        _note(report, column, int(is_helm.sum()), example)


def _helm(text: str, role: str, reader: Reader) -> dict[str, list[str]]:
    strands = helm.read(text, reader.synonyms) if text else {}
    return {role: strands[""]} if "" in strands else strands


def _tokens_of(strands: object, strand: str) -> list[str]:
    return strands.get(strand, []) if isinstance(strands, dict) else []


def _read_base_column(
    text: pd.DataFrame, role: str, names: dict[str, str], reader: Reader, report: Report
) -> None:
    """Read a column of bases; without a list of the strand, it may be in a notation of tokens."""
    column, written = names[role], text[role]
    found = _bases(written, column, report)
    plain = found.map(lambda one: RNA_LETTERS.issuperset(_text(one))).astype(bool)
    tokens = f"{role}_modifications"
    odd = ~(plain | blank(written))
    if tokens not in text and report.facts.any(f"other letters in {role}", odd):
        strict = Reader(reader.notation, reader.synonyms, strict=True)
        read = _each(written.mask(blank(written), ""), strict.read)
        if not report.facts.any(f"no notation in {role}", read.failed):
            names[tokens] = column
            text[tokens] = read.map(lambda one: " ".join(_tokens(one)))
            text[role] = read.map(lambda one: spelled(_tokens(one)))
            notation = getattr(read.first(~plain), "notation", "") if (~plain).any() else ""
            example = f"in the notation {notation!r}: read as bases and tokens"
            _note(report, column, int((~blank(written)).sum()), example if notation else "")
            return
    sugars = found.map(lambda one: isinstance(one, Bases) and one.has_sugars).astype(bool)
    report.add_note(
        column,
        sugars & plain,
        written,
        "sugars such as dT are read as their bases; a modification list is where they count",
    )
    text[role] = found.map(_text)


def _read_transcripts(text: pd.DataFrame, column: str, report: Report) -> None:
    """Read transcripts; letters that stand for several bases, such as N, belong to them."""
    written = text["transcript"]
    found = _bases(written, column, report)
    wrong = found.map(lambda one: not TRANSCRIPT_LETTERS.issuperset(_text(one))).astype(bool)
    report.add_note(
        column,
        wrong & ~blank(written),
        written,
        "has other characters than bases; no guide pairs there",
    )
    text["transcript"] = found.map(_text)


def _tokens(one: object) -> tuple[str, ...]:
    """Return the tokens of a strand; none of one that failed (other blocks may decide about it)."""
    return one.tokens if isinstance(one, Reading) else ()


def _bases(written: pd.Series, column: str, report: Report) -> "_Distinct":
    """Read strands of bases, and report those that cannot be read or are reversed."""
    found = _each(written, read_bases)
    reason = str(found.first(found.failed)) if found.failed.any() else ""
    report.add_fault_or_note(column, found.failed, written, reason)
    _note_backwards(found, written, column, report)
    return found


def _text(bases: object) -> str:
    return bases.text if isinstance(bases, Bases) else ""


def _read_token_column(
    text: pd.DataFrame, role: str, names: dict[str, str], reader: Reader, report: Report
) -> None:
    column, written = names[role], text[role].mask(blank(text[role]), "")
    strand = role.removesuffix("_modifications")
    bases = text.get(strand, pd.Series("", index=text.index, dtype=object)).fillna("")
    pairs = written + "\n" + bases.where((written != "").to_numpy(), "")
    read = _each(pairs, partial(_with_bases, reader=reader))
    _report_unreadable(read, written, column, report)
    glued = read.map(lambda one: isinstance(one, _List) and one.glued).astype(bool)
    differ = read.map(lambda one: isinstance(one, _List) and one.glued and one.differs).astype(bool)
    counts = int(differ.sum()), int(glued.sum())
    refused = differ & report.facts.share(
        f"other bases in {role}", *counts, most=MOST_GLUED_THAT_DIFFER
    )
    reason = f"without blanks, and its tokens spell other bases than {names.get(strand)!r}"
    _refuse_list(report, column, refused, written, reason)
    _note_backwards(read, written, column, report)
    _note_notations(read, written, column, report)
    _note_unknown(read, column, report)
    lists = read.map(lambda one: " ".join(one.tokens) if isinstance(one, _List) else "")
    text[role] = np.where(refused, "", lists)


@dataclass(frozen=True)
class _List(Reading):
    """A modification list: without blanks or not, and whether it spells other bases."""

    glued: bool = False
    differs: bool = False


def _with_bases(pair: str, reader: Reader) -> _List:
    """Read a list, given with the bases of its strand behind a line break."""
    written, bases = pair.rsplit("\n", 1)
    one = reader.read(written, bases)
    glued = one.notation in {"alnylam", "idt"} and not BLANKS.search(written)
    differs = glued and bool(bases) and spell_otherwise(bases, one.tokens)
    return _List(one.tokens, one.notation, one.backwards, glued, differs)


def _report_unreadable(read: "_Distinct", written: pd.Series, column: str, report: Report) -> None:
    reason = f"cannot be read: {read.first(read.failed)}" if read.failed.any() else ""
    _refuse_list(report, column, read.failed, written, reason)


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


def _note_backwards(read: "_Distinct", written: pd.Series, column: str, report: Report) -> None:
    backwards = read.map(lambda one: getattr(one, "backwards", False)).astype(bool)
    report.add_note(column, backwards, written, "marked as written 3' to 5': reversed")


def _note_notations(read: "_Distinct", written: pd.Series, column: str, report: Report) -> None:
    """Report how many lists were translated, with the first as an example."""
    notation = read.map(lambda one: one.notation if isinstance(one, _List) else "tokens")
    for name in TRANSLATED:
        rows = notation == name
        example = ""
        if rows.any():
            example = (
                f"in the notation {name!r}: read as tokens, the first, "
                f"{written.iloc[int(np.argmax(rows))]!r}, as "
                f"{' '.join(read.first(rows).tokens)!r}"
            )
        _note(report, column, int(rows.sum()), example)


def _note_unknown(read: "_Distinct", column: str, report: Report) -> None:
    """Report tokens that the table of known tokens lacks; `sirna submit` reports unseen ones."""
    tokens = {token for one in read.results if isinstance(one, _List) for token in one.tokens}
    unknown = sorted(tokens - KNOWN_TOKENS.keys())
    if unknown and report.strict:
        shown = ", ".join(map(repr, unknown[:MOST_SHOWN])) + " ..." * (len(unknown) > MOST_SHOWN)
        message = (
            f"{report.source}: column {column!r}: {len(unknown)} tokens are not in the table of "
            f"known tokens and are kept as they are: {shown}"
        )
        report.add_counted(lambda _: message, ())


def _note(report: Report, column: str, count: int, example: str) -> None:
    """Add a note on how many rows were read in a way; `example` comes from the first of them."""

    def write(message: Message) -> str | None:
        (count,) = message.counts
        rows = f"{count:,} row{'s' * (count > 1)}"
        text = f"{report.source}: column {column!r}: {rows} {message.example}"
        return text if message.example else None

    report.add_counted(write, [count], example)


@dataclass(frozen=True)
class _Distinct:
    """What was read from each distinct text of a column of n rows.

    Attributes
    ----------
    results : list of object
        A NotationError for a text that cannot be read.
    codes : array of int, shape (n,)
        Which of the results belongs to each row.
    """

    results: list[Any]
    codes: np.ndarray

    def map(self, function: Callable[[Any], object]) -> np.ndarray:
        """Apply a function to every result once, and return its values by row, shape (n,)."""
        values = np.empty(len(self.results), dtype=object)
        values[:] = [function(one) for one in self.results]
        by_row: np.ndarray = values[self.codes]
        return by_row

    @cached_property
    def failed(self) -> np.ndarray:
        """Marks the rows that cannot be read, shape (n,)."""
        return self.map(lambda one: isinstance(one, NotationError)).astype(bool)

    def first(self, rows: np.ndarray) -> Any:
        """Return the result of the first of the marked rows."""
        return self.results[self.codes[int(np.argmax(rows))]]


def _each(text: pd.Series, function: Callable[[str], object]) -> _Distinct:
    """Apply a function to every distinct text once."""
    codes, distinct = pd.factorize(text.fillna(""))
    results: list[Any] = []
    for one in distinct.tolist():
        try:
            results.append(function(one))
        except NotationError as error:
            results.append(error)
    return _Distinct(results, codes)

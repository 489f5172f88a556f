"""Consistency checks: find rows in which strands, directions or lists look mixed up.

Such rows are reported, but not refused or changed.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from sirna.notation.known_tokens import CAPS
from sirna.notation.nucleotides import spelled
from sirna.table.messages import Message
from sirna.table.report import FEWEST_VALUES, Report
from sirna.table.sequence import COMPLEMENT, reverse_complement

PAIRED_PART = slice(1, 17)
"""Nucleotides of a guide that pair with its target even if its ends do not. They are too many to
match a transcript by chance."""
CAPS_OF_OTHER_STRAND = {
    strand: frozenset(cap.token for cap in CAPS if cap.strand not in {"", strand})
    for strand in ("guide", "passenger")
}
STEM = 8
"""Every duplex has at least this many paired nucleotides in a row, even with central mismatches."""
SLIPS = 3
"""Largest number of letters in which tokens and bases of a strand may differ; ends often do."""
SHIFT = 2
"""Largest offset between tokens and bases; names of end caps contain letters of bases."""


def report_inconsistencies(
    rows: pd.DataFrame,
    transcripts: pd.Series | None,
    text: pd.DataFrame,
    names: dict[str, str],
    report: Report,
) -> None:
    """Report the rows that look mixed up.

    Parameters
    ----------
    rows : DataFrame of n checked rows
        They have the sequences and, if there are transcripts, the binding site.
    transcripts : Series of str, length n, optional
        Capital RNA letters; NaN where missing.
    text : DataFrame of n rows
        The file's values, by role.
    names : dict of str to str
        Role -> the file's column.
    report : Report
        Collects the notes.
    """

    def note(role: str, affected: np.ndarray, expectation: str) -> None:
        report.add_note(names[role], affected, text[role], expectation)

    guide, all_rows = rows["guide"], np.ones(len(rows), dtype=bool)
    if transcripts is not None:
        unbound = rows["site"].isna().to_numpy()
        swapped = _where(unbound, _contains_guide, guide, transcripts)
        note(
            "guide", swapped, "is a part of its transcript and not its complement; strands swapped?"
        )
        reversed_guide = _where(unbound, _pairs_backwards, guide, transcripts)
        note("guide", reversed_guide, "pairs with its transcript from 3' to 5'; write it 5' to 3'")
        counts = int(transcripts.notna().sum()), int((~unbound).sum())
        report.add_counted(partial(_few_bound, column=names["transcript"]), counts)
    if "passenger" in rows:
        unpaired = _where(all_rows, _unpaired, guide, rows["passenger"])
        expectation = f"does not pair with {names['guide']!r}; check that both are written 5' to 3'"
        note("passenger", unpaired, expectation)
    for strand, caps in CAPS_OF_OTHER_STRAND.items():
        role = f"{strand}_modifications"
        if role in rows:
            lists = rows[role].fillna("").str.split()
            capped = np.array([not caps.isdisjoint(tokens) for tokens in lists], dtype=bool)
            listed = " or ".join(sorted(caps))
            note(role, capped, f"has {listed}, which the other strand carries; strands swapped?")
    for strand in ("guide", "passenger"):
        role = f"{strand}_modifications"
        if role in rows and strand in rows:
            differing = _where(
                all_rows, lambda b, t: spell_otherwise(b, t.split()), rows[strand], rows[role]
            )
            expectation = (
                f"has other bases than {names[strand]!r}; check strand and direction (5' to 3')"
            )
            note(role, differing, expectation)


def _few_bound(message: Message, column: str) -> str | None:
    given, bound = message.counts
    if given < FEWEST_VALUES or 2 * bound >= given:
        return None
    return (
        f"column {column!r}: only {bound} of {given} guides pair with the transcript in their row; "
        "the binding sites of the others are missing"
    )


def _where(
    selected: np.ndarray, holds: Callable[[str, str], bool], first: pd.Series, second: pd.Series
) -> np.ndarray:
    """Mark the `selected` rows that have both texts and for which `holds` is true, shape (n,)."""
    codes, texts = zip(*(pd.factorize(part) for part in (first, second)), strict=True)
    both = selected & (codes[0] >= 0) & (codes[1] >= 0)
    pairs, of_row = np.unique(codes[0][both] * len(texts[1]) + codes[1][both], return_inverse=True)
    one, other = texts[0].tolist(), texts[1].tolist()
    found = [holds(one[pair // len(other)], other[pair % len(other)]) for pair in pairs.tolist()]
    marks = np.zeros(len(first), dtype=bool)
    marks[both] = np.array(found, dtype=bool)[of_row]
    return marks


def _contains_guide(guide: str, transcript: str) -> bool:
    return _contains(transcript, guide[PAIRED_PART])


def _pairs_backwards(guide: str, transcript: str) -> bool:
    return _contains(transcript, guide[PAIRED_PART].translate(COMPLEMENT))


def _contains(transcript: str, core: str) -> bool:
    return len(core) == PAIRED_PART.stop - PAIRED_PART.start and core in transcript


def _unpaired(guide: str, passenger: str) -> bool:
    partner = reverse_complement(guide)
    stems = (partner[start : start + STEM] for start in range(len(partner) - STEM + 1))
    return min(len(partner), len(passenger)) >= STEM and not any(
        stem in passenger for stem in stems
    )


def spell_otherwise(bases: str, tokens: Sequence[str]) -> bool:
    """Return whether tokens spell other bases than a strand, beyond what ends often differ in."""
    letters = spelled(tokens)
    if letters == bases:
        return False
    if abs(len(letters) - len(bases)) > SHIFT:
        return True
    starts = [*((0, shift) for shift in range(SHIFT + 1)), *((n + 1, 0) for n in range(SHIFT))]
    return all(
        sum(x != y for x, y in zip(bases[one:], letters[other:], strict=False)) > SLIPS
        for one, other in starts
    )

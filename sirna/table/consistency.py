"""What a table's writer may have mixed up: strands, directions, lists. Told, and never refused."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from sirna.features.positional import nucleotides
from sirna.table.binding_site import PAIRS, dna
from sirna.table.report import ENOUGH, Report

CORE = slice(1, 17)
"""Nucleotides of a guide that pair with its target, whatever its ends do; hardly met by chance."""
STEM = 8
"""Nucleotides in a row that pair in any duplex, mismatches in its middle or not."""
SLIPS = 3
"""Letters in which tokens and bases of one strand may differ: ends are often written otherwise."""
SHIFT = 2
"""Letters by which the one may begin before the other: caps hold letters too."""


def find_mixups(
    rows: pd.DataFrame,
    transcripts: pd.Series | None,
    text: pd.DataFrame,
    names: dict[str, str],
    report: Report,
) -> None:
    """Tell which rows look mixed up.

    Parameters
    ----------
    rows : DataFrame of n checked rows
        With the sequences, and the site where there are transcripts.
    transcripts : Series of str, length n, optional
        NaN where missing.
    text : DataFrame of n rows
        What the file holds, by role.
    names : dict of str to str
        Role -> the file's column.
    report : Report
        Takes the notices.
    """

    def tell(role: str, bad: np.ndarray, rule: str) -> None:
        report.tell(names[role], bad, text[role], rule)

    guide, everywhere = rows["guide"], np.ones(len(rows), dtype=bool)
    if transcripts is not None:
        lost = rows["site"].isna().to_numpy()
        itself = _each(lost, _stands_itself, guide, transcripts)
        tell("guide", itself, "stands in its transcript, a guide pairs with it: strands swapped?")
        backwards = _each(lost, _pairs_backwards, guide, transcripts)
        tell("guide", backwards, "pairs with its transcript backwards; strands run from 5' to 3'")
        given, bound = int(transcripts.notna().sum()), int((~lost).sum())
        if given >= ENOUGH and 2 * bound < given:
            report.notices.append(
                f"column {names['transcript']!r}: only {bound} of {given} guides pair with the "
                "transcript beside them; the others are predicted without their site"
            )
    if "passenger" in rows:
        apart = _each(everywhere, _unpaired, guide, rows["passenger"])
        tell("passenger", apart, f"does not pair with {names['guide']!r}: of one duplex, 5' to 3'?")
    for strand in ("guide", "passenger"):
        role = f"{strand}_modifications"
        if role in rows and strand in rows:
            other = _each(everywhere, _spell_otherwise, rows[strand], rows[role])
            tell(role, other, f"spells other bases than {names[strand]!r}: its own, 5' to 3'?")


def _each(
    asked: np.ndarray, holds: Callable[[str, str], bool], first: pd.Series, second: pd.Series
) -> np.ndarray:
    """Return where two texts are there and something holds of them, (n,) of bool."""
    both = pd.DataFrame({"first": first.to_numpy(), "second": second.to_numpy()})
    distinct = both[asked].dropna().drop_duplicates()
    found = [holds(*pair) for pair in zip(distinct["first"], distinct["second"], strict=True)]
    told = both.merge(distinct.assign(found=found), how="left")["found"]
    return asked & told.eq(True).to_numpy()


def _stands_itself(guide: str, transcript: str) -> bool:
    return _holds(dna(transcript), dna(guide)[CORE])


def _pairs_backwards(guide: str, transcript: str) -> bool:
    return _holds(dna(transcript), dna(guide)[CORE].translate(PAIRS))


def _holds(transcript: str, core: str) -> bool:
    return len(core) == CORE.stop - CORE.start and core in transcript


def _unpaired(guide: str, passenger: str) -> bool:
    one, other = dna(guide).translate(PAIRS)[::-1], dna(passenger)
    stems = (one[start : start + STEM] for start in range(len(one) - STEM + 1))
    return min(len(one), len(other)) >= STEM and not any(stem in other for stem in stems)


def _spell_otherwise(bases: str, tokens: str) -> bool:
    plain, spelt = dna(bases), dna("".join(base for base, _ in nucleotides(tokens.split())))
    starts = [*((0, shift) for shift in range(SHIFT + 1)), *((n + 1, 0) for n in range(SHIFT))]
    return all(
        sum(x != y for x, y in zip(plain[one:], spelt[other:], strict=False)) > SLIPS
        for one, other in starts
    )

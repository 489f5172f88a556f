"""What a table's writer may have mixed up: strands, directions, lists. Told, and never refused."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from sirna.data.aligned import nucleotides
from sirna.data.site import PAIRS, dna

CORE = slice(1, 17)
"""Nucleotides of a guide that pair with its target, whatever its ends do; hardly met by chance."""
STEM = 8
"""Nucleotides in a row that pair in any duplex, mismatches in its middle or not."""
SLIPS = 3
"""Letters in which tokens and bases of one strand may differ: ends are often written otherwise."""
SHIFT = 2
"""Letters by which the one may begin before the other: caps hold letters too."""


def mixups(rows: pd.DataFrame, transcripts: pd.Series | None, names: dict[str, str]) -> list[str]:
    """Say which rows look mixed up.

    Parameters
    ----------
    rows : DataFrame of n checked rows
        With the sequences, and the site where there are transcripts.
    transcripts : Series of str, length n, optional
        NaN where missing.
    names : dict of str to str
        Role -> the file's column.
    """
    told = []

    def tell(bad: np.ndarray, columns: str, text: str) -> None:
        count = int(bad.sum())
        if count:
            first = rows["id"].to_numpy()[np.argmax(bad)]
            where = f"{count:,} row{'s' * (count > 1)}, the first id {first}"
            told.append(f"{columns} ({where}): {text}")

    guide = f"column {names['guide']!r}"
    if transcripts is not None:
        lost = rows["site"].isna().to_numpy()
        itself, backwards = (
            _each(lost, spelt, rows["guide"], transcripts)
            for spelt in (_stands_itself, _pairs_backwards)
        )
        tell(itself, guide, "stands in the transcript instead of pairing with it: strands swapped?")
        tell(backwards, guide, "pairs with the transcript backwards: strands are written 5' to 3'")
    everywhere = np.ones(len(rows), dtype=bool)
    if "passenger" in rows:
        both = f"columns {names['guide']!r} and {names['passenger']!r}"
        apart = _each(everywhere, _unpaired, rows["guide"], rows["passenger"])
        tell(apart, both, "the strands do not pair: of one duplex, and both from 5' to 3'?")
    for strand in ("guide", "passenger"):
        role = f"{strand}_modifications"
        if role in rows and strand in rows:
            other = _each(everywhere, _spell_otherwise, rows[strand], rows[role])
            columns = f"columns {names[strand]!r} and {names[role]!r}"
            tell(other, columns, "tokens spell other bases: another strand's, or backwards?")
    return told


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

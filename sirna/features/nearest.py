"""The training duplex most similar to each row, and how far away it is in bases and chemistry."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sirna.table.tokens import nucleotides

DUPLEX_ROLES = ("guide", "guide_modifications", "passenger_modifications")
NONE = -1
"""The position of the nearest duplex of a row without a guide."""
CHUNK = 256
"""Duplexes that are compared with all training duplexes at once; bounds the memory."""
BASES_FIRST = 1_000
"""Weight of a differing base against a differing chemistry; no duplex has as many nucleotides."""


@dataclass(frozen=True)
class Nearest:
    """The nearest training duplex of n rows.

    The nearest duplex has the fewest differing bases and, among those, the fewest differing
    chemistries. Strands are aligned at their 5' ends; a nucleotide without a partner differs.

    Attributes
    ----------
    position : array of int, shape (n,)
        Position of the first training row with the nearest duplex; `NONE` for a row without guide.
    bases : array of float, shape (n,)
        Differing bases of the guide; NaN for a row without guide.
    chemistry : array of float, shape (n,)
        Differing chemistries in both strands; NaN for a row without guide.
    """

    position: np.ndarray
    bases: np.ndarray
    chemistry: np.ndarray


def nearest_duplexes(rows: pd.DataFrame, training: pd.DataFrame) -> Nearest:
    """Find the nearest training duplex of n checked rows; each result depends on its row alone.

    Parameters
    ----------
    rows : DataFrame of n rows
    training : DataFrame of m rows, m > 0
        Both need the role `guide`; modification lists are compared if both have them.
    """
    roles = [role for role in DUPLEX_ROLES if role in rows and role in training]
    both = pd.concat([training[roles], rows[roles]], ignore_index=True).fillna("").astype(str)
    index = both.groupby(roles, sort=False).ngroup().to_numpy()
    distinct = both.drop_duplicates()
    bases = _codes([list(guide) for guide in distinct["guide"]])
    strands = [[_chemistry(text) for text in distinct[role]] for role in roles if role != "guide"]
    chemistry = np.concatenate([np.zeros((len(distinct), 0), np.uint16), *map(_codes, strands)], 1)
    has_guide = (distinct["guide"] != "").to_numpy()
    known, first = np.unique(index[: len(training)], return_index=True)
    known, first = known[has_guide[known]], first[has_guide[known]]
    wanted = np.unique(index[len(training) :])
    wanted = wanted[has_guide[wanted]]
    found = np.full((len(distinct), 3), np.nan)
    for start in range(0, len(wanted) if len(known) else 0, CHUNK):
        part = wanted[start : start + CHUNK]
        in_bases = _differences(bases[part], bases[known])
        in_chemistry = _differences(chemistry[part], chemistry[known])
        best = (in_bases * BASES_FIRST + in_chemistry).argmin(axis=1)
        each = np.arange(len(part))
        found[part] = np.stack([first[best], in_bases[each, best], in_chemistry[each, best]], 1)
    of_rows = found[index[len(training) :]]
    position = np.where(np.isnan(of_rows[:, 0]), NONE, of_rows[:, 0]).astype(np.int64)
    return Nearest(position, of_rows[:, 1], of_rows[:, 2])


def _chemistry(text: str) -> list[str]:
    return [chemistry for _, chemistry in nucleotides(text.split())]


def _codes(sequences: list[list[str]]) -> np.ndarray:
    """Give every value a code from 1; shape (n, longest), 0 beyond the end of a sequence."""
    values = sorted({value for sequence in sequences for value in sequence})
    number = {value: code for code, value in enumerate(values, start=1)}
    longest = max(map(len, sequences), default=0)
    codes = np.zeros((len(sequences), longest), dtype=np.uint16)
    for row, sequence in enumerate(sequences):
        codes[row, : len(sequence)] = [number[value] for value in sequence]
    return codes


def _differences(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Count the differing places of every pair, shape (k, m) of int32."""
    total = np.zeros((len(some), len(others)), dtype=np.uint16)
    for place in range(some.shape[1]):
        total += some[:, place, None] != others[:, place]
    return total.astype(np.int32)

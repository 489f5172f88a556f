"""The training duplex most similar to each row, and how far away it is in bases and chemistry."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sirna.features.cut_strands import CutStrands, cut_bases, cut_chemistry
from sirna.features.strands import distinct_rows

DUPLEX_ROLES = ("guide", "guide_modifications", "passenger_modifications")
NONE = -1
"""The position of the nearest duplex of a row without a guide."""
UNKNOWN = 65_535
"""The code of a value that no training duplex has; it differs from all of theirs."""
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


class DuplexIndex:
    """The distinct duplexes of m > 0 training rows, prepared for comparisons.

    Parameters
    ----------
    training : DataFrame of m rows
        Needs the role `guide`; modification lists are compared if it has them.
    """

    def __init__(self, training: pd.DataFrame) -> None:
        self._roles = [role for role in DUPLEX_ROLES if role in training]
        strands = [_cut(training, role) for role in self._roles]
        with_guide = np.flatnonzero(_with_guide(training))
        first, _ = distinct_rows(*(strand.code[with_guide] for strand in strands))
        self._first = with_guide[np.sort(first)]
        self._alphabets = [
            {part: code for code, part in enumerate(strand.parts, start=1)} for strand in strands
        ]
        self._codes = [
            _codes(strand, alphabet)[strand.code[self._first]]
            for strand, alphabet in zip(strands, self._alphabets, strict=True)
        ]

    def nearest(self, rows: pd.DataFrame) -> Nearest:
        """Find the nearest duplex of n checked rows; each result depends on its row alone."""
        strands = {role: _cut(rows, role) for role in self._roles if role in rows}
        first, index = distinct_rows(*(strand.code for strand in strands.values()))
        codes = [
            (_codes(strands[role], alphabet)[strands[role].code[first]], known)
            for role, alphabet, known in zip(self._roles, self._alphabets, self._codes, strict=True)
            if role in strands
        ]
        found = np.full((len(first), 3), np.nan)
        wanted = np.flatnonzero(_with_guide(rows)[first])
        for start in range(0, len(wanted) if len(self._first) else 0, CHUNK):
            part = wanted[start : start + CHUNK]
            in_bases = _differences(codes[0][0][part], codes[0][1])
            in_chemistry = np.zeros_like(in_bases)
            for these, known in codes[1:]:
                in_chemistry += _differences(these[part], known)
            best = (in_bases * BASES_FIRST + in_chemistry).argmin(axis=1)
            each = np.arange(len(part))
            parts = self._first[best], in_bases[each, best], in_chemistry[each, best]
            found[part] = np.stack(parts, axis=1)
        of_rows = found[index]
        position = np.where(np.isnan(of_rows[:, 0]), NONE, of_rows[:, 0]).astype(np.int64)
        return Nearest(position, of_rows[:, 1], of_rows[:, 2])


def nearest_duplexes(rows: pd.DataFrame, training: pd.DataFrame) -> Nearest:
    """Find the nearest training duplex of n checked rows; see `DuplexIndex`."""
    return DuplexIndex(training).nearest(rows)


def _cut(rows: pd.DataFrame, role: str) -> CutStrands:
    """Cut a strand into its bases, or into the chemistries of its nucleotides."""
    return cut_bases(rows[role]) if role == "guide" else cut_chemistry(rows[role])


def _with_guide(rows: pd.DataFrame) -> np.ndarray:
    return rows["guide"].fillna("").ne("").to_numpy(dtype=bool)


def _codes(strands: CutStrands, alphabet: dict[str, int]) -> np.ndarray:
    """Encode distinct strands, shape (strands, longest); 0 beyond the end, `UNKNOWN` if new."""
    of_part = [alphabet.get(part, UNKNOWN) for part in strands.parts]
    codes: np.ndarray = np.array([*of_part, 0], dtype=np.uint16)[strands.table]
    return codes


def _differences(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Count the differing places of every pair, shape (k, m); a missing partner differs."""
    width = max(some.shape[1], others.shape[1])
    some, others = (
        np.pad(codes, ((0, 0), (0, width - codes.shape[1]))) for codes in (some, others)
    )
    total = np.zeros((len(some), len(others)), dtype=np.uint16)
    for place in range(width):
        total += some[:, place, None] != others[:, place]
    return total.astype(np.int32)

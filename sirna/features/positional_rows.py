"""Rows encoded position by position; what rows have in common is stored once."""

from dataclasses import dataclass

import numpy as np

from sirna.features.strands import distinct_rows

UNSEEN = -1
"""The code of a category that no training row has; it matches no training category."""


@dataclass(frozen=True)
class PatternParts:
    """The bases and the chemistry of p distinct patterns; each distinct content is stored once.

    Attributes
    ----------
    bases, chemistry : array of int64, shape (p,)
        Which of the distinct bases and of the distinct chemistries each pattern has.
    base_channels, base_counts, chemistry_channels, chemistry_counts : arrays
        One row for each distinct content; the columns as in `PositionalRows`.
    """

    bases: np.ndarray
    chemistry: np.ndarray
    base_channels: np.ndarray
    base_counts: np.ndarray
    chemistry_channels: np.ndarray
    chemistry_counts: np.ndarray


@dataclass(frozen=True)
class PositionalRows:
    """n encoded rows; patterns and conditions that rows have in common are stored once.

    Attributes
    ----------
    pattern : array of int64, shape (n,)
        Which of p distinct patterns (encoded strands) each row has.
    channels : array of int64, shape (p, channels)
        Codes of the training categories, or `UNSEEN`.
    counts : array of float32, shape (p, counts)
        Nucleotides of each chemistry in each strand, and G or C in the guide.
    condition : array of int64, shape (n,)
        Which of c distinct conditions each row has.
    categories : array of int64, shape (c, roles)
    numbers : array of float32, shape (c, roles)
    places : array of float64, shape (n, series)
        Each row's place in each series; NaN if unknown.
    bases : int
        The first `bases` channels and the last count describe the guide's bases, the others
        describe chemistry.
    """

    pattern: np.ndarray
    channels: np.ndarray
    counts: np.ndarray
    condition: np.ndarray
    categories: np.ndarray
    numbers: np.ndarray
    places: np.ndarray
    bases: int

    def __len__(self) -> int:
        return len(self.pattern)

    def take(self, rows: np.ndarray) -> "PositionalRows":
        """Return some rows, with only the patterns and conditions that they have."""
        patterns, pattern = np.unique(self.pattern[rows], return_inverse=True)
        conditions, condition = np.unique(self.condition[rows], return_inverse=True)
        return PositionalRows(
            pattern,
            self.channels[patterns],
            self.counts[patterns],
            condition,
            self.categories[conditions],
            self.numbers[conditions],
            self.places[rows],
            self.bases,
        )

    def parts(self) -> PatternParts:
        """Divide the patterns into bases and chemistry."""
        channels, counts = self.channels, self.counts
        of_bases = channels[:, : self.bases], counts[:, -1:]
        of_chemistry = channels[:, self.bases :], counts[:, :-1]
        first, bases = distinct_rows(*of_bases)
        first_chemistry, chemistry = distinct_rows(*of_chemistry)
        return PatternParts(
            bases,
            chemistry,
            *(table[first] for table in of_bases),
            *(table[first_chemistry] for table in of_chemistry),
        )

"""Facts about whole columns, so that a table can be read block by block as if at once.

How some cells are read depends on the other cells of their column: whether any of them is in HELM,
whether numbers have a decimal comma. Such a question goes to `Facts`. A table that is read at once
answers it from its rows. A table that is read in blocks is read under assumed answers, and the true
ones are gathered on the way; where they differ, it is read again with these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


class Facts:
    """Answers questions about whole columns.

    Parameters
    ----------
    assumed : mapping of str to bool, optional
        Answers by question; a question that it lacks is answered with no. Default: the rows at hand
        are the whole table, and decide.
    """

    def __init__(self, assumed: Mapping[str, bool] | None = None) -> None:
        self._assumed = assumed
        self._counts: dict[str, np.ndarray] = {}
        self._shares: dict[str, float] = {}

    def any(self, question: str, marks: np.ndarray | bool) -> bool:
        """Return whether any row of the table is marked."""
        return self.share(question, int(np.any(marks)), 0, 0.0)

    def share(self, question: str, part: int, whole: int, most: float) -> bool:
        """Return whether `part` is more than a share of `whole`, both summed over the table."""
        counts = self._counts.setdefault(question, np.zeros(2, dtype=np.int64))
        counts += [part, whole]
        self._shares[question] = most
        if self._assumed is None:
            return bool(part > most * whole)
        return self._assumed.get(question, False)

    @property
    def found(self) -> dict[str, bool]:
        """The true answers, after all rows; only those that are yes."""
        sums = {question: counts.tolist() for question, counts in self._counts.items()}
        return {
            question: True
            for question, (part, whole) in sums.items()
            if part > self._shares[question] * whole
        }


@dataclass(frozen=True)
class Block:
    """What the reader of a block of rows needs to know about the whole table.

    Attributes
    ----------
    facts : Facts
    first : int
        Number of the block's first row, from 0.
    repeated : frozenset of str
        The ids that occur more than once in the table.
    """

    facts: Facts = field(default_factory=Facts)
    first: int = 0
    repeated: frozenset[str] = frozenset()

"""Find guides that are similar to each other: shifted along one transcript, or mutated."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sirna.protocols.targets import guides

WORD = 4
"""Length of the compared words of bases."""
SHARE = 0.6
"""Guides that share at least this part of their words are similar: one has a mutation, or is
shifted by up to seven bases. Two random guides share about a sixteenth."""
SAME, SIMILAR, FAR = 0, 1, 2
"""Kinds of guides: one of the training rows, a new one that is similar to one, any other."""
BLOCK = 1024
"""Guides that are compared with all others at once; it limits the memory."""


def group_similar(rows: pd.DataFrame) -> np.ndarray:
    """Return the group of each of n checked rows, shape (n,) of str.

    Rows with similar guides are in one group, and so are rows that are linked by a chain of similar
    guides. A group has the name of its first guide in alphabetical order.
    """
    # scipy's graphs load slowly, and only this protocol needs them
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    distinct, guide = np.unique(guides(rows).to_numpy().astype(str), return_inverse=True)
    pairs = similar_pairs(distinct)
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(distinct), len(distinct)))
    _, component = connected_components(links, directed=False)
    _, first = np.unique(component, return_index=True)
    names: np.ndarray = distinct[first][component][guide]
    return names


def similar_pairs(distinct: np.ndarray) -> np.ndarray:
    """Return the positions of all pairs of similar guides, shape (pairs, 2).

    Parameters
    ----------
    distinct : array of str, shape (d,)
    """
    words = _Words(distinct)
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for start, similar in words.similar_to(distinct):
        first, second = np.where(similar)
        near = np.stack([first + start, second], axis=1)
        pairs.append(near[first + start < second])
    return np.concatenate(pairs)


class KnownGuides:
    """The guides of training rows, prepared for comparisons.

    Parameters
    ----------
    training : DataFrame of m checked rows
    """

    def __init__(self, training: pd.DataFrame) -> None:
        distinct = np.unique(guides(training).to_numpy().astype(str))
        self._guides = distinct[distinct != ""]
        self._words = _Words(self._guides)

    def novelty(self, rows: pd.DataFrame) -> np.ndarray:
        """Return how new the guides of n checked rows are, shape (n,) of int.

        `SAME`, `SIMILAR` or `FAR`; a row without a guide counts as `SAME`.
        """
        distinct, guide = np.unique(guides(rows).to_numpy().astype(str), return_inverse=True)
        found = np.where(np.isin(distinct, self._guides) | (distinct == ""), SAME, FAR)
        new = np.flatnonzero(found != SAME)
        for start, similar in self._words.similar_to(distinct[new]):
            block = new[start : start + len(similar)]
            found[block[similar.any(axis=1)]] = SIMILAR
        novelty: np.ndarray = found[guide]
        return novelty


class _Words:
    """The words of d guides."""

    def __init__(self, distinct: np.ndarray) -> None:
        words = [_words(guide) for guide in distinct]
        self._index = {word: at for at, word in enumerate(sorted(set[str]().union(*words)))}
        self._marks, self._count = self._marked(words)

    def similar_to(self, some: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield, block by block, which guides are similar to some others.

        Yields
        ------
        int
            The place of the block's first guide among `some`.
        array of bool, shape (block, d)
        """
        for start in range(0, len(some), BLOCK):
            words = [_words(guide) for guide in some[start : start + BLOCK]]
            marks, count = self._marked(words)
            fewer = np.minimum(count[:, None], self._count)
            yield start, (marks @ self._marks.T >= SHARE * fewer) & (fewer > 0)

    def _marked(self, words: list[set[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Mark the words that each guide has, and count all its words."""
        marks = np.zeros((len(words), len(self._index)), dtype=np.float32)
        for row, found in enumerate(words):
            marks[row, [self._index[word] for word in found if word in self._index]] = 1.0
        return marks, np.array([len(found) for found in words], dtype=np.float32)


def _words(guide: str) -> set[str]:
    return {guide[start : start + WORD] for start in range(len(guide) - WORD + 1)}

"""Find guides that are similar to each other: shifted along one transcript, or mutated."""

import numpy as np
import pandas as pd

from sirna.protocols.targets import guides

WORD = 4
"""Length of the compared words of bases."""
SHARE = 0.6
"""Guides that share at least this part of their words are similar: one has a mutation, or is
shifted by up to seven bases. Two random guides share about a sixteenth."""
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
    words = [
        {guide[start : start + WORD] for start in range(len(guide) - WORD + 1)}
        for guide in distinct
    ]
    index = {word: column for column, word in enumerate(sorted(set().union(*words)))}
    marks = np.zeros((len(distinct), len(index)), dtype=np.float32)
    for row, found in enumerate(words):
        marks[row, [index[word] for word in found]] = 1.0
    count = marks.sum(axis=1)
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for start in range(0, len(distinct), BLOCK):
        shared = marks[start : start + BLOCK] @ marks.T
        fewer = np.minimum(count[start : start + BLOCK, None], count)
        first, second = np.where((shared >= SHARE * fewer) & (fewer > 0))
        near = np.stack([first + start, second], axis=1)
        pairs.append(near[first + start < second])
    return np.concatenate(pairs)

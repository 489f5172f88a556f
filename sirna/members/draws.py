"""Draw some rows of a table in whole groups."""

import numpy as np


def drawn_by_group(group: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions of at most `most` of n rows, ascending, drawn group by group.

    Parameters
    ----------
    group : array of int, shape (n,)
        The group of each row, from 0.
    most : int
    rng : Generator
    """
    if len(group) <= most:
        return np.arange(len(group))
    rank = rng.permutation(int(group.max()) + 1)[group]
    return np.sort(np.argsort(rank, kind="stable")[:most])

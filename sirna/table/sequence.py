"""Functions for strands: spelling of bases, complements, and the duplex of each row."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

COMPLEMENT = str.maketrans("ACGU", "UGCA")
NO_SEQUENCE = -1
"""The duplex code of a row in which every sequence is missing."""


def rna(bases: str) -> str:
    """Return bases in capital RNA letters."""
    return bases.upper().replace("T", "U")


def reverse_complement(bases: str) -> str:
    """Return the strand that pairs with this one, 5' to 3', as capital RNA letters."""
    return rna(bases).translate(COMPLEMENT)[::-1]


def duplex_codes(rows: pd.DataFrame, roles: Sequence[str]) -> np.ndarray:
    """Return the index of each row's duplex among the distinct duplexes of n checked rows.

    Two rows measure the same duplex if they agree in all the sequences named by `roles`.

    Parameters
    ----------
    rows : DataFrame of n rows
    roles : sequence of str
        Roles of sequences; roles without a column are ignored.

    Returns
    -------
    array of int64, shape (n,)
        Indices from 0, ordered by the first appearance of the sequences, role by role;
        `NO_SEQUENCE` if all sequences of a row are missing.
    """
    text = rows.reindex(columns=list(dict.fromkeys(roles)))
    codes = [pd.factorize(text[role].astype(object).fillna("").astype(str))[0] for role in text]
    _, duplex = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    missing = text.isna().all(axis=1).to_numpy(dtype=bool)
    return np.where(missing, NO_SEQUENCE, duplex.reshape(-1)).astype(np.int64)

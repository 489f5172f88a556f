"""Sibling measurements: look up and encode other training measurements of a row's duplex.

Many duplexes are measured at several doses and in several cell lines. If the protocol allows it,
the network reads the training measurements of a row's duplex under other conditions.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

from sirna.features.covariates import MISSING_INDEX, UNSEEN_INDEX, Covariates
from sirna.features.strands import distinct_texts
from sirna.table.sequence import NO_SEQUENCE

HIGHEST = 150.0
"""Percent; greater labels are encoded as this value."""
PLACES_AT_ONCE = 2_000_000
"""Largest number of siblings, over all rows, that are encoded at once; it limits the memory."""
PRESENT = 0
"""The index of the feature that is 1 for a sibling and 0 for an empty place."""


@dataclass(frozen=True)
class Siblings:
    """Measured rows, looked up by duplex.

    Attributes
    ----------
    measured : DataFrame of m rows
        Checked, with labels.
    roles : tuple of str
        The sequences that make a duplex; see `duplex_codes`.
    most : int
        Largest number of siblings that a row is shown: those under the nearest conditions.
    """

    measured: pd.DataFrame
    roles: tuple[str, ...]
    most: int
    _cache: list[tuple[Covariates, tuple[np.ndarray, np.ndarray]]] = field(
        default_factory=list, repr=False, compare=False
    )

    @classmethod
    def from_rows(
        cls, rows: pd.DataFrame, roles: tuple[str, ...], covariates: Covariates, most: int
    ) -> Self:
        """Build the look-up from checked rows, keeping only the columns that it needs."""
        needed = [*roles, *covariates.roles, "label"]
        return cls(rows[needed].reset_index(drop=True), roles, most)

    @staticmethod
    def width(covariates: Covariates) -> int:
        """Return the number of features of one sibling."""
        return 2 + 3 * len(covariates.numeric) + len(covariates.categorical)

    def features(self, rows: pd.DataFrame, covariates: Covariates, training: bool) -> np.ndarray:
        """Describe the siblings of each of n rows.

        Parameters
        ----------
        rows : DataFrame of n rows
        covariates : Covariates
        training : bool
            Whether `rows` are the measured rows; if so, a row is not its own sibling.

        Returns
        -------
        array of float32, shape (n, k, width)
            For each sibling: 1; label / 100; its numeric conditions; flags for the missing ones;
            the row's minus the sibling's value of each numeric condition; for each categorical
            condition, 1 if both are the same. Empty places are 0 and come last.
        """
        measured = self._encoded(covariates)
        numbers = [covariates.numbers(rows), measured[0]]
        categories = [covariates.categories(rows), measured[1]]
        order, start, count = self._siblings_by_duplex(rows)
        widest = max(int(count.max(initial=0)), 1)
        size = max(1, PLACES_AT_ONCE // widest)
        chunks = []
        for first in range(0, max(len(rows), 1), size):
            some = slice(first, first + size)
            at = np.minimum(start[some, None] + np.arange(widest), len(order) - 1)
            place = np.where(np.arange(widest) < count[some, None], order[at], -1)
            if training:
                place[place == np.arange(len(rows))[some, None]] = -1
            chunks.append(
                self._encode_nearest(
                    [numbers[0][some], numbers[1]], [categories[0][some], categories[1]], place
                )
            )
        return np.concatenate(chunks)

    def _encode_nearest(
        self, numbers: list[np.ndarray], categories: list[np.ndarray], place: np.ndarray
    ) -> np.ndarray:
        """Encode the nearest siblings; `place`, shape (n, k), holds their positions or -1."""
        roles = [range(numbers[0].shape[1] // 2), range(categories[0].shape[1])]
        far = np.zeros(place.shape)
        for role in roles[0]:
            far += _distance(numbers, place, role) ** 2
        for role in roles[1]:
            far -= _same(categories, place, role)
        far[place < 0] = np.inf
        nearest = np.argsort(far, axis=1, kind="stable")[:, : self.most]
        place = np.take_along_axis(place, nearest, axis=1)
        label = np.minimum(self.measured["label"].to_numpy()[place], HIGHEST) / 100
        parts = [
            np.stack([place >= 0, label], axis=2),
            numbers[1][place, 0::2],
            numbers[1][place, 1::2],
            *(_distance(numbers, place, role)[..., None] for role in roles[0]),
            *(_same(categories, place, role)[..., None] for role in roles[1]),
        ]
        features = np.concatenate(parts, axis=2) * (place >= 0)[..., None]
        return features.astype(np.float32)

    def _siblings_by_duplex(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sort the measured rows by duplex, and find the siblings of each row among them.

        Returns
        -------
        order : array of int, shape (m,)
            Positions of the measured rows, those of one duplex side by side.
        start, count : arrays of int, shape (n,)
            Where the siblings of a row begin in `order`, and how many there are.
        """
        order, codes, distinct = self._by_duplex
        query = np.zeros(len(rows), dtype=np.int64)
        known = np.ones(len(rows), dtype=bool)
        missing = np.ones(len(rows), dtype=bool)
        for role, texts in zip(self.roles, distinct, strict=True):
            if role not in rows:
                of_row, texts_of_rows = np.zeros(len(rows), dtype=np.int64), [""]
            else:
                of_row, texts_of_rows = distinct_texts(rows[role])
            index = np.array([texts.get(text, NO_SEQUENCE) for text in texts_of_rows])[of_row]
            known &= index != NO_SEQUENCE
            missing &= (np.array(texts_of_rows, dtype=object) == "")[of_row]
            query = query * len(texts) + index
        start = np.searchsorted(codes, query)
        count = np.searchsorted(codes, query, side="right") - start
        count[missing | ~known] = 0
        return order, start, count

    def _encoded(self, covariates: Covariates) -> tuple[np.ndarray, np.ndarray]:
        """Return the conditions of the measured rows, encoded once for the same covariates."""
        if not self._cache or self._cache[0][0] is not covariates:
            encoded = covariates.numbers(self.measured), covariates.categories(self.measured)
            self._cache[:] = [(covariates, encoded)]
        return self._cache[0][1]

    @cached_property
    def _by_duplex(self) -> tuple[np.ndarray, np.ndarray, list[dict[str, int]]]:
        """The measured rows sorted by duplex, their keys, and the distinct texts of each role."""
        key = np.zeros(len(self.measured), dtype=np.int64)
        distinct = []
        for role in self.roles:
            of_row, texts = distinct_texts(self.measured[role])
            distinct.append({text: number for number, text in enumerate(texts)})
            key = key * len(texts) + of_row
        order = np.argsort(key, kind="stable")
        return order, key[order], distinct


def _distance(numbers: list[np.ndarray], place: np.ndarray, role: int) -> np.ndarray:
    """Return row minus sibling in one numeric condition, shape (n, k); 0 if either is missing."""
    value, missing = 2 * role, 2 * role + 1
    query, measured = numbers
    unknown = query[:, missing, None] + measured[place, missing] > 0
    distance: np.ndarray = np.where(unknown, 0.0, query[:, value, None] - measured[place, value])
    return distance


def _same(categories: list[np.ndarray], place: np.ndarray, role: int) -> np.ndarray:
    """Return whether rows and siblings have the same training category, shape (n, k)."""
    query, measured = categories
    named = query[:, role, None] > max(MISSING_INDEX, UNSEEN_INDEX)
    same: np.ndarray = (query[:, role, None] == measured[place, role]) & named
    return same

"""Sibling measurements: other training measurements of a row's duplex, described as numbers.

A duplex is measured at several doses and in several cell lines. Under protocols that ask about
known duplexes, the network reads what the training rows say of a row's duplex under other
conditions.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from sirna.features.covariates import MISSING_INDEX, UNSEEN_INDEX, Covariates
from sirna.table.sequence import NO_SEQUENCE, duplex_codes

HIGHEST = 150.0
"""Percent: labels above this are described as this."""
PLACES_AT_ONCE = 2_000_000
"""Row-sibling pairs described at once: bounds the memory."""
PRESENT = 0
"""The feature that is 1 where there is a sibling, and 0 where the place is empty."""


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
        Siblings shown to a row at most; of more, those under the nearest conditions.
    """

    measured: pd.DataFrame
    roles: tuple[str, ...]
    most: int

    @classmethod
    def among(
        cls, rows: pd.DataFrame, roles: tuple[str, ...], covariates: Covariates, most: int
    ) -> Self:
        """Keep of checked rows the columns that a look-up needs."""
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
            Whether `rows` are the measured rows themselves: no row is then its own sibling.

        Returns
        -------
        array of float32, shape (n, k, width)
            For each sibling: 1; label / 100; its numbers; whether each is missing; the row's
            distance from it in each number; for each category whether both have the same. Empty
            places are 0 and come last.
        """
        numbers = [covariates.numbers(part) for part in (rows, self.measured)]
        categories = [covariates.categories(part) for part in (rows, self.measured)]
        order, start, count = self._runs(rows)
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
                self._described(
                    [numbers[0][some], numbers[1]], [categories[0][some], categories[1]], place
                )
            )
        return np.concatenate(chunks)

    def _described(
        self, numbers: list[np.ndarray], categories: list[np.ndarray], place: np.ndarray
    ) -> np.ndarray:
        """Describe the nearest of the siblings at `place`, (n, k) positions, -1 for none."""
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

    def _runs(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the measured rows' positions by duplex, and each row's run in them.

        Returns
        -------
        order : array of int, shape (m,)
            Positions of the measured rows, those of one duplex side by side.
        start, count : arrays of int, shape (n,)
            Where the siblings of a row begin in `order`, and how many there are.
        """
        both = [part.reindex(columns=list(self.roles)) for part in (self.measured, rows)]
        code = duplex_codes(pd.concat(both, ignore_index=True), self.roles)
        asked, measured = code[len(self.measured) :], code[: len(self.measured)]
        order = np.argsort(measured, kind="stable")
        start = np.searchsorted(measured[order], asked)
        count = np.searchsorted(measured[order], asked, side="right") - start
        count[asked == NO_SEQUENCE] = 0
        return order, start, count


def _distance(numbers: list[np.ndarray], place: np.ndarray, role: int) -> np.ndarray:
    """Return the rows' distances from siblings in one number, (n, k); 0 where either lacks it."""
    value, missing = 2 * role, 2 * role + 1
    asked, measured = numbers
    unknown = asked[:, missing, None] + measured[place, missing] > 0
    distance: np.ndarray = np.where(unknown, 0.0, asked[:, value, None] - measured[place, value])
    return distance


def _same(categories: list[np.ndarray], place: np.ndarray, role: int) -> np.ndarray:
    """Return whether rows and siblings have the same known category, (n, k)."""
    asked, measured = categories
    named = asked[:, role, None] > max(MISSING_INDEX, UNSEEN_INDEX)
    same: np.ndarray = (asked[:, role, None] == measured[place, role]) & named
    return same

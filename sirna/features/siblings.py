"""What is known of a duplex: its training measurements at other doses and in other cells.

Only under the protocol `rows`: the others ask about duplexes that were never measured.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from sirna.features.covariates import MISSING_INDEX, UNSEEN_INDEX, Covariates

HIGHEST = 150.0
"""Percent: a higher measurement tells no more than this one."""
CELLS = 2_000_000
"""Places looked at at once."""
PRESENT = 0
"""The feature that says whether there is a measurement at this place."""


@dataclass(frozen=True)
class Known:
    """Measured rows, looked up by duplex.

    Attributes
    ----------
    rows : DataFrame of m rows
        Checked, with labels.
    roles : tuple of str
        The sequences that make a duplex: rows that agree in all of them measure the same one.
    most : int
        Measurements shown for a row; of more, those under the nearest conditions.
    """

    rows: pd.DataFrame
    roles: tuple[str, ...]
    most: int

    @classmethod
    def of(
        cls, rows: pd.DataFrame, roles: tuple[str, ...], covariates: Covariates, most: int
    ) -> Self:
        """Keep of checked rows what a look-up needs."""
        needed = [*roles, *covariates.roles, "label"]
        return cls(rows[needed].reset_index(drop=True), roles, most)

    @staticmethod
    def width(covariates: Covariates) -> int:
        """Return the number of features of one measurement."""
        return 2 + 3 * len(covariates.numeric) + len(covariates.categorical)

    def features(self, rows: pd.DataFrame, covariates: Covariates, own: bool) -> np.ndarray:
        """Describe what is known beside each of n rows.

        Parameters
        ----------
        rows : DataFrame
        covariates : Covariates
        own : bool
            Whether `rows` are the known rows themselves: none is then shown to itself.

        Returns
        -------
        array of float32, shape (n, k, width)
            Presence; label / 100; the measurement's numbers, then whether each is missing, then
            the row's distance in each; for each category whether both have the same. Places
            without a measurement are 0, and come last.
        """
        numbers = [covariates.numbers(part) for part in (rows, self.rows)]
        categories = [covariates.categories(part) for part in (rows, self.rows)]
        order, start, count = self._runs(rows)
        widest = max(int(count.max(initial=0)), 1)
        size = max(1, CELLS // widest)  # one duplex measured often must not fill the memory
        chunks = []
        for first in range(0, max(len(rows), 1), size):
            some = slice(first, first + size)
            at = np.minimum(start[some, None] + np.arange(widest), len(order) - 1)
            place = np.where(np.arange(widest) < count[some, None], order[at], -1)
            if own:
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
        """Describe the nearest of the measurements at `place`, (n, k) positions, -1 for none."""
        roles = [range(numbers[0].shape[1] // 2), range(categories[0].shape[1])]
        far = np.zeros(place.shape)
        for role in roles[0]:
            far += _apart(numbers, place, role) ** 2
        for role in roles[1]:
            far -= _same(categories, place, role)
        far[place < 0] = np.inf
        nearest = np.argsort(far, axis=1, kind="stable")[:, : self.most]
        place = np.take_along_axis(place, nearest, axis=1)
        label = np.minimum(self.rows["label"].to_numpy()[place], HIGHEST) / 100
        parts = [
            np.stack([place >= 0, label], axis=2),
            numbers[1][place, 0::2],
            numbers[1][place, 1::2],
            *(_apart(numbers, place, role)[..., None] for role in roles[0]),
            *(_same(categories, place, role)[..., None] for role in roles[1]),
        ]
        features = np.concatenate(parts, axis=2) * (place >= 0)[..., None]
        return features.astype(np.float32)

    def _runs(self, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return positions of known rows by duplex, and where each row's begin and how many."""
        keys = [_duplexes(part, self.roles) for part in (self.rows, rows)]
        code, _ = pd.factorize(pd.concat(keys, ignore_index=True))
        mine, theirs = code[len(self.rows) :], code[: len(self.rows)]
        order = np.argsort(theirs, kind="stable")
        start = np.searchsorted(theirs[order], mine)
        count = np.searchsorted(theirs[order], mine, side="right") - start
        count[mine < 0] = 0  # no sequence at all
        return order, start, count


def _apart(numbers: list[np.ndarray], place: np.ndarray, role: int) -> np.ndarray:
    """Return the rows' distances from measurements in one number, (n, k); 0 where one lacks it."""
    value, missing = 2 * role, 2 * role + 1
    mine, theirs = numbers
    unknown = mine[:, missing, None] + theirs[place, missing] > 0
    apart: np.ndarray = np.where(unknown, 0.0, mine[:, value, None] - theirs[place, value])
    return apart


def _same(categories: list[np.ndarray], place: np.ndarray, role: int) -> np.ndarray:
    """Return whether rows and measurements share one known category, (n, k)."""
    mine, theirs = categories
    named = mine[:, role, None] > max(MISSING_INDEX, UNSEEN_INDEX)
    same: np.ndarray = (mine[:, role, None] == theirs[place, role]) & named
    return same


def _duplexes(rows: pd.DataFrame, roles: tuple[str, ...]) -> pd.Series:
    """Name each row's duplex; missing where a row has none of the sequences."""
    text = rows.reindex(columns=list(roles))
    spelt = text.fillna("").astype(str).apply(_spelt)
    names = ["|".join(row) for row in spelt.itertuples(index=False)]
    joined = pd.Series(names, index=text.index, dtype=object)
    return joined.mask(text.isna().all(axis=1))


def _spelt(sequences: pd.Series) -> pd.Series:
    """Spell sequences in one way: bases in either case and as DNA or RNA are the same."""
    words: pd.Series = sequences.str.split().str.join(" ")
    if str(sequences.name).endswith("modifications"):
        return words
    return words.str.upper().str.replace("T", "U")

"""Splits decide which rows are held out; they are drawn with a seed, saved and can be reused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from sirna.config.schema import SplitConfig
from sirna.errors import SirnaError, suggestion
from sirna.protocols.protocol import PROTOCOLS
from sirna.system.files import write_csv
from sirna.table.read_file import read_text_table

COLUMNS = ["id", "group", "fold", "half"]
FOLDS_IF_FEW = 5
"""Number of folds by default if groups are few: a tenth of the rows would measure little."""
NOT_HELD_OUT = -1
"""The fold of a row that is never held out."""


@dataclass(frozen=True)
class Split:
    """The fold and the half of each of n rows.

    The held-out rows of a fold are divided into two halves of whole groups. Each half is scored
    with the epoch that the other half chose, so that no row takes part in a choice that it is
    scored with.

    Attributes
    ----------
    ids : array of str, shape (n,)
    groups : array of str, shape (n,)
        Rows of one group are all held out together or not at all.
    fold : array of int, shape (n,)
        The fold in which the row is held out; -1 if it is always a training row.
    half : array of int, shape (n,)
        The half, 0 or 1, of a held-out row; -1 for rows that are never held out.
    """

    ids: np.ndarray
    groups: np.ndarray
    fold: np.ndarray
    half: np.ndarray

    @property
    def folds(self) -> list[int]:
        """The indices of the folds."""
        return [int(fold) for fold in np.unique(self.fold[self.fold != NOT_HELD_OUT])]

    @property
    def whole(self) -> int:
        """The index of the training on all rows: one more than that of the last fold."""
        return self.folds[-1] + 1

    def save(self, path: Path) -> None:
        """Write `splits.csv`: id, group, fold, half."""
        columns = zip(COLUMNS, (self.ids, self.groups, self.fold, self.half), strict=True)
        write_csv(path, pd.DataFrame(dict(columns)))

    @classmethod
    def load(cls, path: Path, ids: np.ndarray, groups: np.ndarray) -> Self:
        """Read a saved split for rows with these ids and groups.

        Raises
        ------
        SirnaError
            If the file lacks rows, or if one group has held-out rows and training rows (a leak).
        """
        frame = read_text_table(path)
        absent = [name for name in COLUMNS if name not in frame]
        if absent:
            near = suggestion(absent[0], frame.columns)
            raise SirnaError(
                f"{path}: no column {absent[0]!r}{near}; a split has {', '.join(COLUMNS)}."
            )
        twice = frame.loc[frame["id"].duplicated(), "id"]
        if len(twice):
            raise SirnaError(f"{path}: id {twice.iloc[0]!r} occurs twice; make a new split.")
        frame = frame.set_index("id")
        unknown = pd.Index(ids).difference(frame.index, sort=False).tolist()
        if unknown:
            raise SirnaError(
                f"{path}: {len(unknown)} rows of the table are not in the split, the first with id "
                f"{unknown[0]!r}; make a new split or use the table that it was made from."
            )
        frame = frame.loc[ids]
        differing = np.flatnonzero(frame["group"].to_numpy() != groups)
        if len(differing):
            raise SirnaError(
                f"{path}: row {str(ids[differing[0]])!r} is in group "
                f"{frame['group'].iloc[differing[0]]!r} there and in "
                f"{str(groups[differing[0]])!r} under this protocol; give the --protocol that the "
                "split was made for."
            )
        try:
            fold, half = (frame[name].to_numpy().astype(np.int64) for name in ("fold", "half"))
        except ValueError as error:
            raise SirnaError(f"{path}: fold and half are whole numbers: {error}") from error
        split = cls(ids, groups, fold, half)
        split.check(str(path))
        return split

    def check(self, source: str) -> None:
        """Raise SirnaError if no row is held out, or if a group is in more than one fold."""
        if not self.folds:
            raise SirnaError(f"{source}: the split holds no row out.")
        if self.folds[0] < NOT_HELD_OUT:
            raise SirnaError(
                f"{source}: fold {self.folds[0]}: a fold is 0 or greater, or {NOT_HELD_OUT} for a "
                "row that is always a training row."
            )
        for fold in self.folds:
            if set(self.half[self.fold == fold].tolist()) != {0, 1}:
                raise SirnaError(
                    f"{source}: fold {fold} needs two halves, 0 and 1, and rows in both of them; "
                    "use fewer folds or another protocol."
                )
        if len(self.folds) == 1 and not (self.fold == NOT_HELD_OUT).any():
            raise SirnaError(f"{source}: the split leaves no row to train on.")
        frame = pd.DataFrame({"group": self.groups, "fold": self.fold})
        split_groups = frame.drop_duplicates().groupby("group", sort=True).size()
        split_groups = split_groups[split_groups > 1]
        if len(split_groups):
            raise SirnaError(
                f"{source}: {len(split_groups)} groups are on both sides of the split, the first "
                f"{str(split_groups.index[0])!r}: a leak under this protocol. Make a new split."
            )


def make_split(rows: pd.DataFrame, config: SplitConfig, source: str) -> Split:
    """Assign whole groups to `folds` folds, or hold out about the share `valid` of the rows.

    Raises
    ------
    SirnaError
        If there are fewer groups than the folds and their halves need.
    """
    ids = rows["id"].to_numpy().astype(str)
    groups = PROTOCOLS[config.protocol].groups(rows)
    order = np.argsort(ids, kind="stable")
    names, group_index = np.unique(groups[order], return_inverse=True)
    rng = np.random.default_rng([config.seed, 1])
    shuffled = rng.permutation(len(names))
    sizes = np.bincount(group_index, minlength=len(names))
    folds = config.folds
    if folds == 0:
        folds = FOLDS_IF_FEW if 2 * FOLDS_IF_FEW <= len(names) < config.few_groups else 1
    if len(names) < 2 * folds + (folds == 1):
        raise SirnaError(
            f"{source}: {len(names)} groups under protocol {config.protocol!r} are too few for "
            f"{folds} fold{'s' * (folds > 1)} of two halves"
            f"{'' if folds > 1 else ' and rows to train on'}; use "
            f"{_fewer(len(names), folds)}another protocol."
        )
    if folds > 1:
        disturbed = sizes * rng.uniform(1 - config.shuffle, 1.0, len(sizes))
        largest_first = shuffled[np.argsort(-disturbed[shuffled], kind="stable")]
        fold_of = _with_two_groups_each(
            _assign_balanced(sizes, largest_first, folds), sizes, shuffled
        )
    else:
        fold_of = _hold_out_share(sizes, shuffled, config.valid * len(ids))
    half_of = np.full(len(names), -1)
    for fold_index in range(folds):
        inside = shuffled[fold_of[shuffled] == fold_index]
        half_of[inside] = _assign_balanced(
            sizes[inside], np.argsort(-sizes[inside], kind="stable"), 2
        )
    fold, half = np.empty(len(ids), np.int64), np.empty(len(ids), np.int64)
    fold[order], half[order] = fold_of[group_index], half_of[group_index]
    split = Split(ids, groups, fold, half)
    split.check(source)
    return split


def _fewer(groups: int, folds: int) -> str:
    """Suggest options for few groups: one split needs three groups, k folds need 2 k."""
    most = f"--folds {groups // 2} or " * (folds > 2 and groups >= 4)
    return most or "--valid 0.1 or " * (folds > 1 and groups == 3)


def _assign_balanced(sizes: np.ndarray, order: np.ndarray, folds: int) -> np.ndarray:
    """Assign the groups, in the order of `order`, each to the fold with the fewest rows so far."""
    fold_of = np.empty(len(sizes), np.int64)
    load = np.zeros(folds)
    for group in order:
        fold_of[group] = int(load.argmin())
        load[fold_of[group]] += sizes[group]
    return fold_of


def _with_two_groups_each(
    fold_of: np.ndarray, sizes: np.ndarray, shuffled: np.ndarray
) -> np.ndarray:
    """Give every fold with a single group a second one, since two halves need two groups."""
    fold_of = fold_of.copy()
    smallest_first = shuffled[np.argsort(sizes[shuffled], kind="stable")]
    count = np.bincount(fold_of)
    for single in np.flatnonzero(count < 2):
        movable = smallest_first[count[fold_of[smallest_first]] > 2]
        count[fold_of[movable[0]]] -= 1
        fold_of[movable[0]] = single
    return fold_of


def _hold_out_share(sizes: np.ndarray, shuffled: np.ndarray, goal: float) -> np.ndarray:
    """Go through the shuffled groups; hold out each that brings the row count nearer to `goal`."""
    fold_of = np.full(len(sizes), NOT_HELD_OUT)
    held = 0
    for group in shuffled:
        if abs(held + sizes[group] - goal) < abs(held - goal):
            fold_of[group] = 0
            held += sizes[group]
    if (fold_of == 0).sum() < 2:  # two halves need two groups: add the smallest
        rest = shuffled[fold_of[shuffled] == NOT_HELD_OUT]
        fold_of[rest[np.argsort(sizes[rest], kind="stable")][: 2 - (fold_of == 0).sum()]] = 0
    return fold_of

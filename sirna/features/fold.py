"""One fold of a split as a task: fit on its training rows, predict its held-out rows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.prediction.histogram import fit_bins
from sirna.protocols.targets import can_represent_unseen_targets, group_targets
from sirna.table.splits import Split


@dataclass(frozen=True)
class FoldTask:
    """What every member of one fold is fitted on.

    Attributes
    ----------
    rows : DataFrame of m rows
        The whole checked table, with labels.
    split : Split
    fold : int
        The index of a fold, or `split.whole`: then all rows train and none is held out.
    config : Config
    """

    rows: pd.DataFrame
    split: Split
    fold: int
    config: Config

    @property
    def name(self) -> str:
        """The name of the task in messages."""
        return f"fold {self.fold}" if len(self.held_out) else "all rows"

    @property
    def seed(self) -> int:
        """`train.seed` plus the index of the fold."""
        return self.config.train.seed + self.fold

    @cached_property
    def training(self) -> np.ndarray:
        """Positions of the n training rows in the table, ascending."""
        positions: np.ndarray = np.flatnonzero(self.split.fold != self.fold)
        return positions

    @cached_property
    def held_out(self) -> np.ndarray:
        """Positions of the held-out rows in the table, ascending."""
        positions: np.ndarray = np.flatnonzero(self.split.fold == self.fold)
        return positions

    @property
    def half(self) -> np.ndarray:
        """The half of the fold, 0 or 1, that each held-out row belongs to."""
        half: np.ndarray = self.split.half[self.held_out]
        return half

    @cached_property
    def training_rows(self) -> pd.DataFrame:
        """The n training rows."""
        return self.rows.iloc[self.training]

    @cached_property
    def held_out_rows(self) -> pd.DataFrame:
        """The held-out rows."""
        return self.rows.iloc[self.held_out]

    @cached_property
    def labels(self) -> np.ndarray:
        """Percent of mRNA that remains in the training rows, shape (n,)."""
        labels: np.ndarray = self.training_rows["label"].to_numpy()
        return labels

    @cached_property
    def edges(self) -> np.ndarray:
        """The bins of predictive distributions, shape (bins + 1,); see `fit_bins`."""
        return fit_bins(self.labels, self.config.model.bins, self.config.score.threshold)

    @property
    def groups(self) -> np.ndarray:
        """The group of each training row under the protocol, shape (n,)."""
        groups: np.ndarray = self.split.groups[self.training]
        return groups

    @cached_property
    def targets(self) -> np.ndarray | None:
        """The target of each training row, shape (n,).

        Members use it to predict training rows without the rows of their targets. None if the
        training rows hold too few targets, or one that is too large.
        """
        if self.config.protocol.every_target_is_unseen:
            return self.groups
        targets = group_targets(self.training_rows)
        return targets if can_represent_unseen_targets(targets) else None

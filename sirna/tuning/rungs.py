"""Rungs: the search scores trials with few rows and epochs, the confirmation with all."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.table.splits import Split, make_split
from sirna.tuning.space import SearchConfig

CONFIRMATION_SEED = 1_000
"""What is added to the seeds of split and training in a confirmation."""


@dataclass(frozen=True)
class Rung:
    """The rows and epochs with which trials are scored, and the folds of these rows.

    Attributes
    ----------
    rows : DataFrame
        Checked, with labels.
    split : Split
        The same for all trials.
    share : float
        The share of the table's rows.
    epochs : float
        The share of a configuration's epochs.
    seed : int
        What is added to `train.seed`.
    """

    rows: pd.DataFrame
    split: Split
    share: float = 1.0
    epochs: float = 1.0
    seed: int = 0

    @property
    def fidelity(self) -> float:
        """The share of rows times the share of epochs: 1 if a trial is scored as it would train."""
        return self.share * self.epochs

    @property
    def digest(self) -> str:
        """A digest of rows and folds."""
        parts = (*self.split.ids.tolist(), self.split.fold.tobytes().hex())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def task(self, config: Config, fold: int) -> FoldTask:
        """Return a fold as a task, with the epochs and the seed of this rung."""
        changes = {
            "train.epochs": max(1, round(config.train.epochs * self.epochs)),
            "train.seed": config.train.seed + self.seed,
        }
        return FoldTask(self.rows, self.split, fold, with_changes(config, changes))

    def reseeded(self, seed: int) -> "Rung":
        """Return the same rung with another training seed, by so much larger."""
        return replace(self, seed=self.seed + seed)


def search_rung(rows: pd.DataFrame, config: Config, search: SearchConfig) -> Rung:
    """Return the rung of the search, the same for all trials.

    A table with at most `screening_rows` rows is scored with all rows and epochs. A larger one is
    screened: with whole duplexes that make up so many rows, and with a share of the epochs.
    """
    share = search.screening_rows / len(rows)
    if share >= 1:
        return Rung(rows, _split(rows, config, search, 0))
    some = _whole_duplexes(rows, share, config.split.seed)
    split = _split(some, config, search, 0)
    return Rung(some, split, len(some) / len(rows), search.screening_epochs)


def confirmation_rung(rows: pd.DataFrame, config: Config, search: SearchConfig) -> Rung:
    """Return a rung with all rows and epochs, other folds and another seed."""
    return Rung(rows, _split(rows, config, search, CONFIRMATION_SEED), seed=CONFIRMATION_SEED)


def _split(rows: pd.DataFrame, config: Config, search: SearchConfig, seed: int) -> Split:
    """Assign the rows to the configured folds; for a single split, to the folds of the search."""
    folds = config.split.folds if config.split.folds > 1 else search.folds
    changes = {"folds": folds, "seed": config.split.seed + seed}
    return make_split(rows, config.split.model_copy(update=changes), "the search")


def _whole_duplexes(rows: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Return about a share of the rows: all rows of some guides, drawn at random."""
    _, guide = np.unique(rows["guide"].to_numpy().astype(str), return_inverse=True)
    rank = np.random.default_rng([seed, 2]).permutation(int(guide.max()) + 1)[guide]
    counts = np.bincount(rank)
    kept = np.cumsum(counts) <= share * len(rows)
    kept[0] = True
    return rows[kept[rank]].reset_index(drop=True)

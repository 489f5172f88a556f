"""One fold: its rows encoded by what its training rows alone have fitted."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sirna.config.load import Config
from sirna.features.dataset import Encoding, SiRNADataset
from sirna.table.splits import Split

SEEDS_APART = 1000
"""Between the members of a fold; those of neighbouring folds are 1 apart."""


@dataclass(frozen=True)
class Fold:
    """What a training needs.

    Attributes
    ----------
    number : int
    seed : int
        `train.seed` plus the number.
    encoding : Encoding
        Fitted on the training rows.
    train, valid : SiRNADataset
        `valid` is empty where all rows train.
    held : array of int, shape (len(valid),)
        Positions of the validation rows in the table.
    half : array of 0 and 1, shape (len(valid),)
    """

    number: int
    seed: int
    encoding: Encoding
    train: SiRNADataset
    valid: SiRNADataset
    held: np.ndarray
    half: np.ndarray

    def seed_of(self, member: int) -> int:
        """Return the seed of one of the fold's networks."""
        return self.seed + SEEDS_APART * member


def make_fold(rows: pd.DataFrame, split: Split, number: int, config: Config) -> Fold:
    """Encode the rows of one fold."""
    held = np.flatnonzero(split.fold == number)
    training = rows[split.fold != number]
    encoding = Encoding.fit(training, config, config.split.protocol)
    return Fold(
        number,
        config.train.seed + number,
        encoding,
        encoding.encode(training, own=True),
        encoding.encode(rows.iloc[held]),
        held,
        split.half[held],
    )

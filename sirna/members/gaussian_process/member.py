"""A Gaussian process with the rows that it was fitted on: rows in, distributions out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.config.load import Config
from sirna.config.schema import GaussianProcessConfig, Protocol
from sirna.features.positional import Aligner, Compared
from sirna.members.gaussian_process.fit import fit_process
from sirna.members.gaussian_process.posterior import GaussianProcess
from sirna.prediction.histogram import Histogram, network_bins
from sirna.table.splits import group_targets, new_targets

CHOSEN = "chosen"
"""The tensor of the training rows' positions in the table."""
FEWEST_TARGETS = 5
LARGEST_TARGET = 1 / 3
"""Of the training rows: with fewer targets or a larger one, they say little of new ones."""


@dataclass(frozen=True)
class RowProcess:
    """A fitted process, and what it compares other rows with.

    Attributes
    ----------
    measured : DataFrame of m rows
        The labelled table, as far as it is compared.
    chosen : Tensor, int64, shape (training rows,)
        Positions in it.
    process : GaussianProcess
    settings : GaussianProcessConfig
    protocol : str
    number : int
        The fold whose held-out rows it has not seen; the one after the last holds none out.
    """

    measured: pd.DataFrame
    chosen: Tensor
    process: GaussianProcess
    settings: GaussianProcessConfig
    protocol: Protocol
    number: int

    @classmethod
    def fit(
        cls,
        rows: pd.DataFrame,
        training: np.ndarray,
        groups: np.ndarray,
        config: Config,
        number: int,
        stop: Callable[[], bool] = lambda: False,
    ) -> Self:
        """Fit on some rows of the table.

        Parameters
        ----------
        rows : DataFrame of m rows
        training : array of int, shape (n,)
            Positions of the rows to fit on; of more than `most_rows` some, guide by guide.
        groups : array, shape (m,)
            What the split keeps together.
        config : Config
        number : int
            The fold's.
        stop : callable

        Raises
        ------
        InterruptedError
            Where `stop` said so.
        """
        labels = rows["label"].to_numpy()
        edges = network_bins(labels[training], config.model.bins, config.score.threshold)
        seed = config.train.seed + number
        chosen, compared = cls.compared(rows, training, config, seed)
        process = fit_process(
            compared,
            labels[chosen],
            groups[chosen],
            known_targets(rows.iloc[chosen], config),
            edges,
            config.gaussian_process,
            config.split.protocol,
            seed,
            stop,
        )
        return cls.of(rows, torch.from_numpy(chosen), process, config, number)

    @staticmethod
    def compared(
        rows: pd.DataFrame, training: np.ndarray, config: Config, seed: int
    ) -> tuple[np.ndarray, Compared]:
        """Return the positions that are fitted on, and their rows encoded."""
        settings = config.gaussian_process.under(config.split.protocol)
        chosen = training[_drawn(rows["guide"].to_numpy()[training], settings.most_rows, seed)]
        some = rows[_columns(rows, config)].iloc[chosen]
        aligner = Aligner.fit(some, settings, config.split.protocol)
        return chosen, aligner.encode(some, own=True)

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        chosen: Tensor,
        process: GaussianProcess,
        config: Config,
        number: int,
    ) -> Self:
        """Put a process beside the columns that it reads of the table."""
        measured = rows[_columns(rows, config)].reset_index(drop=True)
        protocol = config.split.protocol
        settings = config.gaussian_process.under(protocol)
        return cls(measured, chosen, process, settings, protocol, number)

    def predict(self, rows: pd.DataFrame) -> Histogram:
        """Predict the distribution of n checked rows; none depends on the others."""
        aligner, training = self._encoded
        return self.process.predict(aligner.encode(rows), training)

    @property
    def knows_targets(self) -> bool:
        """Whether it tells new targets from its own, and how well it predicts them."""
        return len(self.process.left_out) > 0

    def new_targets(self, rows: pd.DataFrame) -> np.ndarray:
        """Return which of n checked rows have targets that it was not fitted on, shape (n,)."""
        return new_targets(rows, self.measured.iloc[self.chosen.numpy()])

    @property
    def read(self) -> set[str]:
        """The columns that are read of a row that is predicted."""
        hidden = set(self._encoded[0].conditions.groups)
        return {str(name) for name in self.measured} - hidden

    @cached_property
    def _encoded(self) -> tuple[Aligner, Compared]:
        some = self.measured.iloc[self.chosen.numpy()]
        aligner = Aligner.fit(some, self.settings, self.protocol)
        return aligner, aligner.encode(some, own=True)

    def tensors(self) -> dict[str, Tensor]:
        """Return all that is learned, by name; `from_tensors` needs the table beside it."""
        return {CHOSEN: self.chosen, **self.process.tensors()}

    @classmethod
    def from_tensors(
        cls, tensors: dict[str, Tensor], rows: pd.DataFrame, config: Config, number: int
    ) -> Self:
        """Rebuild from `tensors` and the table.

        Raises
        ------
        KeyError, ValueError
            For a tensor that is absent, or tensors and a table that do not fit.
        """
        process, chosen = GaussianProcess.from_tensors(tensors), tensors[CHOSEN]
        if chosen.dtype != torch.int64 or chosen.shape != process.weights.shape or not len(chosen):
            raise ValueError("the process and its table differ in rows")
        if int(chosen.min()) < 0 or int(chosen.max()) >= len(rows):
            raise ValueError("the process and its table differ in rows")
        loaded = cls.of(rows, chosen, process, config, number)
        loaded.process.kernel.check(loaded._encoded[1])
        return loaded


def _columns(rows: pd.DataFrame, config: Config) -> list[str]:
    settings = config.gaussian_process.under(config.split.protocol)
    return Aligner.columns(rows, settings, config.sequence_roles)


def known_targets(rows: pd.DataFrame, config: Config) -> np.ndarray | None:
    """Return the training rows' targets, shape (n,); None where they cannot stand for new ones."""
    if config.split.protocol == "target" or not config.gaussian_process.share:
        return None
    targets = group_targets(rows[_columns(rows, config)])
    _, sizes = np.unique(targets, return_counts=True)
    few = len(sizes) < FEWEST_TARGETS or sizes.max() > LARGEST_TARGET * len(rows)
    return None if few else targets


def _drawn(guides: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return positions of at most `most` rows in order, drawn guide by guide."""
    if len(guides) <= most:
        return np.arange(len(guides))
    _, guide = np.unique(guides.astype(str), return_inverse=True)
    rank = np.random.default_rng(seed).permutation(int(guide.max()) + 1)[guide]
    return np.sort(np.argsort(rank, kind="stable")[:most])

"""Trees with the encoding of the rows that they were fitted on: rows in, distributions out."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.config.load import Config
from sirna.features.positional import Aligner
from sirna.members.trees.forest import Trees
from sirna.prediction.histogram import Histogram, network_bins

ALIGNER, LEFT_OUT = "aligner", "left_out"
"""The tensor of bytes that spells the encoding as JSON, and that of what is said of new targets."""


@dataclass(frozen=True)
class RowTrees:
    """Fitted trees, and how rows become their features.

    Attributes
    ----------
    aligner : Aligner
    trees : Trees
    left_out : Tensor, float32, shape (m,)
        Of the table's m rows: the mean from trees that did not see the row's target; NaN where the
        row was not fitted on.
    number : int
        The fold whose held-out rows they have not seen; the one after the last holds none out.
    """

    aligner: Aligner
    trees: Trees
    left_out: Tensor
    number: int

    @classmethod
    def fit(
        cls,
        rows: pd.DataFrame,
        training: np.ndarray,
        targets: np.ndarray,
        config: Config,
        number: int,
        stop: Callable[[], bool] = lambda: False,
    ) -> Self:
        """Fit on some rows of the table.

        Parameters
        ----------
        rows : DataFrame of m rows
        training : array of int, shape (n,)
            Positions of the rows to fit on.
        targets : array, shape (m,)
            Of each row.
        config : Config
        number : int
            The fold's.
        stop : callable

        Raises
        ------
        InterruptedError
            Where `stop` said so.
        """
        from sirna.members.trees.fit import fit_trees  # noqa: PLC0415, scikit-learn loads slowly

        labels, settings = rows["label"].to_numpy()[training], config.trees
        some = rows[Aligner.columns(rows, settings, config.sequence_roles)].iloc[training]
        aligner = Aligner.fit(some, settings, config.split.protocol)
        trees, means = fit_trees(
            _features(aligner, some),
            labels,
            targets[training],
            network_bins(labels, config.model.bins, config.score.threshold),
            settings,
            config.train.seed + number,
            stop,
        )
        left_out = torch.full((len(rows),), torch.nan)
        left_out[torch.from_numpy(training)] = torch.from_numpy(means).float()
        return cls(aligner, trees, left_out, number)

    def predict(self, rows: pd.DataFrame) -> Histogram:
        """Predict the distribution of n checked rows; none depends on the others."""
        return self.trees.predict(_features(self.aligner, rows))

    def with_new_targets(self, chosen: Tensor) -> Histogram:
        """Predict rows that were fitted on as if their targets were new, by their positions."""
        return self.trees.residuals.around(self.left_out[chosen].double().numpy())

    @property
    def read(self) -> set[str]:
        """The columns that are read of a row that is predicted."""
        return self.aligner.read

    def tensors(self) -> dict[str, Tensor]:
        """Return all that is learned, by name."""
        text = json.dumps(self.aligner.to_dict()).encode()
        spelt = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        return {ALIGNER: spelt, LEFT_OUT: self.left_out, **self.trees.tensors()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], number: int) -> Self:
        """Rebuild from `tensors`.

        Raises
        ------
        KeyError, TypeError, ValueError
            For a tensor that is absent, or tensors that do not fit.
        """
        aligner = Aligner.from_dict(json.loads(tensors[ALIGNER].numpy().tobytes()))
        left_out = tensors[LEFT_OUT]
        if left_out.ndim != 1 or left_out.dtype != torch.float32:
            raise ValueError("what trees say of new targets is no row of numbers")
        return cls(aligner, Trees.from_tensors(tensors, aligner.width), left_out, number)


def _features(aligner: Aligner, rows: pd.DataFrame) -> np.ndarray:
    """Return the features of n rows, shape (n, aligner.width); NaN where a place is unknown."""
    compared = aligner.encode(rows)
    of_duplex = np.concatenate([compared.channels, compared.counts], axis=1)[compared.duplex]
    of_setting = np.concatenate([compared.categories, compared.numbers], axis=1)[compared.setting]
    return np.concatenate([of_duplex, of_setting, compared.places], axis=1).astype(np.float64)

"""The trees as a family: fit, predict, store and restore a member."""

import time
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.features.positional import PositionalEncoder
from sirna.features.positional_rows import PositionalRows
from sirna.members.base import (
    CPU,
    FitCallbacks,
    Fitted,
    LeftOut,
    Member,
    Stored,
    fitted_without_choice,
)
from sirna.members.forest import FeatureTable, Forest
from sirna.members.trees.size import check_fit_memory, fit_memory
from sirna.prediction.histogram import Histogram

LEFT_OUT, POSITIONS = "left_out", "positions"
"""Names of two tensors: training rows' means from trees fitted without their targets; positions."""
SECONDS_PER_ROUND, SECONDS_PER_ROW = 1e-3, 1.4e-6
"""Seconds of one boosting round on one core, and for each of its rows, for a rough estimate."""
TIMED_ROUNDS = 10
"""Number of boosting rounds that are timed to estimate the time of a fit."""


@dataclass(frozen=True)
class TreesMember(Member):
    """Fitted trees, and the encoder that turns rows into their features.

    Attributes
    ----------
    positional : PositionalEncoder
    forest : Forest
    positions : Tensor, int64, shape (n,)
        Positions of the training rows in the table.
    means_left_out : Tensor, float32, shape (n,)
        The mean of each training row from trees fitted without its target.
    """

    family: ClassVar[str] = "trees"
    title: ClassVar[str] = "trees"
    positional: PositionalEncoder
    forest: Forest
    positions: Tensor
    means_left_out: Tensor

    @classmethod
    def fit(cls, task: FoldTask, index: int, callbacks: FitCallbacks) -> "Fitted[Self] | None":
        """Fit on the training rows; see `Member.fit`."""
        from sirna.members.trees.fit import fit_forest  # noqa: PLC0415 - scikit-learn loads slowly

        config = task.config
        targets = task.targets if task.targets is not None else task.groups
        rows, positional = _encoder(task)
        check_fit_memory(len(rows), positional.width, config.trees)
        try:
            callbacks.begin(config.trees.ensembles + config.trees.folds, 0)
            forest, means = fit_forest(_features(positional, rows), targets, task, callbacks.step)
        except InterruptedError:
            return None
        positions = torch.from_numpy(task.training)
        left_out = torch.from_numpy(means).float()
        member = cls(task.fold, positional, forest, positions, left_out)
        return fitted_without_choice(member, task)

    @classmethod
    def check_memory(cls, task: FoldTask) -> None:
        """Estimate the memory of a fit from the sizes in the configuration."""
        _, positional = _encoder(task)
        check_fit_memory(len(task.training), positional.width, task.config.trees)

    @classmethod
    def fit_memory(cls, task: FoldTask) -> float:
        """Return about how many bytes a fit needs; see `Member.fit_memory`."""
        _, positional = _encoder(task)
        return fit_memory(len(task.training), positional.width, task.config.trees)

    @classmethod
    def seconds(cls, task: FoldTask, device: torch.device) -> float:
        """Estimate the seconds of fitting from a few boosting rounds."""

        def seconds(rounds: int) -> float:
            short_task = replace(task, config=with_changes(task.config, {"trees.rounds": rounds}))
            began = time.perf_counter()
            cls.fit(short_task, 0, FitCallbacks())
            return time.perf_counter() - began

        seconds(1)  # the first call also loads scikit-learn
        first, more = seconds(1), seconds(1 + TIMED_ROUNDS)
        rest = task.config.trees.rounds - 1
        return first + max(more - first, 0.0) * rest / TIMED_ROUNDS

    @classmethod
    def rough_seconds(cls, task: FoldTask) -> float:
        """Return about how many seconds all ensembles take; see `Member.rough_seconds`."""
        config = task.config.trees
        a_round = SECONDS_PER_ROUND + SECONDS_PER_ROW * len(task.training)
        return (config.ensembles + config.folds) * config.rounds * a_round

    def predict(self, rows: pd.DataFrame, device: torch.device = CPU) -> Histogram:
        """Predict the distributions of n checked rows, each independent of the other rows."""
        return self.forest.predict(_feature_tables(self.positional.encode(rows)))

    def left_out(self) -> LeftOut:
        """Return predictions of the training rows without the rows of their targets."""
        predicted = self.forest.residuals.distributions(self.means_left_out.double().numpy())
        return LeftOut(self.positions.numpy(), predicted)

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return self.positional.reads

    def tensors(self) -> dict[str, Tensor]:
        """Return all that was learned, by name."""
        tensors = {LEFT_OUT: self.means_left_out, POSITIONS: self.positions}
        return tensors | self.forest.tensors()

    def encoder(self) -> dict[str, Any]:
        """Return the fitted encoder as plain data."""
        return self.positional.to_dict()

    @classmethod
    def restore(cls, stored: Stored, training: pd.DataFrame, config: Config) -> Self:
        """Rebuild trees; see `Member.restore`."""
        positional = PositionalEncoder.from_dict(stored.encoder)
        forest = Forest.from_tensors(stored.tensors, positional.width)
        positions, left_out = stored.tensors[POSITIONS], stored.tensors[LEFT_OUT]
        if (
            positions.dtype != torch.int64
            or left_out.dtype != torch.float32
            or positions.ndim != 1
            or positions.shape != left_out.shape
        ):
            raise ValueError("the tensors 'positions' and 'left_out' do not fit each other")
        return cls(stored.fold, positional, forest, positions, left_out)


def _encoder(task: FoldTask) -> tuple[pd.DataFrame, PositionalEncoder]:
    """Return the columns of the training rows that trees read, and an encoder fitted on them."""
    config = task.config
    columns = PositionalEncoder.columns(task.rows, config.trees, config.sequences)
    rows = task.training_rows[columns]
    return rows, PositionalEncoder.fit(rows, config.trees, config.protocol)


def _features(positional: PositionalEncoder, rows: pd.DataFrame) -> np.ndarray:
    """Return the features of n rows, shape (n, positional.width); NaN where unknown."""
    encoded = positional.encode(rows)
    of_pattern = np.concatenate([encoded.channels, encoded.counts], axis=1)[encoded.pattern]
    of_condition = np.concatenate([encoded.categories, encoded.numbers], axis=1)[encoded.condition]
    return np.concatenate([of_pattern, of_condition, encoded.places], axis=1).astype(np.float64)


def _feature_tables(rows: PositionalRows) -> list[FeatureTable]:
    """Return the features of `_features`, each distinct content once."""
    parts = rows.parts()
    channels, counts = rows.channels.shape[1], rows.counts.shape[1]
    conditions = rows.categories.shape[1] + rows.numbers.shape[1]
    column = np.arange(channels + counts + conditions + rows.places.shape[1])
    count, condition, place = channels, channels + counts, channels + counts + conditions
    base_columns = np.append(column[: rows.bases], condition - 1)
    chemistry_columns = np.concatenate(
        [column[rows.bases : channels], column[count : condition - 1]]
    )

    def table(columns: np.ndarray, index: np.ndarray, *values: np.ndarray) -> FeatureTable:
        return FeatureTable(columns, np.concatenate(values, axis=1).astype(np.float64), index)

    return [
        table(base_columns, parts.bases[rows.pattern], parts.base_channels, parts.base_counts),
        table(
            chemistry_columns,
            parts.chemistry[rows.pattern],
            parts.chemistry_channels,
            parts.chemistry_counts,
        ),
        table(column[condition:place], rows.condition, rows.categories, rows.numbers),
        table(column[place:], np.arange(len(rows)), rows.places),
    ]

"""The random forest as a family: fit, predict, store and restore a member."""

import time
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.features.words import COUNTED_BLOCKS, WordEncoder, WordRows
from sirna.members.base import CPU, FitCallbacks, Fitted, Member, Stored, fitted_without_choice
from sirna.members.forest import FeatureTable, Forest
from sirna.members.random_forest.size import check_fit_memory, fit_memory
from sirna.prediction.histogram import Histogram

SECONDS_PER_ROW = 3e-5
"""Rough seconds of a tree for each training row."""
FEATURES = 1000
"""About as many words and conditions as a large table has."""
TIMED_TREES = 10
"""Number of trees that are timed to estimate the time of a fit."""


@dataclass(frozen=True)
class RandomForestMember(Member):
    """A fitted random forest, and the encoder that turns rows into its features.

    Attributes
    ----------
    words : WordEncoder
    forest : Forest
    """

    family: ClassVar[str] = "random_forest"
    title: ClassVar[str] = "random forest"

    words: WordEncoder
    forest: Forest

    @classmethod
    def suits(cls, rows: pd.DataFrame, config: Config) -> bool:
        """Return whether the table is small enough."""
        return len(rows) <= config.random_forest.most_rows

    @classmethod
    def fit(cls, task: FoldTask, index: int, callbacks: FitCallbacks) -> "Fitted[Self] | None":
        """Fit on the training rows; see `Member.fit`."""
        from sirna.members.random_forest.fit import fit_forest  # noqa: PLC0415 - loads slowly

        cls.check_memory(task)
        config, rows = task.config, task.training_rows
        words = WordEncoder.fit(
            rows, config.random_forest.conditions, config.sequences, config.protocol
        )
        tables = _features(words, words.encode(rows, training=True))
        whole = np.concatenate([table.values[table.content] for table in tables], axis=1)
        try:
            callbacks.begin(1 + config.random_forest.folds, 0)
            forest = fit_forest(whole.astype(np.float32), task, callbacks.step)
        except InterruptedError:
            return None
        return fitted_without_choice(cls(task.fold, words, forest), task)

    @classmethod
    def check_memory(cls, task: FoldTask) -> None:
        """Estimate the memory of a fit from its sizes; see `Member.check_memory`."""
        check_fit_memory(len(task.training), FEATURES, task.config.random_forest)

    @classmethod
    def fit_memory(cls, task: FoldTask) -> float:
        """Return about how many bytes a fit needs; see `Member.fit_memory`."""
        return fit_memory(len(task.training), FEATURES, task.config.random_forest)

    @classmethod
    def seconds(cls, task: FoldTask, device: torch.device) -> float:
        """Estimate the seconds of fitting from a few trees."""
        few = {"random_forest.trees": TIMED_TREES}
        config = with_changes(task.config, few)
        short_task = FoldTask(task.rows, task.split, task.fold, config)
        cls.fit(short_task, 0, FitCallbacks())  # the first call also loads scikit-learn
        began = time.perf_counter()
        cls.fit(short_task, 0, FitCallbacks())
        forests = 1 + task.config.random_forest.folds
        timed = (time.perf_counter() - began) / (forests * TIMED_TREES)
        return 2 * timed * task.config.random_forest.trees

    @classmethod
    def rough_seconds(cls, task: FoldTask) -> float:
        """Return about how many seconds `fit` takes; see `Member.rough_seconds`."""
        return 2 * task.config.random_forest.trees * SECONDS_PER_ROW * len(task.training)

    def predict(self, rows: pd.DataFrame, device: torch.device = CPU) -> Histogram:
        """Predict the distributions of n checked rows, each independent of the other rows."""
        return self.forest.predict(_features(self.words, self.words.encode(rows)))

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return self.words.reads

    def tensors(self) -> dict[str, Tensor]:
        """Return all that was learned, by name."""
        return self.forest.tensors()

    def encoder(self) -> dict[str, Any]:
        """Return the fitted encoder as plain data."""
        return self.words.to_dict()

    @classmethod
    def restore(cls, stored: Stored, training: pd.DataFrame, config: Config) -> Self:
        """Rebuild a random forest; see `Member.restore`."""
        words = WordEncoder.from_dict(stored.encoder)
        width = sum(len(words.words.get(block, ())) for block in COUNTED_BLOCKS)
        width += sum(words.conditions.sizes) + len(words.conditions.numeric)
        return cls(stored.fold, words, Forest.from_tensors(stored.tensors, width))


def _features(words: WordEncoder, rows: WordRows) -> list[FeatureTable]:
    """Return counts of words, marks of categories, and numbers; as float32, like scikit-learn."""
    counts = [rows.counts[block] for block in COUNTED_BLOCKS if block in rows.counts]
    nothing = np.zeros((len(next(iter(rows.counts.values()))) if rows.counts else 0, 0))
    of_duplex = np.concatenate([nothing, *counts], axis=1)
    marks = [
        codes[:, None] == np.arange(size)
        for codes, size in zip(rows.categories.T, words.conditions.sizes, strict=True)
    ]
    of_condition = np.concatenate([*marks, rows.numbers], axis=1).astype(np.float32)
    width = of_duplex.shape[1]
    return [
        FeatureTable(np.arange(width), of_duplex, rows.duplex),
        FeatureTable(
            np.arange(width, width + of_condition.shape[1]),
            of_condition.astype(np.float64),
            rows.condition,
        ),
    ]

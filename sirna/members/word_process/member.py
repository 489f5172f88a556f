"""The word process as a family: fit, predict, store and restore a member."""

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
from sirna.features.words import WordEncoder, WordRows, count_duplexes
from sirna.members.base import (
    CPU,
    WIDENING,
    FitCallbacks,
    Fitted,
    LeftOut,
    Member,
    Stored,
    fitted_without_choice,
    widening_of,
)
from sirna.members.residuals import Residuals, fit_residuals, scale_of, standardised
from sirna.members.word_process.kernel import WordKernel
from sirna.members.word_process.size import check_fit_memory, fit_memory
from sirna.prediction.histogram import Histogram
from sirna.prediction.widening import Widening

KERNEL, WEIGHTS, CHOSEN, LEFT_OUT = "kernel.", "weights", "chosen", "left_out"
"""Names of tensors, and the prefix of the kernel's."""
BLOCK_ROWS = 1024
"""Number of rows that are predicted at once; it limits the memory."""
SECONDS_PER_PAIR = 4e-7
"""Rough seconds of a learning step for each pair of its rows."""
TIMED_STEPS = 3
"""Number of learning steps that are timed to estimate the time of a fit."""


@dataclass(frozen=True)
class WordProcessMember(Member):
    """A fitted word process with the rows that it compares others with.

    Attributes
    ----------
    words : WordEncoder
    kernel : WordKernel
    weights : Tensor, float32, shape (n,)
        The mean of a row is the sum of its covariances with the training rows times these.
    residuals : Residuals
    chosen : Tensor, int64, shape (n,)
        Positions of the training rows in the table.
    means_left_out : Tensor, float32, shape (n,) or (0,)
        The mean of each training row without the rows of its target; empty if not computed.
    training : WordRows of n rows
    for_new_guides : Widening
    """

    family: ClassVar[str] = "word_process"
    title: ClassVar[str] = "word process"

    words: WordEncoder
    kernel: WordKernel
    weights: Tensor
    residuals: Residuals
    chosen: Tensor
    means_left_out: Tensor
    training: WordRows
    for_new_guides: Widening

    @classmethod
    def suits(cls, rows: pd.DataFrame, config: Config) -> bool:
        """Return whether the table is small enough."""
        return len(rows) <= config.word_process.most_rows

    @classmethod
    def fit(cls, task: FoldTask, index: int, callbacks: FitCallbacks) -> "Fitted[Self] | None":
        """Fit on the training rows; see `Member.fit`."""
        from sirna.members.far_rows import Measured, fit_widening  # noqa: PLC0415
        from sirna.members.word_process.fit import learn_kernel, solve_weights  # noqa: PLC0415

        cls.check_memory(task)
        config, protocol = task.config, task.config.protocol
        words = WordEncoder.fit(
            task.training_rows, config.word_process.conditions, config.sequences, protocol
        )
        training = words.encode(task.training_rows, training=True)
        truth = standardised(task.labels, *scale_of(task.labels))
        try:
            callbacks.begin(config.word_process.steps, 0)
            kernel = learn_kernel(training, truth, config.word_process, task.seed, callbacks.step)
        except InterruptedError:
            return None
        targets = None if protocol.every_target_is_unseen else task.targets
        correct_level = not protocol.every_target_is_unseen
        measured = Measured(task.training_rows, task.labels, task.groups, targets, correct_level)
        solution = solve_weights(kernel, training, truth)
        means = solution.without_groups(task.groups).astype(np.float64)
        left_out = np.zeros(0, np.float32) if targets is None else solution.without_groups(targets)
        residuals = fit_residuals(task.labels, means, task.edges, correct_level)
        member = cls(
            task.fold,
            words,
            kernel,
            torch.from_numpy(solution.weights),
            residuals,
            torch.from_numpy(task.training),
            torch.from_numpy(left_out),
            training,
            fit_widening(solution, means, residuals, measured, task.seed),
        )
        return fitted_without_choice(member, task)

    @classmethod
    def check_memory(cls, task: FoldTask) -> None:
        """Estimate the memory of a fit from its rows and duplexes; see `Member.check_memory`."""
        check_fit_memory(len(task.training), _duplexes(task), task.config.word_process)

    @classmethod
    def fit_memory(cls, task: FoldTask) -> float:
        """Return about how many bytes a fit needs; see `Member.fit_memory`."""
        return fit_memory(len(task.training), _duplexes(task), task.config.word_process)

    @classmethod
    def seconds(cls, task: FoldTask, device: torch.device) -> float:
        """Estimate the seconds of fitting from a few learning steps."""

        def seconds(steps: int) -> float:
            config = with_changes(task.config, {"word_process.steps": steps})
            began = time.perf_counter()
            cls.fit(FoldTask(task.rows, task.split, task.fold, config), 0, FitCallbacks())
            return time.perf_counter() - began

        first, more = seconds(1), seconds(1 + TIMED_STEPS)
        return first + max(more - first, 0.0) * (task.config.word_process.steps - 1) / TIMED_STEPS

    @classmethod
    def rough_seconds(cls, task: FoldTask) -> float:
        """Return about how many seconds `fit` takes; see `Member.rough_seconds`."""
        config = task.config.word_process
        rows = min(len(task.training), config.step_rows)
        return config.steps * SECONDS_PER_PAIR * rows**2

    def predict(self, rows: pd.DataFrame, device: torch.device = CPU) -> Histogram:
        """Predict the distributions of n checked rows, each independent of the other rows."""
        encoded = self.words.encode(rows)
        weights = self.weights.double()
        means = [np.zeros(0)]
        with torch.inference_mode():
            for start in range(0, len(encoded), BLOCK_ROWS):
                block = encoded.take(np.arange(start, min(start + BLOCK_ROWS, len(encoded))))
                means.append(self.kernel.mean(block, self.training, weights).numpy())
        return self.residuals.distributions(np.concatenate(means))

    def left_out(self) -> LeftOut | None:
        """Return predictions of its training rows without the rows of their targets."""
        if not len(self.means_left_out):
            return None
        predicted = self.residuals.distributions(self.means_left_out.double().numpy())
        return LeftOut(self.chosen.numpy(), predicted)

    def widening(self) -> Widening:
        """Return how much wider distributions are for new guides."""
        return self.for_new_guides

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return self.words.reads

    @property
    def reads_of_training(self) -> set[str]:
        """The roles of the training rows that it compares others with."""
        return self.words.reads_of_training

    def tensors(self) -> dict[str, Tensor]:
        """Return all that was learned, by name."""
        kernel = {f"{KERNEL}{name}": value for name, value in self.kernel.tensors().items()}
        own = {WEIGHTS: self.weights, CHOSEN: self.chosen, LEFT_OUT: self.means_left_out}
        return own | kernel | self.residuals.tensors()

    def encoder(self) -> dict[str, Any]:
        """Return the fitted encoder as plain data."""
        return self.words.to_dict()

    @property
    def facts(self) -> dict[str, Any]:
        """The widening."""
        return {WIDENING: self.for_new_guides.to_dict()}

    @classmethod
    def restore(cls, stored: Stored, training: pd.DataFrame, config: Config) -> Self:
        """Rebuild a word process from its tensors and its training rows."""
        tensors = stored.tensors
        names = WordKernel.__dataclass_fields__
        kernel = WordKernel(**{name: tensors[f"{KERNEL}{name}"] for name in names})
        weights, chosen, left_out = tensors[WEIGHTS], tensors[CHOSEN], tensors[LEFT_OUT]
        sound = (
            chosen.dtype == torch.int64
            and weights.ndim == 1
            and chosen.shape == weights.shape
            and left_out.shape in {weights.shape, (0,)}
            and weights.dtype == left_out.dtype == torch.float32
            and bool(weights.isfinite().all() and left_out.isfinite().all())
            and len(chosen) > 0
            and 0 <= int(chosen.min()) <= int(chosen.max()) < len(training)
        )
        if not sound:
            raise ValueError("the word process does not fit the rows of the training table")
        words = WordEncoder.from_dict(stored.encoder)
        rows = words.encode(training.iloc[chosen.numpy()], training=True)
        kernel.check(rows)
        residuals = Residuals.from_tensors(tensors)
        widening = widening_of(stored.facts)
        return cls(stored.fold, words, kernel, weights, residuals, chosen, left_out, rows, widening)


def _duplexes(task: FoldTask) -> int:
    return count_duplexes(task.training_rows, task.config.sequences)

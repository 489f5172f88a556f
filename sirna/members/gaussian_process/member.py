"""The Gaussian process as a family: fit, predict, store and restore a member."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.config.config import Config
from sirna.features.fold import FoldTask
from sirna.features.positional import PositionalEncoder
from sirna.features.positional_rows import UNSEEN, PositionalRows
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
from sirna.members.draws import drawn_by_group
from sirna.members.gaussian_process.mean import Mean
from sirna.members.gaussian_process.posterior import Posterior
from sirna.members.gaussian_process.size import (
    check_fit_memory,
    check_predict_memory,
    fit_memory,
)
from sirna.prediction.histogram import Histogram
from sirna.prediction.widening import Widening
from sirna.system.memory import return_freed_memory

CHOSEN = "chosen"
"""The tensor with the training rows' positions in the table."""
SECONDS_PER_STEP_PAIR, SECONDS_PER_PAIR, SECONDS_PER_CUBE = 6e-7, 3e-7, 1.1e-11
"""Seconds of one core, for a rough estimate: per pair of rows of a learning step, per pair of
training rows, and per cube of the number of training rows."""
TIMED_STEPS = 4
TIMED_ROWS = 3000
"""Steps of kernel learning and rows of a matrix that are timed to estimate the time of a fit."""


@dataclass(frozen=True)
class GaussianProcessMember(Member):
    """A fitted Gaussian process with the rows that it compares others with.

    Attributes
    ----------
    positional : PositionalEncoder
    posterior : Posterior
    chosen : Tensor, int64, shape (n,)
        Positions, in the table, of the rows that it was fitted on.
    training : PositionalRows of n rows
        These rows, encoded.
    for_new_guides : Widening
    """

    family: ClassVar[str] = "gaussian_process"
    title: ClassVar[str] = "Gaussian process"
    learns_from_folds: ClassVar[bool] = True
    positional: PositionalEncoder
    posterior: Posterior
    chosen: Tensor
    training: PositionalRows
    for_new_guides: Widening

    @classmethod
    def fit(cls, task: FoldTask, index: int, callbacks: FitCallbacks) -> "Fitted[Self] | None":
        """Fit on the training rows; see `Member.fit`.

        If there are more than `most_rows`, fit on `most_rows` of them, drawn guide by guide. On all
        rows, use the kernel of the first fold, which has learned it from nearly the same rows, and
        add rows to its solution.
        """
        from sirna.members.far_rows import Measured  # noqa: PLC0415
        from sirna.members.gaussian_process.fit import (  # noqa: PLC0415
            fit_posterior,
            keep_whitening,
            learn_kernel,
            solve_weights,
            whitening_of,
        )

        cls.check_memory(task)
        config, protocol = task.config, task.config.protocol
        some, positional = _chosen(task)
        earlier = _first_fold(callbacks.wait_for_folds() or (), positional)
        shared = 0
        if earlier is not None:
            positional = positional.in_units_of(earlier.positional)
            some, shared = _shared_first(some, task, earlier)
        training = positional.encode(_columns(task).iloc[some], training=True)
        targets = None if protocol.every_target_is_unseen else task.targets
        measured = Measured(
            task.training_rows.iloc[some],
            task.labels[some],
            task.groups[some],
            None if targets is None else targets[some],
            correct_level=not protocol.every_target_is_unseen,
        )
        if earlier is not None:
            kernel = earlier.posterior.kernel
        else:
            settings = config.gaussian_process
            learning, solving = _rough_seconds(len(training), config)
            callbacks.begin(round(settings.steps * (learning + solving) / learning) + 1, 0)
            try:
                kernel = learn_kernel(
                    training, measured.labels, settings, task.seed, callbacks.step
                )
            except InterruptedError:
                return None
        if callbacks.stop():
            return None
        return_freed_memory()  # of the tables of learning, since the solution needs much
        kept = callbacks.scratch()
        begun = whitening_of(kernel, earlier.training, kept) if earlier and shared else None
        solution = solve_weights(kernel, training, measured.labels, begun)
        posterior, widening = fit_posterior(kernel, solution, measured, task.edges, task.seed)
        if kept is not None and len(task.held_out) and len(some) == len(task.training):
            keep_whitening(solution, kept)
        chosen = torch.from_numpy(task.training[some])
        member = cls(task.fold, positional, posterior, chosen, training, widening)
        return fitted_without_choice(member, task)

    @classmethod
    def check_memory(cls, task: FoldTask) -> None:
        """Estimate the memory of a fit from the sizes in the configuration."""
        check_fit_memory(len(task.training), _largest_group(task), task.config.gaussian_process)

    @classmethod
    def fit_memory(cls, task: FoldTask) -> float:
        """Return about how many bytes a fit needs; see `Member.fit_memory`."""
        config = task.config.gaussian_process
        rows = min(len(task.training), config.most_rows)
        return fit_memory(rows, min(rows, _largest_group(task)), config)

    @classmethod
    def seconds(cls, task: FoldTask, device: torch.device) -> float:
        """Estimate the seconds of `fit` by timing some learning steps and a small matrix.

        On all rows, only what the first fold has not done counts.
        """
        from sirna.members.gaussian_process.fit import learn_kernel  # noqa: PLC0415
        from sirna.members.gaussian_process.matrix import (  # noqa: PLC0415
            BLOCK_ROWS,
            CovarianceMatrix,
        )
        from sirna.members.solve import solve  # noqa: PLC0415 - loads slowly

        config = task.config.gaussian_process
        some, positional = _chosen(task)
        training = positional.encode(_columns(task).iloc[some], training=True)
        n = len(training)
        times = [time.perf_counter()]
        short_config = config.model_copy(update={"steps": TIMED_STEPS})
        kernel = learn_kernel(training, np.zeros(n), short_config, task.seed, lambda: False)
        times.append(time.perf_counter())
        timed = min(n, BLOCK_ROWS)
        CovarianceMatrix(kernel, training).columns(n - timed, n)
        times.append(time.perf_counter())
        matrix, nothing = np.eye(TIMED_ROWS, dtype=np.float32), np.zeros(TIMED_ROWS)
        solve(lambda start, stop: matrix[:stop, start:stop].copy(), nothing, cls.family)
        times.append(time.perf_counter())
        fractions_timed = TIMED_STEPS / config.steps, 2 * timed / n, (TIMED_ROWS / n) ** 3
        done = _solved_in_first_fold(task) / n
        left = 1 - np.array([_follows_a_fold(task), done**2, done**3])
        return float((np.diff(times) / fractions_timed * left).sum())

    @classmethod
    def rough_seconds(cls, task: FoldTask) -> float:
        """Return about how many seconds `fit` takes; see `Member.rough_seconds`."""
        rows = min(len(task.training), task.config.gaussian_process.most_rows)
        learning, solving = _rough_seconds(rows, task.config)
        _, done = _rough_seconds(_solved_in_first_fold(task), task.config)
        return solving - done + learning * (not _follows_a_fold(task))

    def predict(self, rows: pd.DataFrame, device: torch.device = CPU) -> Histogram:
        """Predict the distributions of n checked rows, each independent of the other rows."""
        components = len(self.posterior.kernel.amplitude)
        check_predict_memory(len(rows), len(self.training), components)
        means = self._mean.of(self.positional.encode(rows))
        return self.posterior.residuals.distributions(means)

    @cached_property
    def _mean(self) -> Mean:
        return self.posterior.mean(self.training)

    def left_out(self) -> LeftOut | None:
        """Return predictions of its training rows without the rows of their targets."""
        if not len(self.posterior.left_out):
            return None
        order = np.argsort(self.chosen.numpy())
        return LeftOut(self.chosen.numpy()[order], self.posterior.predict_left_out()[order])

    def widening(self) -> Widening:
        """Return how much wider distributions are for new guides."""
        return self.for_new_guides

    @property
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""
        return self.positional.reads

    @property
    def reads_of_training(self) -> set[str]:
        """The roles of the training rows that it compares others with."""
        return self.positional.reads_of_training

    def tensors(self) -> dict[str, Tensor]:
        """Return all that was learned, by name."""
        return {CHOSEN: self.chosen, **self.posterior.tensors()}

    def encoder(self) -> dict[str, Any]:
        """Return the fitted encoder as plain data."""
        return self.positional.to_dict()

    @property
    def facts(self) -> dict[str, Any]:
        """The widening."""
        return {WIDENING: self.for_new_guides.to_dict()}

    @classmethod
    def restore(cls, stored: Stored, training: pd.DataFrame, config: Config) -> Self:
        """Rebuild a Gaussian process from its tensors and its training rows."""
        posterior, chosen = Posterior.from_tensors(stored.tensors), stored.tensors[CHOSEN]
        if (
            chosen.dtype != torch.int64
            or chosen.shape != posterior.weights.shape
            or not len(chosen)
            or int(chosen.min()) < 0
            or int(chosen.max()) >= len(training)
        ):
            raise ValueError("the Gaussian process does not fit the rows of the training table")
        positional = PositionalEncoder.from_dict(stored.encoder)
        rows = positional.encode(training.iloc[chosen.numpy()], training=True)
        if (rows.channels == UNSEEN).any():
            raise ValueError("the training table holds strands that the Gaussian process never saw")
        posterior.kernel.check(rows)
        return cls(stored.fold, positional, posterior, chosen, rows, widening_of(stored.facts))


def _chosen(task: FoldTask) -> tuple[np.ndarray, PositionalEncoder]:
    """Choose the rows to fit on.

    Returns
    -------
    array of int
        Their positions among the training rows, ascending.
    PositionalEncoder
        Fitted on them.
    """
    config = task.config.gaussian_process
    guides = task.training_rows["guide"].to_numpy()
    _, guide = np.unique(guides.astype(str), return_inverse=True)
    some = drawn_by_group(guide, config.most_rows, np.random.default_rng(task.seed))
    return some, PositionalEncoder.fit(_columns(task).iloc[some], config, task.config.protocol)


def _columns(task: FoldTask) -> pd.DataFrame:
    """Return the training rows with the columns that the encoder reads."""
    config = task.config
    names = PositionalEncoder.columns(task.rows, config.gaussian_process, config.sequences)
    return task.training_rows[names]


def _first_fold(
    folds: Sequence[Member], positional: PositionalEncoder
) -> GaussianProcessMember | None:
    """Return the member of the first fold if its kernel's parameters mean the same; else None."""
    for member in folds[:1]:
        if (
            isinstance(member, GaussianProcessMember)
            and member.positional.features == positional.features
        ):
            return member
    return None


def _shared_first(
    some: np.ndarray, task: FoldTask, earlier: GaussianProcessMember
) -> tuple[np.ndarray, int]:
    """Return positions of rows to fit on, those of an earlier member first, and how many it has.

    The number is 0, and the order stays, if the earlier member has other rows too.
    """
    is_shared = np.isin(task.training[some], earlier.chosen)
    if is_shared.sum() < len(earlier.chosen):
        return some, 0
    return np.concatenate([some[is_shared], some[~is_shared]]), int(is_shared.sum())


def _follows_a_fold(task: FoldTask) -> bool:
    """Return whether a fit takes the kernel of a fold, unless their features differ."""
    return bool(task.split.folds) and task.fold == task.split.whole


def _solved_in_first_fold(task: FoldTask) -> int:
    """Return for how many rows a fit can take the solution of the first fold."""
    if not _follows_a_fold(task) or len(task.training) > task.config.gaussian_process.most_rows:
        return 0
    return int((task.split.fold != task.split.folds[0]).sum())


def _largest_group(task: FoldTask) -> int:
    """Return how many training rows are left out together at most."""
    groupings = [task.groups] if task.targets is None else [task.groups, task.targets]
    return max(int(np.bincount(pd.factorize(one)[0]).max()) for one in groupings)


def _rough_seconds(rows: int, config: Config) -> tuple[float, float]:
    """Return about how many seconds the kernel's learning and the solution take on one core."""
    settings = config.gaussian_process
    pairs = min(settings.step_rows, rows) ** 2
    learning = settings.steps * pairs * SECONDS_PER_STEP_PAIR
    return learning, SECONDS_PER_PAIR * rows**2 + SECONDS_PER_CUBE * rows**3

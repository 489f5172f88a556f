"""Fit a Gaussian process: learn the kernel, solve for the weights, measure the errors.

The kernel maximises the marginal likelihood of random parts of the training rows. The mean is that
of the exact Gaussian process on all training rows (Rasmussen & Williams 2006, chapters 2 and 5).
The errors are measured on the training rows: each is predicted without the rows of its group (the
closed form of leave-one-out, equation 5.12, extended to groups).
"""

import contextlib
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sirna.config.family_sections import GaussianProcessConfig
from sirna.errors import SirnaError
from sirna.features.positional_rows import PositionalRows
from sirna.members.far_rows import Measured, fit_widening
from sirna.members.gaussian_process.kernel import Kernel
from sirna.members.gaussian_process.matrix import CovarianceMatrix
from sirna.members.gaussian_process.posterior import Posterior
from sirna.members.residuals import fit_residuals, scale_of, standardised
from sirna.members.solve import Solution, Whitening, singular_error, solve
from sirna.prediction.widening import Widening

PRIOR_SD = 2.0
PRIOR_WEIGHT = 0.01
"""A broad normal prior on the logarithms of the distances: its sd, and its weight."""
RUN_LENGTH = 40
"""Length of a run: consecutive rows of a series that are drawn together; a step draws several."""
CLIP = 1.0
LAST_RATE = 0.02
"""The learning rate of the last step, as a share of the configured one."""


def solve_weights(
    kernel: Kernel, training: PositionalRows, labels: np.ndarray, begun: Whitening | None = None
) -> Solution:
    """Solve for the weights of n training rows.

    Parameters
    ----------
    kernel : Kernel
    training : PositionalRows of n rows
    labels : array, shape (n,)
        Percentages.
    begun : Whitening, optional
        Of the first rows.

    Raises
    ------
    SirnaError
        For covariances that cannot be solved.
    """
    truth = standardised(labels, *scale_of(labels))
    return solve(CovarianceMatrix(kernel, training).columns, truth, "gaussian_process", begun)


def whitening_of(kernel: Kernel, training: PositionalRows, kept: Path | None) -> Whitening:
    """Return the whitening of training rows: the one that was kept in a file, else computed."""
    whitening = None if kept is None else Whitening.load(kept)
    if whitening is None or len(whitening) != len(training):
        whitening = Whitening()
        whitening.grow(CovarianceMatrix(kernel, training).columns, len(training))
    return whitening


def keep_whitening(solution: Solution, path: Path) -> None:
    """Store what `whitening_of` reads; without room for it, that computes it."""
    with contextlib.suppress(SirnaError):
        solution.whitening.save(path)


def fit_posterior(
    kernel: Kernel, solution: Solution, measured: Measured, edges: np.ndarray, seed: int
) -> tuple[Posterior, Widening]:
    """Measure the errors.

    Parameters
    ----------
    kernel : Kernel
    solution : Solution for n training rows
    measured : Measured
    edges : array, shape (bins + 1,)
    seed : int
    """
    means, targets = solution.without_groups(measured.groups), measured.targets
    left_out = np.zeros(0, np.float32) if targets is None else solution.without_groups(targets)
    residuals = fit_residuals(measured.labels, means, edges, measured.correct_level)
    posterior = Posterior(
        kernel, torch.from_numpy(solution.weights), residuals, torch.from_numpy(left_out)
    )
    return posterior, fit_widening(solution, means, residuals, measured, seed)


def learn_kernel(
    training: PositionalRows,
    labels: np.ndarray,
    config: GaussianProcessConfig,
    seed: int,
    stop: Callable[[], bool],
) -> Kernel:
    """Maximise the marginal likelihood of the rows, of which each step draws a random part.

    Parameters
    ----------
    training : PositionalRows of n rows
    labels : array, shape (n,)
        Percentages.
    config : GaussianProcessConfig
    seed : int
    stop : callable
        Called before every step; the fit ends if it returns True.

    Raises
    ------
    InterruptedError
        If `stop()` returned True.
    SirnaError
        For covariances that cannot be solved.
    """
    truth = torch.from_numpy(standardised(labels, *scale_of(labels))).float()
    most = 1 + len(training.channels) // config.duplexes_per_component
    kernel = Kernel.initial(training, min(config.components, most), seed)
    rng = np.random.default_rng(seed)
    parameters = [tensor.requires_grad_() for tensor in kernel.tensors().values()]
    optimizer = torch.optim.Adam(parameters)
    draws = _draws(training, config.step_rows, rng)
    for step in range(config.steps):
        if stop():
            raise InterruptedError
        rate = min(1.0, 2 * (1 - step / config.steps) + LAST_RATE)
        optimizer.param_groups[0]["lr"] = config.learning_rate * rate
        rows = next(draws)
        loss = _cost(kernel, training.take(rows), truth[torch.from_numpy(rows)])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
    return Kernel(**{name: tensor.detach() for name, tensor in kernel.tensors().items()})


def _draws(training: PositionalRows, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield positions of about `size` rows: random patterns alternate with runs in a series."""
    order = np.argsort(training.pattern, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(training.pattern))[:-1])
    lines = cycle([np.argsort(places, kind="stable") for places in training.places.T])
    while True:
        drawn = [rows_of[i] for i in rng.permutation(len(rows_of))]
        sizes = np.cumsum([len(part) for part in drawn])
        rows = np.concatenate(drawn[: int(np.searchsorted(sizes, size)) + 1])
        yield rows[: 2 * size]  # one pattern with many rows must not fill the memory
        line = next(lines, None)
        if line is not None:
            starts = rng.permutation(len(line))[: max(1, size // RUN_LENGTH)]
            runs = starts[:, None] + np.arange(RUN_LENGTH)
            yield np.unique(line[np.minimum(runs, len(line) - 1)])


def _cost(kernel: Kernel, rows: PositionalRows, truth: Tensor) -> Tensor:
    """Return the negative log of marginal likelihood and prior, divided by the number of rows."""
    covariance = kernel.covariance(rows, rows) + kernel.variance * torch.eye(len(rows))
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if int(failed):
        raise singular_error("gaussian_process")
    white = torch.linalg.solve_triangular(factor, truth[:, None], upper=False)
    likelihood: Tensor = (white**2).sum() / 2 + factor.diagonal().log().sum()
    distances = (kernel.channel, kernel.count, kernel.category, kernel.number)
    prior = torch.stack([(((part + 2.0) / PRIOR_SD) ** 2).sum() for part in distances]).sum()
    return (likelihood + PRIOR_WEIGHT * prior) / len(rows)

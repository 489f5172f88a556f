"""Fit a word process: learn the kernel, solve for the weights, measure the errors."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from sirna.config.family_sections import WordProcessConfig
from sirna.features.words import WordRows
from sirna.members.draws import drawn_by_group
from sirna.members.solve import Solution, singular_error, solve
from sirna.members.word_process.kernel import CENTRES, WordKernel

PRIOR_SD = 1.5
"""The prior's standard deviation: a few hundred rows can move a parameter only so far."""


def solve_weights(kernel: WordKernel, training: WordRows, truth: np.ndarray) -> Solution:
    """Solve for the weights of the training rows; see `solve`."""
    with torch.inference_mode():
        covariance = kernel.covariance(training, training).numpy()
    matrix = covariance.astype(np.float32)
    matrix[np.diag_indices(len(training))] += float(kernel.variance)
    return solve(lambda start, stop: matrix[:stop, start:stop].copy(), truth, "word_process")


def learn_kernel(
    training: WordRows,
    truth: np.ndarray,
    config: WordProcessConfig,
    seed: int,
    stop: Callable[[], bool],
) -> WordKernel:
    """Maximise the marginal likelihood of the rows times the prior.

    Each step reads all rows, or `step_rows` of them, drawn duplex by duplex.

    Parameters
    ----------
    training : WordRows of n rows
    truth : array, shape (n,)
        Standardised labels.
    config : WordProcessConfig
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
    kernel = WordKernel.initial(training)
    parameters = {name: tensor for name, tensor in kernel.tensors().items() if name in CENTRES}
    for tensor in parameters.values():
        tensor.requires_grad_()
    optimizer = torch.optim.Adam(list(parameters.values()), lr=config.learning_rate)
    rng = np.random.default_rng(seed)
    rows, distances = np.arange(0), list[Tensor]()
    for _ in range(config.steps):
        if stop():
            raise InterruptedError
        if not len(rows) or len(training) > config.step_rows:
            rows = drawn_by_group(training.duplex, config.step_rows, rng)
            some = training.take(rows)
            distances = kernel.distances(some, some)
            labels = torch.from_numpy(truth[rows])
        covariance = kernel.covariance_at(distances, some, some)
        covariance = covariance + kernel.variance * torch.eye(len(rows)).double()
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if int(failed):
            raise singular_error("word_process")
        white = torch.linalg.solve_triangular(factor, labels[:, None], upper=False)
        cost = (white**2).sum() / 2 + factor.diagonal().log().sum()
        for name, tensor in parameters.items():
            cost = cost + (((tensor - CENTRES[name]) / PRIOR_SD) ** 2).sum() / 2
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    return WordKernel(**{name: tensor.detach() for name, tensor in kernel.tensors().items()})

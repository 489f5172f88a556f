"""Fitting a Gaussian process: learning the kernel, solving for the weights, measuring errors.

The kernel is learned by the marginal likelihood of random parts of the training rows; the mean is
then that of the exact process on all of them (Rasmussen & Williams 2006, chapters 2 and 5). How far
the truth lies from it is read off the training rows, each predicted by the process without its own
group (leave-one-out in closed form, equation 5.12, for groups).
"""

from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np
import torch
from scipy.linalg.lapack import spotrf, spotri, spotrs
from torch import Tensor

from sirna.config.schema import GaussianProcessConfig, Protocol
from sirna.errors import SirnaError
from sirna.features.positional import Compared
from sirna.members.gaussian_process.kernel import Kernel
from sirna.members.gaussian_process.posterior import GaussianProcess, blocks
from sirna.members.residuals import fit_residuals, scale_of, standardised

PRIOR_SD = 2.0
PRIOR_WEIGHT = 0.01
"""Of a broad normal belief about the logarithms of distances, in rows."""
RUN = 40
"""Rows that are neighbours in a series and are learned from together: a step draws several runs."""
CLIP = 1.0
LAST_RATE = 0.02


def fit_process(
    training: Compared,
    labels: np.ndarray,
    groups: np.ndarray,
    targets: np.ndarray | None,
    edges: np.ndarray,
    config: GaussianProcessConfig,
    protocol: Protocol,
    seed: int,
    stop: Callable[[], bool] = lambda: False,
) -> GaussianProcess:
    """Learn the kernel, solve the process, and measure its errors.

    Parameters
    ----------
    training : Compared of n rows
    labels : array, shape (n,)
        Percent of mRNA that remains.
    groups : array, shape (n,)
        What the split keeps together: a row's error is taken without all rows of its group.
    targets : array, shape (n,), optional
        Of each row, to predict it as if it were new.
    edges : array, shape (bins + 1,)
    config : GaussianProcessConfig
    protocol : str
    seed : int
    stop : callable
        Asked at every step of the kernel's learning.

    Raises
    ------
    InterruptedError
        Where `stop` said so.
    SirnaError
        For covariances that cannot be solved.
    """
    truth = standardised(labels, *scale_of(labels))
    kernel = learn_kernel(training, torch.from_numpy(truth).float(), config, seed, stop)
    if stop():
        raise InterruptedError
    groupings = [groups] if targets is None else [groups, targets]
    weights, means = _solve(kernel, training, truth.astype(np.float32), groupings)
    left_out = means[1] if targets is not None else np.zeros(0, dtype=np.float32)
    return GaussianProcess(
        kernel,
        torch.from_numpy(weights),
        fit_residuals(labels, means[0], edges, level=protocol != "target"),
        torch.from_numpy(left_out),
    )


def learn_kernel(
    training: Compared,
    truth: Tensor,
    config: GaussianProcessConfig,
    seed: int,
    stop: Callable[[], bool],
) -> Kernel:
    """Climb the marginal likelihood of some rows, a new draw each step.

    truth : Tensor, float32, shape (n,)
        Standardised labels of the training rows.
    """
    kernel = Kernel.initial(training, config.components, seed)
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


def _draws(training: Compared, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield positions of about `size` rows: random duplexes, and then runs along each series."""
    order = np.argsort(training.duplex, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(training.duplex))[:-1])
    lines = cycle([np.argsort(places, kind="stable") for places in training.places.T])
    while True:
        drawn = [members[i] for i in rng.permutation(len(members))]
        sizes = np.cumsum([len(part) for part in drawn])
        rows = np.concatenate(drawn[: int(np.searchsorted(sizes, size)) + 1])
        yield rows[: 2 * size]  # a duplex measured often must not fill the memory
        line = next(lines, None)
        if line is not None:
            starts = rng.permutation(len(line))[: max(1, size // RUN)]
            runs = starts[:, None] + np.arange(RUN)
            yield np.unique(line[np.minimum(runs, len(line) - 1)])


def _cost(kernel: Kernel, rows: Compared, truth: Tensor) -> Tensor:
    """Return the negative log marginal likelihood and the beliefs, for a row."""
    covariance = kernel.between(rows, rows) + kernel.variance * torch.eye(len(rows))
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if int(failed):
        raise _singular()
    white = torch.linalg.solve_triangular(factor, truth[:, None], upper=False)
    likelihood: Tensor = (white**2).sum() / 2 + factor.diagonal().log().sum()
    distances = (kernel.channel, kernel.count, kernel.category, kernel.number)
    belief = torch.stack([(((part + 2.0) / PRIOR_SD) ** 2).sum() for part in distances]).sum()
    return (likelihood + PRIOR_WEIGHT * belief) / len(rows)


def _solve(
    kernel: Kernel, training: Compared, truth: np.ndarray, groupings: list[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the weights, and for each grouping the mean of every row without its group; (n,) each.

    The matrix is factorised and inverted in place: n^2 numbers in all.
    """
    n = len(training)
    matrix = np.empty((n, n), dtype=np.float32, order="F")
    with torch.inference_mode():
        for rows in blocks(training):
            matrix[:, rows] = kernel.between(training.take(rows), training).numpy().T
    matrix[np.diag_indices(n)] += float(kernel.variance)
    factor, failed = spotrf(matrix, lower=1, overwrite_a=1)
    if failed:
        raise _singular()
    weights = spotrs(factor, truth, lower=1)[0]
    inverse = spotri(factor, lower=1, overwrite_c=1)[0]  # its lower triangle
    return weights, [truth - _residuals(inverse, weights, groups) for groups in groupings]


def _residuals(inverse: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return how far the truth lies from the means without the rows' groups, (n,)."""
    residual = np.empty(len(weights), dtype=np.float32)
    order = np.argsort(groups, kind="stable")
    _, start = np.unique(groups[order], return_index=True)
    for group in np.split(order, start[1:]):
        block = np.tril(inverse[np.ix_(group, group)])
        block += np.tril(block, -1).T
        residual[group] = np.linalg.solve(block, weights[group])
    return residual


def _singular() -> SirnaError:
    return SirnaError(
        "the Gaussian process cannot be solved: its covariances are no longer positive definite; "
        "lower gaussian_process.learning_rate, or set gaussian_process.share = 0."
    )

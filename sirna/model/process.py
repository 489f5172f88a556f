"""A Gaussian process over measurements: what the most alike training rows say of a row.

The kernel is learned by the marginal likelihood of random parts of the training rows; the mean is
then that of the exact process on all of them (Rasmussen & Williams 2006, chapters 2 and 5). How far
the truth lies from it is read off the training rows, each predicted by the process without its own
group (leave-one-out in closed form, equation 5.12, for groups).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Self

import numpy as np
import torch
from scipy.linalg.lapack import spotrf, spotri, spotrs
from scipy.special import stdtr
from torch import Tensor

from sirna.data.aligned import Compared
from sirna.distribution import Histogram
from sirna.errors import SirnaError
from sirna.model.kernel import BLOCK, Kernel
from sirna.sections import GaussianProcessConfig

KNOTS = 64
NEIGHBOURS = 0.05
"""Share of the training rows, those with the most similar means, that tell the error at a knot."""
FEWEST = 100
PRIOR_SD = 2.0
PRIOR_WEIGHT = 0.01
"""Of a broad normal belief about the logarithms of distances, in rows."""
RUN = 40
"""Rows that are neighbours in a series and are learned from together: a step draws several runs."""
DEGREES = 5.0
"""Of freedom of Student's t, scaled to the spread: errors have heavier tails than a normal one."""
CLIP = 1.0
LAST_RATE = 0.02


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted process; its training rows are kept beside it.

    Labels are compared as standardised square roots, whose noise depends least on their level.

    Attributes
    ----------
    kernel : Kernel
    weights : Tensor, float32, shape (training rows,)
        The mean of a row is its covariances with the training rows times these.
    scale : Tensor, float64, shape (2,)
        Mean and sd of the square roots.
    knots, bias, spread : Tensor, float64, shape (KNOTS,)
        Mean and sd of the error at increasing values of the process' mean.
    edges : Tensor, float64, shape (bins + 1,)
        Bins that predictions are written down in, in percent of mRNA that remains.
    """

    kernel: Kernel
    weights: Tensor
    scale: Tensor
    knots: Tensor
    bias: Tensor
    spread: Tensor
    edges: Tensor

    def predict(self, rows: Compared, training: Compared) -> Histogram:
        """Predict the distribution of every row.

        Parameters
        ----------
        rows : Compared
        training : Compared
            The rows that the process was fitted on, encoded by the same `Aligner`.
        """
        edges = self.edges.numpy()
        with torch.inference_mode():
            parts = [
                self.kernel.between(rows.take(some), training).double() @ self.weights.double()
                for some in _blocks(rows)
            ]
        mean = torch.cat(parts).numpy()[np.argsort(np.concatenate(_blocks(rows)))]
        knots, bias, spread = (t.numpy() for t in (self.knots, self.bias, self.spread))
        middle = mean + np.interp(mean, knots, bias)
        inner = _transformed(edges[1:-1], self.scale.numpy())
        unit = np.interp(mean, knots, spread) * np.sqrt(1 - 2 / DEGREES)
        reached = stdtr(DEGREES, (inner - middle[:, None]) / unit[:, None])
        ends = np.zeros((len(rows), 1)), np.ones((len(rows), 1))
        return Histogram(edges, np.diff(np.concatenate([ends[0], reached, ends[1]], axis=1)))

    def tensors(self) -> dict[str, Tensor]:
        """Return all that is learned, by name."""
        own = {name: getattr(self, name) for name in _OWN}
        return own | {f"kernel.{name}": value for name, value in self.kernel.tensors().items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Self:
        """Rebuild from `tensors`.

        Raises
        ------
        KeyError, ValueError
            For a tensor that is absent, or that cannot be.
        """
        names = Kernel.__dataclass_fields__
        kernel = Kernel(**{name: tensors[f"kernel.{name}"] for name in names})
        process = cls(kernel, **{name: tensors[name] for name in _OWN})
        process._check()
        return process

    def _check(self) -> None:
        """Raise ValueError unless the tensors make a process."""
        scale, knots, edges = self.scale, self.knots, self.edges
        tables = (scale, knots, self.bias, self.spread, edges)
        sound = (
            self.weights.ndim == 1
            and self.weights.dtype == torch.float32
            and bool(self.weights.isfinite().all())
            and all(table.ndim == 1 and table.dtype == torch.float64 for table in tables)
            and all(bool(table.isfinite().all()) for table in tables)
            and len(knots) == len(self.bias) == len(self.spread) > 0
            and len(scale) == 2
            and len(edges) > 1
            and bool((edges.diff() > 0).all())
            and bool((self.spread > 0).all())
        )
        if not sound:
            raise ValueError("the tensors of the Gaussian process are no process")


_OWN = ("weights", "scale", "knots", "bias", "spread", "edges")


def fit_process(
    training: Compared,
    labels: np.ndarray,
    groups: np.ndarray,
    edges: np.ndarray,
    config: GaussianProcessConfig,
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
    edges : array, shape (bins + 1,)
    config : GaussianProcessConfig
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
    root = np.sqrt(labels + 1.0)
    scale = np.array([root.mean(), max(float(root.std()), 1e-6)])
    truth = _transformed(labels, scale)
    kernel = learn_kernel(training, torch.from_numpy(truth).float(), config, seed, stop)
    if stop():
        raise InterruptedError
    weights, left_out = _solve(kernel, training, truth.astype(np.float32), groups)
    knots, bias, spread = _errors(left_out, truth - left_out)
    return GaussianProcess(
        kernel,
        torch.from_numpy(weights),
        *(torch.from_numpy(part) for part in (scale, knots, bias, spread, edges)),
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
    kernel: Kernel, training: Compared, truth: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights, and the mean of every row without its group; (n,) each.

    The matrix is factorised and inverted in place: n^2 numbers in all.
    """
    n = len(training)
    matrix = np.empty((n, n), dtype=np.float32, order="F")
    with torch.inference_mode():
        for rows in _blocks(training):
            matrix[:, rows] = kernel.between(training.take(rows), training).numpy().T
    matrix[np.diag_indices(n)] += float(kernel.variance)
    factor, failed = spotrf(matrix, lower=1, overwrite_a=1)
    if failed:
        raise _singular()
    weights = spotrs(factor, truth, lower=1)[0]
    inverse = spotri(factor, lower=1, overwrite_c=1)[0]  # its lower triangle
    residual = np.empty(n, dtype=np.float32)
    order = np.argsort(groups, kind="stable")
    _, start = np.unique(groups[order], return_index=True)
    for group in np.split(order, start[1:]):
        block = np.tril(inverse[np.ix_(group, group)])
        block += np.tril(block, -1).T
        residual[group] = np.linalg.solve(block, weights[group])
    return weights, truth - residual


def _errors(mean: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Describe errors along the means: knots, and around each the mean and sd of the error."""
    n = len(mean)
    order = np.argsort(mean, kind="stable")
    width = min(n, max(FEWEST, int(NEIGHBOURS * n)))
    starts = np.linspace(0, n - width, KNOTS).astype(int)
    knots, bias, spread = (np.empty(KNOTS) for _ in range(3))
    for knot, start in enumerate(starts):
        near = order[start : start + width]
        knots[knot], bias[knot] = mean[near].mean(), error[near].mean()
        spread[knot] = max(float(error[near].std()), 1e-3)
    return knots, bias, spread


def _transformed(percent: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return standardised square roots."""
    transformed: np.ndarray = (np.sqrt(percent + 1.0) - scale[0]) / scale[1]
    return transformed


def _blocks(rows: Compared) -> list[np.ndarray]:
    """Cut rows into blocks with few duplexes each."""
    order = np.argsort(rows.duplex, kind="stable")
    return [order[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


def _singular() -> SirnaError:
    return SirnaError(
        "the Gaussian process cannot be solved: its covariances are no longer positive definite; "
        "lower gaussian_process.learning_rate, or set gaussian_process.share = 0."
    )

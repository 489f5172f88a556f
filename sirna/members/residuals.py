"""From a mean to a distribution: how far the truth lies from what a model says."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from scipy.special import stdtr
from torch import Tensor

from sirna.prediction.histogram import Histogram

DEGREES = 5.0
"""Of freedom of Student's t, scaled to the spread: errors have heavier tails than a normal one."""
KNOTS = 64
NEIGHBOURS = 0.05
"""Share of the rows, those with the most similar means, that tell the error at a knot."""
FEWEST = 100


@dataclass(frozen=True)
class Residuals:
    """Errors along the means of a model.

    Labels are compared as standardised square roots, whose noise depends least on their level.

    Attributes
    ----------
    scale : Tensor, float64, shape (2,)
        Mean and sd of the square roots.
    knots, bias, spread : Tensor, float64, shape (KNOTS,)
        Mean and sd of the error at increasing values of the mean.
    edges : Tensor, float64, shape (bins + 1,)
        Bins that predictions are written down in, in percent of mRNA that remains.
    """

    scale: Tensor
    knots: Tensor
    bias: Tensor
    spread: Tensor
    edges: Tensor

    def standardised(self, percent: np.ndarray) -> np.ndarray:
        """Return standardised square roots of labels."""
        mean, sd = self.scale.numpy()
        return standardised(percent, float(mean), float(sd))

    def around(self, mean: np.ndarray) -> Histogram:
        """Return the distributions about n standardised means, shape (n,)."""
        edges, knots, bias, spread = (
            part.numpy() for part in (self.edges, self.knots, self.bias, self.spread)
        )
        middle = mean + np.interp(mean, knots, bias)
        unit = np.interp(mean, knots, spread) * np.sqrt(1 - 2 / DEGREES)
        inner = self.standardised(edges[1:-1])
        reached = stdtr(DEGREES, (inner - middle[:, None]) / unit[:, None])
        ends = np.zeros((len(mean), 1)), np.ones((len(mean), 1))
        return Histogram(edges, np.diff(np.concatenate([ends[0], reached, ends[1]], axis=1)))

    def tensors(self) -> dict[str, Tensor]:
        """Return all of it by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Self:
        """Rebuild from `tensors`, among which there may be others.

        Raises
        ------
        KeyError, ValueError
            For a tensor that is absent, or that cannot be.
        """
        found = cls(**{field.name: tensors[field.name] for field in fields(cls)})
        tables = list(found.tensors().values())
        sound = (
            all(table.ndim == 1 and table.dtype == torch.float64 for table in tables)
            and all(bool(table.isfinite().all()) for table in tables)
            and len(found.knots) == len(found.bias) == len(found.spread) > 0
            and len(found.scale) == 2
            and len(found.edges) > 1
            and bool((found.edges.diff() > 0).all())
            and bool((found.spread > 0).all())
        )
        if not sound:
            raise ValueError("the tensors of a process or of trees hold no residuals")
        return found


def standardised(percent: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """Return square roots of labels less their mean, in units of their sd."""
    roots: np.ndarray = (np.sqrt(percent + 1.0) - mean) / sd
    return roots


def scale_of(labels: np.ndarray) -> tuple[float, float]:
    """Return mean and sd of the labels' square roots."""
    root = np.sqrt(labels + 1.0)
    return float(root.mean()), max(float(root.std()), 1e-6)


def fit_residuals(
    labels: np.ndarray, mean: np.ndarray, edges: np.ndarray, level: bool
) -> Residuals:
    """Describe errors along the means: knots, and around each the mean and sd of the error.

    Parameters
    ----------
    labels : array, shape (n,)
        Percent of mRNA that remains.
    mean : array, shape (n,)
        Of models that did not see the rows; standardised.
    edges : array, shape (bins + 1,)
    level : bool
        Whether the mean of the errors is told too: for rows of new targets it is better left at 0,
        since it is the level of the training targets.
    """
    n = len(mean)
    scale = scale_of(labels)
    error = standardised(labels, *scale) - mean
    order = np.argsort(mean, kind="stable")
    width = min(n, max(FEWEST, int(NEIGHBOURS * n)))
    starts = np.linspace(0, n - width, KNOTS).astype(int)
    knots, bias, spread = (np.empty(KNOTS) for _ in range(3))
    for knot, start in enumerate(starts):
        near = order[start : start + width]
        knots[knot], bias[knot] = mean[near].mean(), error[near].mean()
        spread[knot] = max(float(error[near].std()), 1e-3)
    if not level:
        bias = np.zeros(KNOTS)
    parts = (np.array(scale), knots, bias, spread, edges)
    return Residuals(*(torch.from_numpy(part) for part in parts))

"""Turn predicted means into distributions, by the errors that a model makes at similar means."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sirna.prediction.histogram import Histogram

DEGREES = 5.0
"""Degrees of freedom of the Student's t error model: errors have heavier tails than a normal."""
BLOCK_ROWS = 256
"""Number of rows whose distributions are computed at once: few enough to stay in the caches."""
KNOTS = 64
NEIGHBOURS = 0.05
"""Share of the rows from which the errors at a knot are measured: those with similar means."""
FEWEST_NEIGHBOURS = 100
LEAST_SPREAD = 1e-3


@dataclass(frozen=True)
class Residuals:
    """The errors of a model as a function of the mean that it predicts.

    Errors are differences of standardised square roots of labels: on this scale the noise hardly
    depends on the label.

    Attributes
    ----------
    scale : Tensor, float64, shape (2,)
        Mean and sd of the square roots.
    knots, bias, spread : Tensor, float64, shape (KNOTS,)
        Mean and sd of the error at increasing values of the predicted mean.
    edges : Tensor, float64, shape (bins + 1,)
        Bins of the predicted distributions, in percent of mRNA that remains.
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

    def distributions(self, mean: np.ndarray) -> Histogram:
        """Return the distributions around n standardised means, shape (n,)."""
        edges, knots, bias, spread = (
            part.numpy() for part in (self.edges, self.knots, self.bias, self.spread)
        )
        middle = (mean + np.interp(mean, knots, bias))[:, None]
        unit = (np.interp(mean, knots, spread) * np.sqrt(1 - 2 / DEGREES))[:, None]
        inner = self.standardised(edges[1:-1])
        below = np.empty((len(mean), len(inner)))
        for start in range(0, len(mean), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            below[rows] = student_cdf((inner - middle[rows]) / unit[rows])
        return Histogram.from_cdf(edges, below)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Self:
        """Rebuild from `tensors`; other tensors in the dict are ignored.

        Raises
        ------
        KeyError, ValueError
            For a tensor that is absent, or has an impossible type, shape or value.
        """
        found = cls(**{field.name: tensors[field.name] for field in fields(cls)})
        tables = list(found.tensors().values())
        sound = (
            all(table.ndim == 1 and table.dtype == torch.float64 for table in tables)
            and all(bool(table.isfinite().all()) for table in tables)
            and len(found.knots) == len(found.bias) == len(found.spread) > 0
            and len(found.scale) == 2
            and bool(found.scale[1] > 0)
            and len(found.edges) > 1
            and found.edges[0] == 0
            and bool((found.edges.diff() > 0).all())
            and bool((found.spread > 0).all())
        )
        if not sound:
            raise ValueError("the tensors do not describe the errors of a model")
        return found


def student_cdf(values: np.ndarray) -> np.ndarray:
    """Return the cumulative distribution of Student's t with `DEGREES` degrees of freedom.

    The closed form for 5 degrees (Abramowitz & Stegun 1964, 26.7.3) differs from the true value by
    less than 1e-15, and takes a fortieth of the time of scipy's.
    """
    tangent = values / np.sqrt(DEGREES)
    cosine2 = 1.0 / (1.0 + tangent * tangent)
    area = np.arctan(tangent) + tangent * cosine2 * (1.0 + cosine2 * (2.0 / 3.0))
    found: np.ndarray = 0.5 + area / np.pi
    return found


def standardised(percent: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """Return the square roots of labels minus their mean, in units of their sd."""
    roots: np.ndarray = (np.sqrt(percent + 1.0) - mean) / sd
    return roots


def scale_of(labels: np.ndarray) -> tuple[float, float]:
    """Return mean and sd of the labels' square roots."""
    root = np.sqrt(labels + 1.0)
    return float(root.mean()), max(float(root.std()), 1e-6)


def fit_residuals(
    labels: np.ndarray, mean: np.ndarray, edges: np.ndarray, correct_level: bool
) -> Residuals:
    """Measure the mean and the sd of the errors around knots of the predicted mean.

    Parameters
    ----------
    labels : array, shape (n,)
        Percent of mRNA that remains.
    mean : array, shape (n,)
        Standardised means, predicted by models that were not fitted on the rows.
    edges : array, shape (bins + 1,)
    correct_level : bool
        Whether the mean error is corrected. For rows of unseen targets set it to False, since the
        mean error reflects the levels of the training targets only.
    """
    n = len(mean)
    scale = scale_of(labels)
    error = standardised(labels, *scale) - mean
    order = np.argsort(mean, kind="stable")
    width = min(n, max(FEWEST_NEIGHBOURS, int(NEIGHBOURS * n)))
    starts = np.linspace(0, n - width, KNOTS).astype(int)
    knots, bias, spread = (np.empty(KNOTS) for _ in range(3))
    for knot, start in enumerate(starts):
        near = order[start : start + width]
        knots[knot], bias[knot] = mean[near].mean(), error[near].mean()
        spread[knot] = max(float(error[near].std()), LEAST_SPREAD)
    if not correct_level:
        bias = np.zeros(KNOTS)
    parts = (np.array(scale), knots, bias, spread, edges)
    return Residuals(*(torch.from_numpy(part) for part in parts))

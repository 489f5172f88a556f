"""A Gaussian process over measurements: what the most alike training rows say of a row."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from scipy.special import stdtr
from torch import Tensor

from sirna.data.aligned import Compared
from sirna.distribution import Histogram
from sirna.model.kernel import BLOCK, Kernel

DEGREES = 5.0
"""Of freedom of Student's t, scaled to the spread: errors have heavier tails than a normal one."""


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
    left_out : Tensor, float32, shape (training rows,) or (0,)
        The mean of each training row without all rows of its target; none if targets are too few.
    """

    kernel: Kernel
    weights: Tensor
    scale: Tensor
    knots: Tensor
    bias: Tensor
    spread: Tensor
    edges: Tensor
    left_out: Tensor

    def predict(self, rows: Compared, training: Compared) -> Histogram:
        """Predict the distribution of every row.

        Parameters
        ----------
        rows : Compared
        training : Compared
            The rows that the process was fitted on, encoded by the same `Aligner`.
        """
        with torch.inference_mode():
            parts = [
                self.kernel.between(rows.take(some), training).double() @ self.weights.double()
                for some in blocks(rows)
            ]
        return self._around(torch.cat(parts).numpy()[np.argsort(np.concatenate(blocks(rows)))])

    def with_new_targets(self) -> Histogram:
        """Predict the training rows of `left_out`, each as if its target were new."""
        return self._around(self.left_out.double().numpy())

    def _around(self, mean: np.ndarray) -> Histogram:
        edges = self.edges.numpy()
        knots, bias, spread = (t.numpy() for t in (self.knots, self.bias, self.spread))
        middle = mean + np.interp(mean, knots, bias)
        inner = transformed(edges[1:-1], self.scale.numpy())
        unit = np.interp(mean, knots, spread) * np.sqrt(1 - 2 / DEGREES)
        reached = stdtr(DEGREES, (inner - middle[:, None]) / unit[:, None])
        ends = np.zeros((len(mean), 1)), np.ones((len(mean), 1))
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
            and self.left_out.shape in {self.weights.shape, (0,)}
            and self.left_out.dtype == torch.float32
            and bool(self.left_out.isfinite().all())
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


_OWN = ("weights", "scale", "knots", "bias", "spread", "edges", "left_out")


def transformed(percent: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return standardised square roots."""
    transformed: np.ndarray = (np.sqrt(percent + 1.0) - scale[0]) / scale[1]
    return transformed


def blocks(rows: Compared) -> list[np.ndarray]:
    """Cut rows into blocks with few duplexes each."""
    order = np.argsort(rows.duplex, kind="stable")
    return [order[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]

"""A Gaussian process over measurements: what the most alike training rows say of a row."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sirna.features.positional import Compared
from sirna.members.gaussian_process.kernel import BLOCK, Kernel
from sirna.members.residuals import Residuals
from sirna.prediction.histogram import Histogram


@dataclass(frozen=True)
class GaussianProcess:
    """A fitted process; its training rows are kept beside it.

    Attributes
    ----------
    kernel : Kernel
    weights : Tensor, float32, shape (training rows,)
        The mean of a row is its covariances with the training rows times these.
    residuals : Residuals
    left_out : Tensor, float32, shape (training rows,) or (0,)
        The mean of each training row without all rows of its target; none if targets are too few.
    """

    kernel: Kernel
    weights: Tensor
    residuals: Residuals
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
        return self.residuals.around(
            torch.cat(parts).numpy()[np.argsort(np.concatenate(blocks(rows)))]
        )

    def with_new_targets(self) -> Histogram:
        """Predict the training rows of `left_out`, each as if its target were new."""
        return self.residuals.around(self.left_out.double().numpy())

    def tensors(self) -> dict[str, Tensor]:
        """Return all that is learned, by name."""
        own = {"weights": self.weights, "left_out": self.left_out, **self.residuals.tensors()}
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
        weights, left_out = tensors["weights"], tensors["left_out"]
        sound = (
            weights.ndim == 1
            and left_out.shape in {weights.shape, (0,)}
            and weights.dtype == left_out.dtype == torch.float32
            and bool(weights.isfinite().all())
            and bool(left_out.isfinite().all())
        )
        if not sound:
            raise ValueError("the tensors of the Gaussian process are no process")
        return cls(kernel, weights, Residuals.from_tensors(tensors), left_out)


def blocks(rows: Compared) -> list[np.ndarray]:
    """Cut rows into blocks with few duplexes each."""
    order = np.argsort(rows.duplex, kind="stable")
    return [order[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]

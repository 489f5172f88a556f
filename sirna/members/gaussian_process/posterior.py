"""A fitted Gaussian process: it predicts a mean, and a distribution of errors around it."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from sirna.features.positional_rows import PositionalRows
from sirna.members.gaussian_process.kernel import Kernel
from sirna.members.gaussian_process.mean import Mean
from sirna.members.residuals import Residuals
from sirna.prediction.histogram import Histogram


@dataclass(frozen=True)
class Posterior:
    """A fitted Gaussian process, without its training rows.

    Attributes
    ----------
    kernel : Kernel
    weights : Tensor, float32, shape (training rows,)
        The mean of a row is the sum of its covariances with the training rows times these.
    residuals : Residuals
    left_out : Tensor, float32, shape (training rows,) or (0,)
        The mean that is predicted for each training row without the rows of its target; empty if it
        was not computed.
    """

    kernel: Kernel
    weights: Tensor
    residuals: Residuals
    left_out: Tensor

    def mean(self, training: PositionalRows) -> Mean:
        """Return the function that predicts means.

        Parameters
        ----------
        training : PositionalRows
            The training rows.
        """
        return Mean(self.kernel, self.weights.double().numpy(), training)

    def predict_left_out(self) -> Histogram:
        """Predict the training rows, each without the rows of its target."""
        return self.residuals.distributions(self.left_out.double().numpy())

    def tensors(self) -> dict[str, Tensor]:
        """Return all that was learned, by name."""
        tensors = {"weights": self.weights, "left_out": self.left_out, **self.residuals.tensors()}
        return tensors | {f"kernel.{name}": value for name, value in self.kernel.tensors().items()}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Self:
        """Rebuild from `tensors`.

        Raises
        ------
        KeyError, ValueError
            For a tensor that is absent, or has an impossible type, shape or value.
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
            raise ValueError("the tensors are not those of a Gaussian process")
        return cls(kernel, weights, Residuals.from_tensors(tensors), left_out)

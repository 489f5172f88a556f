"""Gradient-boosted regression trees as tensors, which predict without scikit-learn."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sirna.members.residuals import Residuals
from sirna.prediction.histogram import Histogram

BLOCK_ROWS = 1024
"""Number of rows that pass through the trees at once; it limits the memory."""
NODES = {
    "feature": torch.int64,
    "threshold": torch.float64,
    "left": torch.int64,
    "right": torch.int64,
    "missing_left": torch.bool,
    "value": torch.float64,
}


@dataclass(frozen=True)
class Forest:
    """Fitted trees.

    Attributes
    ----------
    first : Tensor, int64, shape (trees,)
        The root node of each tree.
    base : Tensor, float64, shape (1,)
        The constant to which the values of the leaves are added.
    feature : Tensor, int64, shape (nodes,)
        The feature that a node compares.
    threshold : Tensor, float64, shape (nodes,)
        A row goes left if its feature is at most this, else right.
    left, right : Tensor, int64, shape (nodes,)
        The following nodes; a leaf is followed by itself.
    missing_left : Tensor, bool, shape (nodes,)
        Whether a row whose feature is missing goes left.
    value : Tensor, float64, shape (nodes,)
    residuals : Residuals
    """

    first: Tensor
    base: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    missing_left: Tensor
    value: Tensor
    residuals: Residuals

    def predict(self, features: np.ndarray) -> Histogram:
        """Predict the distributions of n rows from their features, shape (n, features)."""
        return self.residuals.distributions(self.mean(features))

    def mean(self, features: np.ndarray) -> np.ndarray:
        """Return the standardised means of n rows, shape (n,)."""
        parts = np.split(features, range(BLOCK_ROWS, len(features), BLOCK_ROWS))
        return np.concatenate([self._sum_of_leaves(part) for part in parts])

    def _sum_of_leaves(self, features: np.ndarray) -> np.ndarray:
        """Pass rows through all trees; return the sums of the leaves that they reach."""
        feature, threshold, left, right, missing_left, value = (
            getattr(self, name).numpy() for name in NODES
        )
        at = np.broadcast_to(self.first.numpy(), (len(features), len(self.first)))
        rows = np.arange(len(features))[:, None]
        while True:
            compared = features[rows, feature[at]]
            goes_left = np.where(np.isnan(compared), missing_left[at], compared <= threshold[at])
            following = np.where(goes_left, left[at], right[at])
            if (following == at).all():
                mean: np.ndarray = value[at].sum(axis=1) + float(self.base)
                return mean
            at = following

    def tensors(self) -> dict[str, Tensor]:
        """Return all that was learned, by name."""
        tensors = {name: getattr(self, name) for name in ("first", "base", *NODES)}
        return tensors | self.residuals.tensors()

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], features: int) -> Self:
        """Rebuild from `tensors`, for rows with this number of features.

        Raises
        ------
        KeyError, ValueError
            For a tensor that is absent, or has an impossible type, shape or value.
        """
        nodes = {name: tensors[name] for name in NODES}
        first, base = tensors["first"], tensors["base"]
        count = len(nodes["value"])
        sound = (
            all(part.shape == (count,) and part.dtype == NODES[k] for k, part in nodes.items())
            and first.ndim == 1
            and first.dtype == torch.int64
            and base.shape == (1,)
            and base.dtype == torch.float64
            and bool(base.isfinite().all() and nodes["value"].isfinite().all())
            and not bool(nodes["threshold"].isnan().any())
            and _in_range(nodes["feature"], features)
            and _in_range(first, count)
            and _point_forward(nodes["left"], count)
            and _point_forward(nodes["right"], count)
        )
        if not sound:
            raise ValueError("the tensors are not those of trees")
        return cls(first, base, **nodes, residuals=Residuals.from_tensors(tensors))


def _in_range(indices: Tensor, count: int) -> bool:
    return bool(((indices >= 0) & (indices < count)).all())


def _point_forward(nodes: Tensor, count: int) -> bool:
    """Return whether every node leads to itself or a later one, so that no row goes in circles."""
    return _in_range(nodes, count) and bool((nodes >= torch.arange(count)).all())

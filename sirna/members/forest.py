"""Gradient-boosted regression trees as tensors, which predict without scikit-learn.

A row passes through all trees at once. The leaves of a tree are numbered from left to right. A node
whose test fails rules out the leaves to its left, and the row's leaf is the first one that no node
rules out (QuickScorer: Lucchese et al. 2015). What the nodes of a feature leave depends only on
which of their thresholds the value exceeds, so it is computed once for a forest; rows that share
values share the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from sirna.members.residuals import Residuals
from sirna.prediction.histogram import Histogram
from sirna.system.memory import check_memory

BLOCK_ROWS = 1024
"""Number of rows that pass through the trees at once; it limits the memory."""
BYTES_OF_TREE = 40.0
"""Memory that a row needs in a tree while it is predicted."""
BITS = 32
"""Leaves of a tree that one word of a mask stands for."""
NODES = {
    "feature": torch.int64,
    "threshold": torch.float64,
    "left": torch.int64,
    "right": torch.int64,
    "missing_left": torch.bool,
    "value": torch.float64,
}


class FeatureTable(NamedTuple):
    """Some features of n rows, of which each distinct content is stored once.

    Attributes
    ----------
    columns : array of int, shape (k,)
        Which features these are.
    values : array of float64, shape (d, k)
        NaN if unknown.
    content : array of int, shape (n,)
        Which content each row has.
    """

    columns: np.ndarray
    values: np.ndarray
    content: np.ndarray


def whole_table(features: np.ndarray) -> FeatureTable:
    """Return a table of all features of n rows, shape (n, features)."""
    return FeatureTable(np.arange(features.shape[1]), features, np.arange(len(features)))


class _Leaves(NamedTuple):
    """The leaves of all trees.

    Attributes
    ----------
    tree : array of int64, shape (nodes,)
        The tree of each node.
    first, split : array of int64, shape (nodes,)
        The number of the first leaf under a node, and of the first under its right child.
    value : array of float64, shape (trees, most leaves)
    """

    tree: np.ndarray
    first: np.ndarray
    split: np.ndarray
    value: np.ndarray


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

    def predict(self, tables: Sequence[FeatureTable]) -> Histogram:
        """Predict the distributions of n rows; together the tables have all features."""
        return self.residuals.distributions(self.mean(tables))

    def mean(self, tables: Sequence[FeatureTable]) -> np.ndarray:
        """Return the standardised means of n rows, shape (n,)."""
        left = [self._left_by(table) for table in tables]
        means = []
        for start in range(0, max(len(tables[0].content), 1), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            means.append(self._sum_of_leaves(left, [table.content[rows] for table in tables]))
        return np.concatenate(means)

    def _sum_of_leaves(self, left: list[np.ndarray], contents: list[np.ndarray]) -> np.ndarray:
        """Return the sums of the leaves that some rows reach."""
        words = left[0][contents[0]]
        for part, rows in zip(left[1:], contents[1:], strict=True):
            words &= part[rows]
        words = words.reshape(len(words), len(self.first), self._words // len(self.first))
        word = np.zeros(words.shape[:2], dtype=np.int64)
        if words.shape[2] > 1:
            word = (words != 0).argmax(axis=2)
        found = np.take_along_axis(words, word[..., None], axis=2)[..., 0]
        lowest = np.bitwise_count((found & (~found + np.uint32(1))) - np.uint32(1))
        values = self._leaves.value
        places = np.arange(len(values)) * values.shape[1] + word * BITS + lowest
        mean: np.ndarray = values.reshape(-1)[places].sum(axis=1) + float(self.base)
        return mean

    def _left_by(self, table: FeatureTable) -> np.ndarray:
        """Return the leaves that some features leave, shape (d, trees * words) of uint32."""
        left = np.full((len(table.values), self._words), ~np.uint32(0))
        for column, values in zip(table.columns, table.values.T, strict=True):
            if column < len(self._masks) and len(self._masks[column][0]):
                thresholds, masks = self._masks[column]
                place = np.searchsorted(thresholds, values, side="left")
                left &= masks[np.where(np.isnan(values), len(thresholds) + 1, place)]
        return left

    @property
    def _words(self) -> int:
        words: int = len(self.first) * -(-self._leaves.value.shape[1] // BITS)
        return words

    @cached_property
    def _leaves(self) -> _Leaves:
        """The leaves, numbered from left to right."""
        left, right = self.left.numpy(), self.right.numpy()
        leaf = left == np.arange(len(left))
        tree = np.zeros(len(left), dtype=np.int64)
        tree[self.first.numpy()] = np.arange(len(self.first))
        count = leaf.astype(np.int64)
        inner = np.flatnonzero(~leaf).tolist()
        for node in reversed(inner):  # children stand behind their parents
            count[node] = count[left[node]] + count[right[node]]
        first = np.zeros(len(left), dtype=np.int64)
        for node in inner:
            tree[left[node]] = tree[right[node]] = tree[node]
            first[left[node]] = first[node]
            first[right[node]] = first[node] + count[left[node]]
        trees, most = len(self.first), int(count.max(initial=1))
        check_memory(
            predict_memory(trees, most, len(inner)),
            f"a prediction with {trees:,} trees of up to {most:,} leaves",
            "train again with fewer trees or leaves",
        )
        value = np.zeros((trees, most))
        value[tree[leaf], first[leaf]] = self.value.numpy()[leaf]
        return _Leaves(tree, first, first + count[left], value)

    @cached_property
    def _masks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each feature: thresholds, and the leaves left if a value exceeds the first i of them.

        The last row of masks is for an unknown value.
        """
        leaves, trees = self._leaves, len(self.first)
        words = self._words // max(trees, 1)
        bits = np.arange(words * BITS)
        out = (bits >= leaves.first[:, None]) & (bits < leaves.split[:, None])
        packed = np.packbits(out.reshape(-1, words, BITS), axis=2, bitorder="little")
        kept = ~packed.reshape(len(out), words * BITS // 8).view("<u4").astype(np.uint32)
        inner = self.left.numpy() != np.arange(len(self.left))
        feature, threshold = self.feature.numpy(), self.threshold.numpy()
        missing_right = ~self.missing_left.numpy()
        found = []
        for column in range(int(feature.max(initial=0)) + 1):
            nodes = np.flatnonzero(inner & (feature == column))
            thresholds, rank = np.unique(threshold[nodes], return_inverse=True)
            masks = np.full((len(thresholds) + 2, trees, words), ~np.uint32(0))
            np.bitwise_and.at(masks, (rank + 1, leaves.tree[nodes]), kept[nodes])
            np.bitwise_and.accumulate(masks[:-1], axis=0, out=masks[:-1])
            right = nodes[missing_right[nodes]]
            np.bitwise_and.at(masks[-1], leaves.tree[right], kept[right])
            found.append((thresholds, masks.reshape(len(masks), -1)))
        return found

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
            and _can_divide(nodes)
            and _in_range(nodes["feature"], features)
            and _in_range(first, count)
            and _are_trees(first, nodes["left"], nodes["right"])
        )
        if not sound:
            raise ValueError("the tensors are not those of trees")
        return cls(first, base, **nodes, residuals=Residuals.from_tensors(tensors))


def predict_memory(trees: int, leaves: int, splits: int) -> float:
    """Return the bytes of a prediction.

    Parameters
    ----------
    trees : int
    leaves : int
        Leaves of the largest tree.
    splits : int
        Nodes that compare a feature.
    """
    words = float(trees) * -(-leaves // BITS)
    masks = 4.0 * words * splits
    block = BLOCK_ROWS * (8.0 * words + BYTES_OF_TREE * trees)
    return 8.0 * trees * leaves + masks + block


def _in_range(indices: Tensor, count: int) -> bool:
    return bool(((indices >= 0) & (indices < count)).all())


def _can_divide(nodes: dict[str, Tensor]) -> bool:
    """Return whether every threshold is finite, or divides known from missing values."""
    threshold = nodes["threshold"]
    split = nodes["left"] != nodes["right"]
    known_left = split & (threshold == np.inf) & ~nodes["missing_left"]
    return bool((threshold.isfinite() | known_left).all())


def _are_trees(first: Tensor, left: Tensor, right: Tensor) -> bool:
    """Return whether the nodes form trees with these roots, with children behind their parents."""
    nodes = torch.arange(len(left))
    if not (_in_range(left, len(left)) and _in_range(right, len(left))):
        return False
    leaf = left == nodes
    children = torch.cat([left[~leaf], right[~leaf]])
    parents = torch.ones(len(left), dtype=torch.int64)
    parents[first] = 0
    return (
        bool((leaf == (right == nodes)).all())
        and bool((left >= nodes).all() and (right >= nodes).all())
        and torch.equal(torch.bincount(children, minlength=len(left)), parents)
    )

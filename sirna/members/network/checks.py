"""Checks of weights that come from a file, before the network is built."""

import torch
from torch import Tensor

from sirna.config.config import Config
from sirna.members.network.regressor import InputSizes
from sirna.members.network.size import count_weights

SCALES = ("label_sd", "residual_sd")
"""Standard deviations, which are above 0."""


def check_weights(weights: dict[str, Tensor], sizes: InputSizes, config: Config) -> None:
    """Check types and values of weights, and that a network of these sizes has so many.

    Raises
    ------
    KeyError, ValueError
        Naming the first weight that is absent, of another type, or holds an impossible value.
    """
    edges = weights["edges"]
    if edges.dtype != torch.float64 or edges.ndim != 1 or len(edges) < 2:
        raise ValueError("the weight edges is not a list of 64-bit numbers")
    for name, tensor in weights.items():
        if name != "edges" and tensor.dtype != torch.float32:
            raise ValueError(f"the weight {name} has the type {tensor.dtype}, not 32-bit numbers")
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"the weight {name} holds a value that is not a finite number")
    if edges[0] != 0 or not bool((edges.diff() > 0).all()):
        raise ValueError("the weight edges does not increase from 0")
    for name in SCALES:
        if name in weights and not bool((weights[name] > 0).all()):
            raise ValueError(f"the weight {name} is not above 0")
    outputs = len(edges) - 1 if config.train.distributional else 1
    count = sum(tensor.numel() for name, tensor in weights.items() if name != "edges")
    expected = count_weights(sizes, config, outputs)
    if expected > 2 * count + 1000:  # smaller differences are named when the weights are loaded
        raise ValueError(f"the network has {expected:,} weights, the file {count:,}")

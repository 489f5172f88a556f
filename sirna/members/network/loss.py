"""Losses that compare a batch's output with the measured percentages."""

import torch
from torch import Tensor
from torch.nn import functional

from sirna.config.schema import TrainConfig
from sirna.members.network.regressor import SiRNAModel


def training_loss(model: SiRNAModel, output: Tensor, label: Tensor, config: TrainConfig) -> Tensor:
    """Return the mean loss over a batch, a scalar.

    Parameters
    ----------
    model : SiRNAModel
        Holds the bins' edges and the label's mean and sd.
    output : Tensor, shape (rows, bins) or (rows, 1)
        As the model returned it.
    label : Tensor, shape (rows,)
        Percentages that remain.
    config : TrainConfig
        Its `loss` and `smoothing`.
    """
    if config.loss == "cross_entropy":
        target = _softened(label, model.edges, config.smoothing)
        return functional.cross_entropy(output, target)
    if config.loss == "crps":
        return _crps(output, label, model.edges)
    scaled = (label - model.label_mean) / model.label_sd
    if config.loss == "huber":
        return functional.huber_loss(output[:, 0], scaled)
    return functional.mse_loss(output[:, 0], scaled)


def _softened(label: Tensor, edges: Tensor, sd: float) -> Tensor:
    """Spread each label over the bins: a normal distribution around its bin, with sd in bins."""
    bins = len(edges) - 1
    label_bin = torch.bucketize(label, edges[1:-1].to(label.dtype), right=True)
    if sd == 0:
        return functional.one_hot(label_bin, bins).to(label.dtype)
    distance = torch.arange(bins, device=label.device) - label_bin[:, None]
    weight = torch.exp(-0.5 * (distance / sd) ** 2)
    return weight / weight.sum(dim=1, keepdim=True)


def _crps(output: Tensor, label: Tensor, edges: Tensor) -> Tensor:
    """Return the continuous ranked probability score, in percent, divided by 100.

    The score is the integral of (F(x) - 1[y <= x])^2 (Gneiting & Raftery 2007, J. Am. Stat.
    Assoc.). The integral is a sum over the inner edges; the width of each edge is half of the bin
    below it plus half of the bin above it.
    """
    inner = edges[1:-1].to(output.dtype)
    width = ((edges[2:] - edges[:-2]) / 2).to(output.dtype)
    cdf = torch.softmax(output, dim=1).cumsum(dim=1)[:, :-1]
    reached = (label[:, None] < inner).to(output.dtype)
    return ((cdf - reached) ** 2 * width).sum(dim=1).mean() / 100

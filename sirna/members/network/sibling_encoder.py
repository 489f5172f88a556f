"""Encode any number of sibling measurements as one vector; their order does not matter."""

import torch
from torch import Tensor, nn

from sirna.features.siblings import PRESENT

LEAST_SHOWN = 0.4
"""A training row that is shown siblings is shown a random share of them, from this value to 1."""
LARGEST_RELEVANCE = 8.0
"""Largest absolute log weight of a sibling; it prevents an overflow."""


class SiblingEncoder(nn.Module):
    """Average the siblings by a learned relevance, together with a zero vector of weight 1.

    Parameters
    ----------
    features : int
        Number of features of a sibling; see `Siblings.features`.
    size : int
        Width of the layers. The output has one more entry: the log of the total weight.
    dropout : float
        Share of training rows that are shown no sibling. Each of the others is shown a random part
        of its siblings. Otherwise the network could learn the sum of a duplex's labels from its
        sequences, and compute a row's label by subtracting the siblings' labels.
    """

    def __init__(self, features: int, size: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.each = nn.Sequential(
            nn.Linear(features, size), nn.SiLU(), nn.Linear(size, size), nn.SiLU()
        )
        self.relevance = nn.Linear(size, 1)
        nn.init.zeros_(self.relevance.weight)
        nn.init.zeros_(self.relevance.bias)
        self.size = size + 1

    def forward(self, siblings: Tensor) -> Tensor:
        """Return a vector for each row, shape (rows, self.size); zeros if it has no siblings.

        Parameters
        ----------
        siblings : Tensor, shape (rows, siblings, features)
        """
        present = siblings[..., PRESENT]
        if self.training:
            share = LEAST_SHOWN + (1.0 - LEAST_SHOWN) * torch.rand(
                len(siblings), 1, device=siblings.device
            )
            share = share.masked_fill(torch.rand_like(share) < self.dropout, 0.0)
            present = present * (torch.rand_like(present) < share)
        each = self.each(siblings)
        relevance = self.relevance(each)[..., 0].clamp(-LARGEST_RELEVANCE, LARGEST_RELEVANCE)
        weight = present * relevance.exp()
        total = weight.sum(dim=1, keepdim=True)
        summary = (weight[..., None] * each).sum(dim=1) / (1.0 + total)
        return torch.cat([summary, total.log1p()], dim=1)

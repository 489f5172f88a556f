"""Sibling measurements of a row's duplex as one vector, whatever their number and order."""

import torch
from torch import Tensor, nn

from sirna.features.siblings import PRESENT

LEAST_SHOWN = 0.4
"""Least share of its siblings that a training row is shown, if it is shown any."""
LARGEST_RELEVANCE = 8.0
"""Bound of a sibling's log weight, so that none overflows."""


class SiblingEncoder(nn.Module):
    """Averages siblings by a learned relevance, against a weight of 1 for knowing nothing.

    Parameters
    ----------
    features : int
        Of one sibling; see `Siblings.features`.
    size : int
        Of the vector.
    dropout : float
        Share of training rows that are shown no sibling. Each of the others is shown a random part
        of its siblings. Otherwise the sum over a duplex, which its sequence tells in part, would
        give the row's own label away.
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
        """Return a vector for each row, (rows, size); zeros for a row without siblings.

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

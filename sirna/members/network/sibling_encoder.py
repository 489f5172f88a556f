"""Other measurements of the same duplex as one vector: any number of them, in any order."""

import torch
from torch import Tensor, nn

from sirna.features.siblings import PRESENT

LEAST = 0.4
"""Share of its measurements that a training row is shown at least, where it is shown any."""


class KnownEncoder(nn.Module):
    """Weighs measurements by a learned relevance against the weight of knowing nothing.

    Parameters
    ----------
    features : int
        Of one measurement; see `sirna.features.siblings.Known.features`.
    size : int
        Of the vector.
    hidden : float
        Share of training rows that are shown no measurement. Of the others each is shown a random
        part of theirs: the sum over a duplex, known in part from its sequence, cannot give the
        row's own label away.
    """

    def __init__(self, features: int, size: int, hidden: float) -> None:
        super().__init__()
        self.hidden = hidden
        self.each = nn.Sequential(
            nn.Linear(features, size), nn.SiLU(), nn.Linear(size, size), nn.SiLU()
        )
        self.relevance = nn.Linear(size, 1)
        nn.init.zeros_(self.relevance.weight)
        nn.init.zeros_(self.relevance.bias)
        self.size = size + 1

    def forward(self, known: Tensor) -> Tensor:
        """Return a vector a row, (rows, size); zeros where nothing is known.

        known : Tensor, shape (rows, measurements, features)
        """
        present = known[..., PRESENT]
        if self.training:
            share = LEAST + (1.0 - LEAST) * torch.rand(len(known), 1, device=known.device)
            share = share.masked_fill(torch.rand_like(share) < self.hidden, 0.0)
            present = present * (torch.rand_like(present) < share)
        each = self.each(known)
        weight = present * self.relevance(each)[..., 0].clamp(-8.0, 8.0).exp()
        total = weight.sum(dim=1, keepdim=True)
        summary = (weight[..., None] * each).sum(dim=1) / (1.0 + total)
        return torch.cat([summary, total.log1p()], dim=1)

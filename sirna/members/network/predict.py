"""Predict with a network: encode every distinct strand once, then predict the rows in batches."""

from dataclasses import replace

import numpy as np
import torch

from sirna.features.dataset import SiRNADataset
from sirna.members.network.regressor import SiRNAModel
from sirna.members.network.size import STRANDS_AT_ONCE
from sirna.prediction.histogram import Histogram


def predict(
    model: SiRNAModel, dataset: SiRNADataset, batch_rows: int, device: torch.device
) -> Histogram:
    """Predict the distribution of every row, in the data set's order.

    Parameters
    ----------
    model : SiRNAModel
        The network, on `device`; its training mode is restored at the end.
    dataset : SiRNADataset of n rows
    batch_rows : int
        The number of rows that are computed at once; it affects memory and speed only.
    device : torch.device

    Returns
    -------
    Histogram of n rows
    """
    whole = dataset.all_rows
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            summaries = {}
            for name, tokens in whole.tokens.items():
                parts = zip(
                    tokens.split(STRANDS_AT_ONCE),
                    whole.lengths[name].split(STRANDS_AT_ONCE),
                    strict=True,
                )
                summaries[name] = torch.cat(
                    [model.summarise(name, part.to(device), length) for part, length in parts]
                )
            probs = []
            for rows in torch.arange(len(dataset)).split(batch_rows):
                batch = replace(
                    whole,
                    tokens={},
                    lengths={},
                    strand={name: index[rows] for name, index in whole.strand.items()},
                    numeric=whole.numeric[rows],
                    categorical=whole.categorical[rows],
                    siblings=whole.siblings[rows],
                    label=whole.label[rows],
                ).to(device)
                probs.append(model.probabilities(model.combine(summaries, batch)).cpu().numpy())
    finally:
        model.train(was_training)
    return Histogram(model.edges.cpu().numpy(), np.concatenate(probs))

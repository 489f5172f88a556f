"""Encode the rows of a fold as tensors with an encoder that is fitted on its training rows only."""

from dataclasses import dataclass

import numpy as np

from sirna.features.dataset import DatasetEncoder, SiRNADataset
from sirna.features.fold import FoldTask


@dataclass(frozen=True)
class EncodedFold:
    """The rows of a fold as tensors.

    Attributes
    ----------
    encoder : DatasetEncoder
        Fitted on the training rows.
    train, held_out : SiRNADataset
        The training rows and the held-out rows; `held_out` is empty if all rows train.
    half : array of 0 and 1, shape (len(valid),)
        The half of each held-out row.
    """

    encoder: DatasetEncoder
    train: SiRNADataset
    held_out: SiRNADataset
    half: np.ndarray


def encode_fold(task: FoldTask) -> EncodedFold:
    """Fit the encoder on the training rows of a task, and encode its rows."""
    encoder = DatasetEncoder.fit(task.training_rows, task.config)
    return EncodedFold(
        encoder,
        encoder.encode(task.training_rows, training=True),
        encoder.encode(task.held_out_rows),
        task.half,
    )

"""Predict held-out rows with a network that makes no choice on them: the mean of its last epochs.

The score of the best of many noisy epochs is partly luck, and that luck differs from trial to
trial. So a trial's network has no held-out rows to choose an epoch by.
"""

from dataclasses import replace

import numpy as np

from sirna.features.encoded_fold import EncodedFold
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks
from sirna.members.network.fit import fit, start
from sirna.members.network.predict import predict
from sirna.members.network.state import TrainingState
from sirna.prediction.histogram import Histogram


def predict_last_epochs(
    task: FoldTask, encoded: EncodedFold, callbacks: FitCallbacks
) -> Histogram | None:
    """Train a network on the training rows of a task and predict its held-out rows.

    Parameters
    ----------
    task : FoldTask
    encoded : EncodedFold
        The rows of the task.
    callbacks : FitCallbacks

    Returns
    -------
    Histogram, or None
        The mean of the predictions after each of the last `train.score_window` epochs; None if
        `callbacks.stop()` ended the training.

    Raises
    ------
    SirnaError
        When the training diverges.
    """
    config = task.config
    nothing = encoded.encoder.encode(task.rows.iloc[:0])
    without_choice = replace(encoded, held_out=nothing, half=encoded.half[:0])
    state = start(without_choice, task.edges, config, task.seed, callbacks.device)
    last = _LastEpochs(callbacks, state, encoded, task)
    fit(state, without_choice, config, task.seed, last)
    if len(last.predicted) < last.window:
        return None
    return Histogram(state.model.edges.cpu().numpy(), np.mean(last.predicted, axis=0))


class _LastEpochs(FitCallbacks):
    """Predicts the held-out rows after each of the last epochs."""

    def __init__(
        self, outer: FitCallbacks, state: TrainingState, encoded: EncodedFold, task: FoldTask
    ) -> None:
        self.device = outer.device
        self.window = min(task.config.train.score_window, task.config.train.epochs)
        self.predicted: list[np.ndarray] = []
        self._outer, self._state, self._encoded, self._config = outer, state, encoded, task.config

    def stop(self) -> bool:
        return self._outer.stop()

    def log(self, row: dict[str, float]) -> None:
        self._outer.log(row)
        if self._state.epoch > self._config.train.epochs - self.window:
            rows, batch = self._encoded.held_out, self._config.predict.batch_rows
            self.predicted.append(predict(self._state.model, rows, batch, self.device).probs)

"""Train a network on all rows, for as many epochs as the networks of the folds chose.

Those networks may still be training in other processes. Then this training runs ahead and keeps the
weights of each epoch until the number is known. The result does not depend on when that is.
"""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from sirna.config.config import Config
from sirna.features.encoded_fold import EncodedFold
from sirna.members.base import FitCallbacks, State
from sirna.members.network.fit import fit
from sirna.members.network.state import TrainingState


def fit_all_rows(
    begin: Callable[[], TrainingState],
    encoded: EncodedFold,
    config: Config,
    seed: int,
    callbacks: FitCallbacks,
) -> TrainingState:
    """Train for the median of the folds' best epochs; without folds, for `train.epochs`.

    Parameters
    ----------
    begin : callable
        Returns an untrained network and its optimizer.
    encoded : EncodedFold
        Without held-out rows.
    config : Config
    seed : int
    callbacks : FitCallbacks

    Returns
    -------
    TrainingState
        Its `best` is the last epoch that counts; after a stop, the last one so far.

    Raises
    ------
    SirnaError
        When the training diverges.
    """
    state = begin()
    callbacks.resume(state.restore)
    ahead = _Ahead(callbacks, state, config.train.epochs)
    fit(state, encoded, config, seed, ahead, ahead.last)
    callbacks.wait_for_folds()
    if not callbacks.stop() and not ahead.take_chosen():
        # resumed after an epoch too many, whose weights were not stored
        state = begin()
        ahead = _Ahead(callbacks, state, config.train.epochs)
        fit(state, encoded, config, seed, ahead, ahead.last)
    for record in state.log:
        callbacks.log(record.row())
    return state


class _Ahead(FitCallbacks):
    """Knows how many epochs the folds chose; until it does, keeps the weights of each epoch.

    Rows of `log.csv` are not passed on, since their epochs may turn out not to count.
    """

    def __init__(self, callbacks: FitCallbacks, state: TrainingState, most: int) -> None:
        self.device = callbacks.device
        self._callbacks, self._state, self._most = callbacks, state, most
        self._epochs: int | None = None
        self._weights: dict[int, dict[str, Tensor]] = {}

    def epochs(self) -> int | None:
        """Return the number of epochs that the folds chose; None while it is unknown."""
        if self._epochs is None and (networks := self._callbacks.on_folds()) is not None:
            best = [network.facts["epoch"] for network in networks]
            self._epochs = round(float(np.median(best))) if best else self._most
        return self._epochs

    def last(self) -> int:
        """Return the last epoch to train, as far as it is known."""
        return self.epochs() or self._most

    def take_chosen(self) -> bool:
        """Go back to the chosen epoch if the training ran beyond it; return whether it could."""
        state, epochs = self._state, self.epochs()
        if epochs is None or state.epoch <= epochs:
            return True
        if epochs not in self._weights:
            return False
        state.epoch = state.best.epoch = epochs
        state.best_weights, state.log = self._weights[epochs], state.log[:epochs]
        return True

    def stop(self) -> bool:
        return self._callbacks.stop()

    def log(self, row: dict[str, float]) -> None:
        if self.epochs() is None:
            self._weights[self._state.epoch] = self._state.best_weights

    def save(self, state: State) -> None:
        self._callbacks.save(state)

    def begin(self, steps: int, done: int) -> None:
        self._callbacks.begin(steps, done)

    def advance(self, steps: int) -> None:
        self._callbacks.advance(steps)

    def report(self, line: str, short: str) -> None:
        if self._state.epoch <= self.last():
            self._callbacks.report(line, short)

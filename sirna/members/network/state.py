"""Where a training stands: its epochs, the best of them, and what is needed to go on."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from sirna.members.network.regressor import SiRNAModel
from sirna.prediction.histogram import Histogram
from sirna.prediction.score import Score


@dataclass(frozen=True)
class Epoch:
    """One row of `log.csv`.

    Attributes
    ----------
    train_loss : float
        The configured loss.
    valid_log_loss : float or None
        Of the validation rows: minus the log of the probability of the bin that holds the label.
        None where no row is held out.
    score : Score or None
        Over the validation rows; the decision for one half of them is fitted on the other.
    seconds : float
        Training and validation.
    rows_per_second : float
        Training rows over the training's seconds.
    """

    epoch: int
    train_loss: float
    valid_log_loss: float | None
    score: Score | None
    learning_rate: float
    seconds: float
    rows_per_second: float

    def as_dict(self) -> dict[str, float]:
        """Return one flat row, without what only held-out rows could tell where there are none."""
        row = {key: value for key, value in vars(self).items() if value is not None}
        score = row.pop("score").as_dict() if self.score else {}
        score.pop("rows", None)
        return {"epoch": row.pop("epoch"), **score, **row}


@dataclass
class Pick:
    """The best epoch by the score of some validation rows, and what it predicts for others.

    One epoch's score is noisy, and the best of many noisy ones is a lucky one. So an epoch is
    worth the mean over itself and those before it in the window (fewer at the start).

    Attributes
    ----------
    score : float
        What the best epoch is worth.
    epoch : int
    probs : array, shape (rows, bins)
    recent : list of float
        Scores of the last epochs, at most a window of them.
    """

    score: float = -math.inf
    epoch: int = 0
    probs: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    recent: list[float] = field(default_factory=list)

    def offer(self, epoch: int, score: float, window: int, probs: np.ndarray) -> bool:
        """Take an epoch if it is worth more than the best so far; say whether it is."""
        self.recent = [*self.recent, score][-window:]
        worth = float(np.mean(self.recent))
        if worth <= self.score:
            return False
        self.score, self.epoch, self.probs = worth, epoch, probs
        return True


@dataclass
class Progress:
    """Where a training stands: enough to go on from, or to stop at.

    Attributes
    ----------
    epoch : int
        Epochs done.
    best : Pick
        Over all validation rows; its weights are in `best_weights`, copies and not references.
    halves : two Picks
        The epoch that one half of the validation rows chooses, predicting the other half.
    """

    model: SiRNAModel
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    best: Pick = field(default_factory=Pick)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    halves: tuple[Pick, Pick] = field(default_factory=lambda: (Pick(), Pick()))
    log: list[Epoch] = field(default_factory=list)

    def keep_weights(self) -> None:
        """Note the weights of this epoch as those of the best."""
        self.best_weights = {
            name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()
        }

    def held_out(self, half: np.ndarray, own: bool = False) -> Histogram:
        """Return the validation rows' distributions, none from an epoch that it has chosen.

        With `own` each is from the epoch that its own half has chosen: to fit the rule that judges
        the other half, whose labels have then no part in it.

        Parameters
        ----------
        half : array of 0 and 1, shape (validation rows,)
        """
        edges = self.model.edges.cpu().numpy()
        probs = np.empty((len(half), len(edges) - 1))
        for chooser, pick in enumerate(self.halves):
            rows = (half == chooser) == own
            probs[rows] = pick.probs[rows]
        return Histogram(edges, probs)

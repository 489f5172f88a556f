"""The state of a network's training: the epochs so far, the best epoch, and data to resume from."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sirna.members.base import State
from sirna.members.network.regressor import SiRNAModel, load_weights
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut
from sirna.prediction.score import Score


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training, as a row of `log.csv` describes it.

    Attributes
    ----------
    train_loss : float
        The configured loss.
    valid_log_loss : float or None
        Mean negative log probability of the bins that the held-out labels fall into; None if no row
        is held out.
    score : Score or None
        Score of the held-out rows; the decision for each half is fitted on the other half.
    seconds : float
        Time of training and scoring.
    rows_per_second : float
        Training rows per second of training.
    """

    epoch: int
    train_loss: float
    valid_log_loss: float | None
    score: Score | None
    learning_rate: float
    seconds: float
    rows_per_second: float

    def row(self) -> dict[str, float]:
        """Return the row for `log.csv`; without held-out rows it has no scores."""
        row = {key: value for key, value in vars(self).items() if value is not None}
        score = row.pop("score").as_dict() if self.score else {}
        score.pop("rows", None)
        return {"epoch": row.pop("epoch"), **score, **row}

    def line(self, epochs: int, best: int) -> str:
        """Describe the epoch, one of `epochs`, in one line."""
        scores, mark = "", ""
        if self.score:
            scores = (
                f"valid {self.valid_log_loss:.4f}  score {self.score.score:.4f}  "
                f"MAE {self.score.mae:.2f}  range-MAE {self.score.range_mae:.2f}  "
                f"F1 {self.score.f1:.3f}  "
            )
            mark = "  best" if best == self.epoch else ""
        return (
            f"epoch {self.epoch:3d}/{epochs}  loss {self.train_loss:.4f}  {scores}"
            f"lr {self.learning_rate:.1e}  {self.seconds:.1f} s  "
            f"{self.rows_per_second:,.0f} rows/s{mark}"
        )

    def short_line(self, best: int) -> str:
        """Describe the epoch in a few words, for the end of a progress bar."""
        if self.score:
            return f"score {self.score.score:.4f}, best epoch {best}"
        return f"loss {self.train_loss:.4f}"


@dataclass
class BestEpoch:
    """The best epoch by the score of some held-out rows, and its predictions for all of them.

    The score of a single epoch is noisy, and the best of many noisy scores is partly luck. So an
    epoch is judged by the mean of its score and of the epochs before it in a window (fewer at the
    start).

    Attributes
    ----------
    score : float
        The mean score of the best epoch.
    epoch : int
    probs : array, shape (held-out rows, bins)
    recent : list of float
        Scores of the latest epochs, at most as many as the window is long.
    """

    score: float = -math.inf
    epoch: int = 0
    probs: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    recent: list[float] = field(default_factory=list)

    def update(self, epoch: int, score: float, window: int, probs: np.ndarray) -> bool:
        """Keep an epoch if its mean score is the best so far; return whether it was kept."""
        self.recent = [*self.recent, score][-window:]
        mean = float(np.mean(self.recent))
        if mean <= self.score:
            return False
        self.score, self.epoch, self.probs = mean, epoch, probs
        return True


@dataclass
class TrainingState:
    """A training after some epoch: all that is needed to continue it or to use its result.

    Attributes
    ----------
    epoch : int
        Number of finished epochs.
    best : BestEpoch
        The best epoch by the score of all held-out rows.
    best_weights : dict of str to Tensor
        Copies of the weights after that epoch.
    by_half : two BestEpochs
        The best epochs by the scores of half 0 and of half 1 of the held-out rows.
    """

    model: SiRNAModel
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    best: BestEpoch = field(default_factory=BestEpoch)
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    by_half: tuple[BestEpoch, BestEpoch] = field(default_factory=lambda: (BestEpoch(), BestEpoch()))
    log: list[Epoch] = field(default_factory=list)

    def keep_weights(self) -> None:
        """Copy the current weights as those of the best epoch."""
        self.best_weights = {
            name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()
        }

    def held_out(self, positions: np.ndarray, half: np.ndarray) -> HeldOut:
        """Return the predictions of the held-out rows from the chosen epochs; see `HeldOut`.

        Parameters
        ----------
        positions : array of int, shape (n,)
            Positions of the n held-out rows in the table.
        half : array of 0 and 1, shape (n,)
            The half that each row belongs to.
        """
        edges = self.model.edges.cpu().numpy()
        if not len(half):
            nothing = Histogram(edges, np.empty((0, len(edges) - 1)))
            return HeldOut.same_for_all(positions, nothing)
        by_other, by_own = np.empty((2, len(half), len(edges) - 1))
        for index, best in enumerate(self.by_half):
            in_half = half == index
            by_own[in_half], by_other[~in_half] = best.probs[in_half], best.probs[~in_half]
        each = (by_other, by_own, self.best.probs)
        return HeldOut(positions, *(Histogram(edges, probs) for probs in each))

    def to_state(self) -> State:
        """Return everything as tensors and plain data, to be written to disk."""
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in self.best_weights.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in moments.items()}
        chosen = [self.best, *self.by_half]
        for index, best in enumerate(chosen):
            tensors[f"chosen.{index}.probs"] = torch.from_numpy(best.probs)
        data = {
            "epoch": self.epoch,
            "chosen": [
                {"score": best.score, "epoch": best.epoch, "recent": best.recent} for best in chosen
            ],
            "log": [asdict(record) for record in self.log],
        }
        return State(tensors, data)

    def restore(self, state: State) -> None:
        """Take over what `to_state` returned.

        Raises
        ------
        LookupError, TypeError, ValueError, RuntimeError
            If the state is incomplete or belongs to another network.
        """
        tensors, data = state.tensors, state.data
        load_weights(self.model, _part(tensors, "model."))
        optimizer = self.optimizer.state_dict()
        optimizer["state"] = _moments(_part(tensors, "optimizer."))
        self.optimizer.load_state_dict(optimizer)
        self.best_weights = _part(tensors, "best.")
        chosen = [
            BestEpoch(
                raw["score"], raw["epoch"], tensors[f"chosen.{index}.probs"].numpy(), raw["recent"]
            )
            for index, raw in enumerate(data["chosen"])
        ]
        self.best, self.by_half = chosen[0], (chosen[1], chosen[2])
        self.epoch = data["epoch"]
        self.log = [_epoch(raw) for raw in data["log"]]


def _epoch(raw: dict[str, Any]) -> Epoch:
    return Epoch(**{**raw, "score": Score(**raw["score"]) if raw["score"] else None})


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    chosen = {key: value for key, value in tensors.items() if key.startswith(prefix)}
    return {key.removeprefix(prefix): value for key, value in chosen.items()}


def _moments(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        moments.setdefault(int(index), {})[name] = value
    return moments

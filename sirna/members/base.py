"""The interface of a model family; training, storage and inference use all families through it.

A family is a class derived from `Member`, with its own folder and an entry in `members.registry`.
Its key in `[mixture]` is `family`; a section of the configuration holds its hyperparameters.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sirna.config.config import Config
from sirna.features.fold import FoldTask
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut
from sirna.prediction.widening import Widening

CPU = torch.device("cpu")
WAIT_SECONDS = 0.2
"""How often a fit that waits for others looks whether they are done."""
WIDENING = "widening"
"""The fact under which a member stores its widening."""


@dataclass(frozen=True)
class State:
    """The state of a fit, in a form that can be stored and read without running code.

    Attributes
    ----------
    tensors : dict of str to Tensor
    data : dict
        Plain data for JSON.
    """

    tensors: dict[str, Tensor]
    data: dict[str, Any] = field(default_factory=dict)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same type, shape and bits; so NaN equals NaN."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    first, second = (part.detach().cpu().numpy().tobytes() for part in (one, other))
    return first == second


class FitCallbacks:
    """Callbacks by which a fit reports, stops and resumes; this base class does nothing."""

    device: torch.device = CPU

    def stop(self) -> bool:
        """Return whether the fit should end as soon as it can."""
        return False

    def on_folds(self) -> "Sequence[Member] | None":
        """Return its family's members on the folds to a fit on all rows; None while some lack."""
        return ()

    def wait_for_folds(self) -> "Sequence[Member] | None":
        """Wait until `on_folds` returns members, and return them; None after a stop."""
        while (members := self.on_folds()) is None and not self.stop():
            time.sleep(WAIT_SECONDS)
        return members

    def scratch(self) -> Path | None:
        """Return where the first fold may leave a file for the fit on all rows; else None."""
        return None

    def resume(self, restore: Callable[[State], None]) -> None:
        """Call `restore` with the state that an interrupted fit of the same member kept, if any."""

    def save(self, state: State) -> None:
        """Keep the state of a fit that may be interrupted."""

    def begin(self, steps: int, done: int) -> None:
        """Announce a fit of `steps` units of work, `done` of which are already done."""

    def advance(self, steps: int) -> None:
        """Announce that units of work are done."""

    def step(self) -> bool:
        """Count a unit of work that begins, and return whether the fit should end instead."""
        self.advance(1)
        return self.stop()

    def report(self, line: str, short: str) -> None:
        """Announce an intermediate result: as a whole line, and short, for a progress bar."""

    def log(self, row: dict[str, float]) -> None:
        """Add a row to `log.csv`."""


class Unseen(NamedTuple):
    """Values of predicted rows that no training row has.

    Attributes
    ----------
    what : str
        The stream or role.
    rows : array of bool, shape (n,)
        Marks the rows that have such a value.
    values : list of str
        The values, sorted.
    similar : list of str
        Similar values of the training rows, which the user may have meant.
    """

    what: str
    rows: np.ndarray
    values: list[str]
    similar: list[str]


class LeftOut(NamedTuple):
    """Predictions of training rows by a model fitted without the rows of their targets.

    Attributes
    ----------
    positions : array of int, shape (n,)
        Positions of the rows in the training table, ascending.
    predicted : Histogram of n rows
    """

    positions: np.ndarray
    predicted: Histogram


@dataclass(frozen=True)
class Member(ABC):
    """A fitted model that predicts a distribution for every row.

    Attributes
    ----------
    fold : int
        The fold whose held-out rows it was not fitted on; `Split.whole` if fitted on all rows.
    """

    family: ClassVar[str]
    """The family's key in `[mixture]`, and the prefix of its file names."""
    title: ClassVar[str]
    """The family's name in messages."""
    sections: ClassVar[frozenset[str]] = frozenset()
    """Sections of the configuration that only this family reads, besides that of its name."""
    learns_from_folds: ClassVar[bool] = False
    """Whether a fit on all rows needs those on the folds, and asks `FitCallbacks` for them."""
    runs_ahead: ClassVar[bool] = False
    """Whether such a fit does most of its work without them, and needs them at its end."""

    fold: int

    @classmethod
    def count(cls, config: Config) -> int:
        """Return how many members of this family are fitted in each fold."""
        return 1

    @classmethod
    def suits(cls, rows: pd.DataFrame, config: Config) -> bool:
        """Return whether the family is fitted to a checked training table of m rows."""
        return True

    @classmethod
    def config_for(cls, rows: pd.DataFrame, config: Config) -> Config:
        """Return the configuration with the settings that suit a checked training table."""
        return config

    @classmethod
    @abstractmethod
    def fit(cls, task: FoldTask, index: int, callbacks: FitCallbacks) -> "Fitted[Self] | None":
        """Fit on the training rows of a task and predict its held-out rows.

        Parameters
        ----------
        task : FoldTask
        index : int
            The member's index among those of its family in the fold, from 0.
        callbacks : FitCallbacks

        Returns
        -------
        Fitted, or None
            None if `callbacks.stop()` ended the fit before it had a usable result.
        """

    @classmethod
    def check_memory(cls, task: FoldTask) -> None:
        """Raise SirnaError if a fit on this task would need more memory than there is.

        Called for every task before the first member is fitted. A family may also check in `fit`.
        """
        return

    @classmethod
    def fit_memory(cls, task: FoldTask) -> float:
        """Return about how many bytes a fit needs at most, besides libraries and table.

        Workers that fit at the same time share the memory by these figures.
        """
        return 0.0

    @classmethod
    @abstractmethod
    def seconds(cls, task: FoldTask, device: torch.device) -> float:
        """Estimate the seconds that `fit` takes by timing small parts of it."""

    @classmethod
    def rough_seconds(cls, task: FoldTask) -> float:
        """Return about how many seconds `fit` takes on one core, without measuring anything.

        Their ratios divide a progress bar and order the fits; their sum tells if workers pay.
        """
        return 1.0

    @abstractmethod
    def predict(self, rows: pd.DataFrame, device: torch.device = CPU) -> Histogram:
        """Predict the distributions of n checked rows, each independent of the other rows."""

    @classmethod
    def predict_together(
        cls, members: Sequence[Self], rows: pd.DataFrame, device: torch.device = CPU
    ) -> Histogram:
        """Return the mean of the distributions that members of this family predict."""
        return Histogram.mixture([member.predict(rows, device) for member in members])

    def left_out(self) -> LeftOut | None:
        """Return predictions of training rows without their targets' rows; None if unsupported."""
        return None

    def widening(self) -> Widening | None:
        """Return how much wider distributions are for new guides; None if it is not measured."""
        return None

    def unseen(self, rows: pd.DataFrame) -> list[Unseen]:
        """Return the values of n checked rows that no training row has."""
        return []

    @property
    @abstractmethod
    def reads(self) -> set[str]:
        """The roles that a row needs to be predicted."""

    @property
    def reads_of_training(self) -> set[str]:
        """The roles of the training rows that must be stored with the tensors."""
        return set()

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return all that was learned, by name."""

    @abstractmethod
    def encoder(self) -> dict[str, Any]:
        """Return the fitted encoder of rows as plain data for JSON."""

    @property
    def facts(self) -> dict[str, Any]:
        """Plain data to store with the tensors."""
        return {}

    @classmethod
    @abstractmethod
    def restore(cls, stored: "Stored", training: pd.DataFrame, config: Config) -> Self:
        """Rebuild a member from what was stored.

        Parameters
        ----------
        stored : Stored
        training : DataFrame of m rows
            The training table; it has at least the roles `reads_of_training`.
        config : Config

        Raises
        ------
        LookupError, TypeError, ValueError, RuntimeError
            For parts that are absent, that have another form, or that do not fit each other.
        """

    def stored(self) -> "Stored":
        """Return what `restore` needs."""
        return Stored(self.fold, self.tensors(), self.encoder(), self.facts)


@dataclass(frozen=True)
class Stored:
    """A member in the form in which it is stored.

    Attributes
    ----------
    fold : int
    tensors : dict of str to Tensor
    encoder, facts : dict
        Plain data for JSON.
    """

    fold: int
    tensors: dict[str, Tensor]
    encoder: dict[str, Any]
    facts: dict[str, Any]


AnyMember_co = TypeVar("AnyMember_co", bound=Member, covariant=True)
Specific = TypeVar("Specific", bound=Member)


@dataclass(frozen=True)
class Fitted(Generic[AnyMember_co]):
    """A member, and what it predicts for the held-out rows of its fold."""

    member: AnyMember_co
    held_out: HeldOut


def widening_of(facts: dict[str, Any]) -> Widening:
    """Read a stored widening; members of sirna 0.2 have none."""
    return Widening.from_dict(facts[WIDENING]) if WIDENING in facts else Widening()


def fitted_without_choice(member: Specific, task: FoldTask) -> Fitted[Specific]:
    """Predict the held-out rows with a member that made no choice on them."""
    nothing = Histogram(task.edges, np.zeros((0, len(task.edges) - 1)))
    predicted = member.predict(task.held_out_rows) if len(task.held_out) else nothing
    return Fitted(member, HeldOut.same_for_all(task.held_out, predicted))

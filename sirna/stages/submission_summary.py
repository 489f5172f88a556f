"""What is printed about all rows of a submission; rows are added block by block."""

from typing import Any

import pandas as pd

from sirna.bundle.bundle import Bundle, Prediction
from sirna.bundle.domain import DomainSummary
from sirna.bundle.novelty import Novelty
from sirna.prediction.decision import ExpectedScore
from sirna.stages.console import Console


class Summary:
    """Counts what is new in predicted rows, and the score that they are expected to get.

    Parameters
    ----------
    bundle : Bundle
    """

    def __init__(self, bundle: Bundle) -> None:
        self._novelty = Novelty(bundle)
        self._domain = DomainSummary()
        self._expected = ExpectedScore(bundle.config.score.threshold)

    def add(self, rows: pd.DataFrame, predicted: Prediction, frame: pd.DataFrame) -> None:
        """Add n checked rows, their prediction, and their columns in the submission."""
        self._novelty.add(rows, predicted)
        self._expected.add(predicted.distribution, predicted.points)
        self._domain.add(frame)

    def state(self) -> dict[str, Any]:
        """Return what was counted so far, as plain data."""
        return {name: one.state() for name, one in self._counters.items()}

    def add_state(self, state: dict[str, Any]) -> None:
        """Add what `state` returned of other rows, which follow those so far."""
        for name, one in self._counters.items():
            one.add_state(state[name])

    @property
    def expected(self) -> float:
        """The score that the predicted distributions expect of the rows so far."""
        return self._expected.value

    def print(self, console: Console) -> None:
        """Print the notes on all rows so far, and their expected score."""
        for note in self._novelty.notes():
            console.note(note)
        console.result(
            f"expected score, if the predicted distributions are right: {self.expected:.4f}"
        )
        for note in self._domain.notes():
            console.note(note)

    @property
    def _counters(self) -> dict[str, Any]:
        return {"novelty": self._novelty, "domain": self._domain, "expected": self._expected}

"""Widen distributions of rows whose guides are unlike those of the training rows."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from sirna.prediction.calibration import WIDEST, Calibration
from sirna.prediction.histogram import Histogram
from sirna.protocols.similar import FAR, SIMILAR


@dataclass(frozen=True)
class Widening:
    """How much wider distributions are for new guides than the held-out rows of training suggest.

    Attributes
    ----------
    similar, far : float
        Factors of the spread (see `prediction.calibration`) by kind of guide; at least 1.
    """

    similar: float = 1.0
    far: float = 1.0

    def apply(self, predicted: Histogram, kinds: np.ndarray) -> Histogram:
        """Return the widened distributions.

        Parameters
        ----------
        predicted : Histogram of n rows
        kinds : array of int, shape (n,)
            See `KnownGuides.novelty`.
        """
        probs = predicted.probs
        for kind, factor in ((SIMILAR, self.similar), (FAR, self.far)):
            rows = np.flatnonzero(kinds == kind)
            if factor > 1 and len(rows):
                probs = probs.copy() if probs is predicted.probs else probs
                probs[rows] = Calibration(factor).apply(predicted[rows]).probs
        return Histogram(predicted.edges, probs)

    def to_dict(self) -> dict[str, float]:
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            For factors that are absent, or are not numbers from 1 to `WIDEST`.
        """
        found = cls(float(raw["similar"]), float(raw["far"]))
        if not all(1 <= factor <= WIDEST for factor in (found.similar, found.far)):
            raise ValueError(f"not a widening: {raw}")
        return found

    @classmethod
    def mean(cls, found: Iterable["Widening | None"]) -> Self:
        """Return the mean of those that are not None; without any, nothing is widened."""
        some = [one for one in found if one is not None]
        if not some:
            return cls()
        return cls(
            float(np.mean([one.similar for one in some])), float(np.mean([one.far for one in some]))
        )

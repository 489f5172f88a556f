"""Postprocessing: calibrate distributions, and decide on a point for each."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sirna.config.config import Config
from sirna.prediction.calibration import Calibration, fit_calibration
from sirna.prediction.decision import Decision, fit_decision
from sirna.prediction.histogram import Histogram


@dataclass(frozen=True)
class Postprocess:
    """A calibration, and a decision for the calibrated distributions; rows are independent."""

    calibration: Calibration
    decision: Decision

    def apply(self, predicted: Histogram) -> tuple[Histogram, np.ndarray]:
        """Return the calibrated distributions of n rows and their points, shape (n,)."""
        calibrated = self.calibration.apply(predicted)
        return calibrated, self.decision.apply(calibrated)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"calibration": self.calibration.to_dict(), "decision": self.decision.to_dict()}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises
        ------
        KeyError, TypeError, ValueError
            For data of another form.
        """
        calibration = Calibration.from_dict(raw["calibration"])
        return cls(calibration, Decision.from_dict(raw["decision"]))


def fit_postprocess(predicted: Histogram, truth: np.ndarray, config: Config) -> Postprocess:
    """Fit calibration and decision on predictions by models that were not fitted on the rows.

    Only the calibration is fitted to the labels. The decision maximises the score that the
    calibrated distributions themselves expect.

    Parameters
    ----------
    predicted : Histogram of n rows
    truth : array, shape (n,)
    config : Config
    """
    calibration = Calibration()
    if config.decision.calibrate:
        calibration = fit_calibration(predicted, truth)
    calibrated = calibration.apply(predicted)
    decision = fit_decision(calibrated, None, config.decision.kind, config.score.threshold)
    return Postprocess(calibration, decision)


def fit_unseen_postprocess(
    usual: Postprocess, predicted: Histogram, truth: np.ndarray, config: Config, studies: int
) -> Postprocess:
    """Fit the postprocessing of rows of unseen targets.

    The best cut depends on the whole file: it is lower, the more rows are of unseen targets. But a
    prediction must not depend on the other rows of its file. So the decision lies between the usual
    one and the one for a file of unseen targets only.

    Parameters
    ----------
    usual : Postprocess
        The postprocessing of all other rows.
    predicted : Histogram of n rows
        Predictions of training rows by models fitted without the rows of their targets. The spread
        that they need is multiplied with that of `usual`.
    truth : array, shape (n,)
    config : Config
    studies : int
        Number of publications that the training rows are from. If it is one, its targets were all
        measured in one way, and other targets were probably measured in another: the distributions
        are widened by `decision.new_study`.
    """
    of_study = config.decision.new_study if studies < 2 else 1.0
    unseen_only = fit_postprocess(predicted, truth, config)
    return Postprocess(
        Calibration(usual.calibration.spread * unseen_only.calibration.spread * of_study),
        usual.decision.interpolate(unseen_only.decision, config.decision.unseen_targets),
    )

"""The rule: what turns raw distributions into calibrated ones, and those into points."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sirna.config.load import Config
from sirna.prediction.calibration import Calibration, fit_calibration
from sirna.prediction.decision import Decision, fit_decision
from sirna.prediction.histogram import Histogram


@dataclass(frozen=True)
class Rule:
    """A calibration, and the decision upon what it returns; each row is judged alone."""

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
            For anything else.
        """
        calibration = Calibration.from_dict(raw["calibration"])
        return cls(calibration, Decision.from_dict(raw["decision"]))


def fit_rule(predicted: Histogram, truth: np.ndarray, config: Config) -> Rule:
    """Fit a rule on predictions of models that did not see the rows.

    Labels tell the calibration alone; the points are those that the calibrated distributions want.

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
    return Rule(calibration, decision)


def fit_new_target_rule(
    rule: Rule, predicted: Histogram, truth: np.ndarray, config: Config
) -> Rule:
    """Fit the rule for rows of targets that training never showed.

    A file has one score, and the more of its rows are of new targets, the lower the cut that it
    wants; since a row does not know its file, the decision is one between.

    Parameters
    ----------
    rule : Rule
        For all other rows.
    predicted : Histogram of n rows
        Of Gaussian process and trees, for training rows without the rows of their targets: what
        they need to be calibrated is needed on top of `rule`.
    truth : array, shape (n,)
    config : Config
    """
    alone = fit_rule(predicted, truth, config)
    return Rule(
        Calibration(rule.calibration.spread * alone.calibration.spread),
        rule.decision.towards(alone.decision, config.decision.new_targets),
    )

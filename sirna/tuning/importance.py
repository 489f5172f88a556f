"""Which settings matter, as far as the trials of a search can show it."""

from dataclasses import dataclass

import numpy as np
import optuna
from sklearn.ensemble import RandomForestRegressor

from sirna.tuning.study import finished_trials

FEWEST_TRIALS = 20
"""Least number of trials for which importances are computed."""
LEAST_EXPLAINED = 0.1
"""Least share of the variance of unseen trials that the settings must explain."""
FIRST_STEP = 1
TREES = 200


@dataclass(frozen=True)
class Importances:
    """The share of each setting in the variance of the first step's scores.

    Attributes
    ----------
    shares : dict of str to float
        Empty if the trials do not show which settings matter.
    trials : int
        Number of trials that they come from: all with a first step, pruned ones included.
    explained : float
        The share of the variance of unseen trials that a forest on the settings explains; negative
        if it predicts them worse than their mean does.
    """

    shares: dict[str, float]
    trials: int
    explained: float

    @property
    def why_none(self) -> str:
        """Why there are no shares."""
        if self.trials < FEWEST_TRIALS:
            return f"{self.trials} trials are too few to show which settings matter."
        return (
            f"The {self.trials} trials do not show which settings matter: a forest on the settings "
            f"explains {max(self.explained, 0.0):.0%} of the variance of trials that it was not "
            "fitted on."
        )


def importances(study: optuna.Study) -> Importances:
    """Compute importances from the first step of all trials.

    Every trial has a first step, with the same rows, epochs and seed. Scores of completed trials
    alone would come from the few that were not pruned, whose settings are all alike. A setting's
    share is what splits by it take from the variance in a random forest on all settings.
    """
    trials = [trial for trial in finished_trials(study) if FIRST_STEP in trial.intermediate_values]
    keys = sorted(set.intersection(*(set(trial.params) for trial in trials))) if trials else []
    scores = np.array([trial.intermediate_values[FIRST_STEP] for trial in trials])
    if len(trials) < FEWEST_TRIALS or not keys or not scores.std() > 0:
        return Importances({}, len(trials), 0.0)
    settings = [
        [trial.distributions[key].to_internal_repr(trial.params[key]) for key in keys]
        for trial in trials
    ]
    forest = RandomForestRegressor(TREES, oob_score=True, random_state=0)
    forest.fit(np.array(settings), scores)
    explained = float(forest.oob_score_)
    if explained < LEAST_EXPLAINED:
        return Importances({}, len(trials), explained)
    shares = zip(keys, forest.feature_importances_.tolist(), strict=True)
    return Importances(dict(shares), len(trials), explained)

"""Prune a trial that is not among the better ones at the same step."""

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState


class SameStepPruner(BasePruner):
    """Prune a trial unless it is in the best share of all trials that reached the same step.

    Optuna's median pruner compares a trial's best step so far, with completed trials only. Here the
    steps are folds, of which one may be easier than another, and most trials are never completed.

    Parameters
    ----------
    keep : float
        The share of the trials that go on after a step.
    startup : int
        Number of trials that must have reached a step before one is pruned there.
    """

    def __init__(self, keep: float, startup: int) -> None:
        self._keep = keep
        self._startup = startup

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return whether the trial should end at its latest step."""
        step = trial.last_step
        if step is None:
            return False
        states = (TrialState.COMPLETE, TrialState.PRUNED)
        others = [
            other.intermediate_values[step]
            for other in study.get_trials(deepcopy=False, states=states)
            if step in other.intermediate_values
        ]
        if len(others) < self._startup:
            return False
        value = trial.intermediate_values[step]
        return bool(value < np.quantile([*others, value], 1 - self._keep))

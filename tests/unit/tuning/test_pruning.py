import numpy as np
import optuna
import pytest

from sirna.tuning.pruning import SameStepPruner


def asked(study, steps):
    trial = study.ask()
    for step, value in enumerate(steps, start=1):
        trial.report(value, step)
    return trial.should_prune()


@pytest.mark.parametrize(
    ("steps", "pruned"),
    [([0.75], False), ([0.45], True), ([0.9, 0.45], True), ([0.1, 0.75], False)],
)
@pytest.mark.parametrize("keep", [0.5])
def test_a_trial_is_compared_with_all_trials_at_its_latest_step(study_of, steps, pruned, keep):
    others = [{"value": 0.5, "steps": [0.5, 0.5]}, {"steps": [0.6, 0.6]}, {"steps": [0.7, 0.7]}]
    study = study_of([*others, {"steps": [0.2, 0.2]}])
    study.pruner = SameStepPruner(keep, startup=4)
    assert asked(study, steps) == pruned


def test_nothing_is_pruned_before_enough_trials_reached_the_step(study_of):
    study = study_of([{"value": 0.5, "steps": [0.5, 0.5]}, {"steps": [0.6]}])
    study.pruner = SameStepPruner(0.5, startup=2)
    assert asked(study, [0.1])
    assert not asked(study, [0.1, 0.1])


@pytest.mark.parametrize(("keep", "expected"), [(1.0, 0), (0.5, 50), (0.25, 75)])
def test_the_share_that_goes_on_is_the_one_asked_for(keep, expected):
    study = optuna.create_study(direction="maximize", pruner=SameStepPruner(keep, startup=1))
    values = np.random.default_rng(0).permutation(101) / 101
    pruned = 0
    for value in values:
        trial = study.ask()
        trial.report(float(value), 1)
        if trial.should_prune():
            pruned += 1
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, float(value))
    assert pruned == pytest.approx(expected, abs=10)

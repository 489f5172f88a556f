"""The value of a trial, its steps, and the noise of the default."""

import optuna
import pytest

from sirna.tuning.objective import Objective
from sirna.tuning.study import DEFAULT, FIDELITY, REPEATS, STOPPED, WEIGHTS


class Pruner(optuna.pruners.BasePruner):
    """Prunes at one step."""

    def __init__(self, at):
        self.at = at

    def prune(self, study, trial):
        return trial.last_step == self.at


@pytest.fixture
def do():
    """Do one trial with given settings, and return it as it is stored."""

    def run(work, settings, pruned_at=None, default=False):
        study = optuna.create_study(direction="maximize", pruner=Pruner(pruned_at))
        study.enqueue_trial(settings, user_attrs={DEFAULT: True} if default else {})
        study.optimize(Objective(work), n_trials=1)
        return study.trials[0]

    return run


SETTINGS = {"train.learning_rate": 0.03, "gaussian_process.components": 4}


def test_a_trial_has_the_same_value_in_another_process_and_from_stored_predictions(make_work, do):
    values = [do(make_work(folder), SETTINGS).value for folder in ("one", "one", "two")]
    assert values[0] == values[1] == values[2]


@pytest.mark.parametrize("key", SETTINGS)
def test_settings_of_every_family_change_the_value(make_work, do, key):
    other = {"train.learning_rate": 0.001, "gaussian_process.components": 2}
    one = do(make_work(), SETTINGS).value
    assert do(make_work(), SETTINGS | {key: other[key]}).value != one


def test_each_fold_is_a_step(make_work, do):
    work = make_work()
    assert list(do(work, SETTINGS).intermediate_values) == [1, 2]


@pytest.mark.parametrize("at", [1, 2])
def test_a_trial_is_pruned_after_a_fold_but_not_after_the_last(make_work, do, at):
    trial = do(make_work(), SETTINGS, pruned_at=at)
    assert trial.state.name == ("PRUNED" if at == 1 else "COMPLETE")
    assert trial.last_step == at


def test_the_default_is_never_pruned_and_tells_the_noise(make_work, do):
    default = {"train.learning_rate": 0.01, "gaussian_process.components": 2}
    trial = do(make_work(), default, pruned_at=1, default=True)
    assert trial.state.name == "COMPLETE"
    assert trial.user_attrs[REPEATS][0] == trial.value
    assert len(set(trial.user_attrs[REPEATS])) == 2
    assert trial.user_attrs[FIDELITY] == 1.0


ALONE = {"mixture.known_target.network": 0.0, "mixture.known_target.gaussian_process": 1.0}


@pytest.mark.parametrize(
    ("changes", "fits"),
    [({}, {"network": 4, "gaussian_process": 2}), (ALONE, {"gaussian_process": 4})],
    ids=["network and process", "process alone"],
)
def test_the_noise_is_that_of_the_network_or_else_of_all_families(make_work, do, changes, fits):
    work = make_work(changes=changes)
    scores = do(work, SETTINGS, default=True).user_attrs[REPEATS]
    found = {folder.name: len(list(folder.iterdir())) for folder in work.fits.folder.iterdir()}
    assert found == fits
    assert scores[0] != scores[1]


def test_every_trial_of_a_small_table_chooses_its_weights(make_work, do):
    small = {"mixture.learn": True, "random_forest.most_rows": 1000, "random_forest.trees": 5}
    one, other = (
        do(make_work(changes=small), SETTINGS | {"train.learning_rate": rate}).user_attrs[WEIGHTS]
        for rate in (0.001, 0.03)
    )
    assert one.keys() | other.keys() <= {"network", "gaussian_process", "random_forest"}
    assert one != other


def test_a_stopped_trial_says_that_it_was_stopped(make_work, do):
    asked = iter([False] * 10)
    trial = do(make_work(stop=lambda: next(asked, True)), SETTINGS)
    assert trial.state.name == "PRUNED"
    assert trial.user_attrs[STOPPED]
    assert not trial.intermediate_values


def test_the_wilcoxon_pruner_sees_each_fold_alone(make_work, do):
    together, alone = (
        do(make_work(pruner=pruner), SETTINGS).intermediate_values
        for pruner in ("median", "wilcoxon")
    )
    assert together[1] == alone[1]
    assert together[2] != alone[2]

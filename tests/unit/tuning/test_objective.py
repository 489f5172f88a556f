"""The value of a trial, and the encoded rows that trials share."""

import optuna
import pytest
import torch

from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.tuning.objective import CACHED_ENCODINGS, Objective
from sirna.tuning.space import load_search

SEARCH = load_search(
    None, {"space": {"siblings.lookup": {"kind": "choice", "choices": [True, False]}}}
)


def changed(task, changes):
    return FoldTask(task.rows, task.split, task.fold, with_changes(task.config, changes))


@pytest.fixture
def make(tiny_task):
    rows, split, config = tiny_task.rows, tiny_task.split, tiny_task.config
    device = torch.device("cpu")
    return lambda: Objective(rows, split, config, SEARCH, device, stop=lambda: False)


@pytest.mark.parametrize(
    "changes",
    [
        {"siblings.lookup": False},
        {"siblings.most": 1},
        {"vocab.min_freq": 3},
        {"streams.guide_bases.ngram": 2},
        {"covariates.numeric": ["dose"]},
    ],
    ids=str,
)
def test_rows_are_encoded_again_if_the_encoding_settings_differ(make, tiny_task, changes):
    objective = make()
    fold = objective.encoded(tiny_task)
    assert objective.encoded(changed(tiny_task, changes)) is not fold


@pytest.mark.parametrize("changes", [{"model.hidden": 5}, {"train.learning_rate": 0.5}], ids=str)
def test_rows_are_encoded_once_for_trials_with_the_same_encoding(make, tiny_task, changes):
    objective = make()
    fold = objective.encoded(tiny_task)
    assert objective.encoded(changed(tiny_task, changes)) is fold


def test_a_trial_has_the_same_value_after_another_one(make):
    def trial(on):
        return optuna.trial.FixedTrial({"siblings.lookup": on})

    objective = make()
    values = [objective(trial(on)) for on in (True, False, True)]
    assert values == [objective(trial(True)), make()(trial(False)), values[0]]
    assert values[0] != values[1]


class Doomed:
    """A trial that the pruner would give up at every step."""

    def __init__(self):
        self.reported = []

    def report(self, score, step):
        self.reported.append(step)

    def should_prune(self):
        return True

    def set_user_attr(self, key, value):
        pass


@pytest.mark.parametrize(("warmup", "pruned_at"), [(0.0, 1), (0.5, 2), (0.6, 3), (1.0, None)])
def test_a_trial_is_pruned_after_its_warm_up_but_not_once_it_is_complete(make, warmup, pruned_at):
    objective, trial = make(), Doomed()
    objective.search = SEARCH.model_copy(update={"warmup": warmup})
    last = None
    for step in range(1, 5):
        try:
            objective.report(trial, 0.5, step / 4, step)
        except optuna.TrialPruned:
            last = step
            break
    assert last == pruned_at
    assert trial.reported == list(range(1, (pruned_at or 4) + 1))


def test_old_encodings_leave_the_cache(make, tiny_task):
    objective = make()
    first = objective.encoded(tiny_task)
    for most in range(1, CACHED_ENCODINGS):
        objective.encoded(changed(tiny_task, {"siblings.most": most}))
    assert objective.encoded(tiny_task) is first
    objective.encoded(changed(tiny_task, {"siblings.most": CACHED_ENCODINGS}))
    assert objective.encoded(tiny_task) is not first

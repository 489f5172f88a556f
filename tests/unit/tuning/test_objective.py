"""What a trial of a search is worth."""

import optuna
import pytest
import torch

from sirna.config.load import with_changes
from sirna.table.splits import make_split
from sirna.tuning.objective import Objective
from sirna.tuning.space import load_search

SEARCH = load_search(
    None, {"space": {"known.measurements": {"kind": "choice", "choices": [True, False]}}}
)


@pytest.fixture
def make(tiny_table, tiny_config):
    split = make_split(tiny_table.rows, tiny_config.split, "tiny")
    device = torch.device("cpu")
    return lambda: Objective(
        tiny_table.rows, split, tiny_config, SEARCH, device, stop=lambda: False
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"known.measurements": False},
        {"known.most": 1},
        {"vocab.min_freq": 3},
        {"streams.guide_bases.ngram": 2},
        {"covariates.numeric": ["dose"]},
        {"train.seed": 1},
    ],
    ids=str,
)
def test_rows_are_encoded_anew_where_a_trial_encodes_them_otherwise(make, tiny_config, changes):
    objective = make()
    fold = objective._fold(0, tiny_config)
    assert objective._fold(0, with_changes(tiny_config, changes)) is not fold


@pytest.mark.parametrize("changes", [{"model.hidden": 5}, {"train.learning_rate": 0.5}], ids=str)
def test_rows_are_encoded_once_for_trials_that_encode_them_alike(make, tiny_config, changes):
    objective = make()
    fold = objective._fold(0, tiny_config)
    assert objective._fold(0, with_changes(tiny_config, changes)) is fold


def test_a_trial_is_worth_the_same_after_another_one(make):
    def trial(on):
        return optuna.trial.FixedTrial({"known.measurements": on})

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
def test_a_trial_is_pruned_once_it_is_warm_and_never_when_it_is_done(make, warmup, pruned_at):
    objective, trial = make(), Doomed()
    objective.search = SEARCH.model_copy(update={"warmup": warmup})
    last = None
    for step in range(1, 5):
        try:
            objective._report(trial, 0.5, step / 4, step)
        except optuna.TrialPruned:
            last = step
            break
    assert last == pruned_at
    assert trial.reported == list(range(1, (pruned_at or 4) + 1))


def test_old_encodings_are_given_up(make, tiny_config):
    objective = make()
    for seed in range(10):
        objective._fold(0, with_changes(tiny_config, {"train.seed": seed}))
    assert len(objective._folds) == 4

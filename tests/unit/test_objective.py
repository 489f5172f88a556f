"""What a trial of a search is worth."""

import optuna
import pytest
import torch

from sirna.config import with_changes
from sirna.data.splits import make_split
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

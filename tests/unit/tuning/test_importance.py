"""Importances: from the first step of all trials, and only if they carry them."""

import numpy as np
import pytest

from sirna.tuning.importance import FEWEST_TRIALS, importances


def trials(count, score, completed=2):
    rng = np.random.default_rng(0)
    drawn = [{"a": rng.random(), "b": rng.random()} for _ in range(count)]
    return [
        {
            "params": one,
            "steps": [score(one, rng)],
            "value": 0.5 if index < completed else None,
        }
        for index, one in enumerate(drawn)
    ]


def test_pruned_trials_count_by_their_first_step(study_of):
    found = importances(study_of(trials(60, lambda one, rng: one["a"] + 0.01 * rng.random())))
    assert found.trials == 60
    assert found.shares["a"] > 0.9
    assert found.explained > 0.5


def test_noise_has_no_importances(study_of):
    found = importances(study_of(trials(60, lambda one, rng: rng.random())))
    assert found.shares == {}
    assert "do not show which settings matter" in found.why_none


@pytest.mark.parametrize("count", [0, 1, FEWEST_TRIALS - 1])
def test_few_trials_have_no_importances(study_of, count):
    found = importances(study_of(trials(count, lambda one, rng: one["a"])))
    assert found.shares == {}
    assert "too few" in found.why_none


def test_equal_scores_have_no_importances(study_of):
    assert importances(study_of(trials(30, lambda one, rng: 0.5))).shares == {}

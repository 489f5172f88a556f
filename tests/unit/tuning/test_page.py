"""The page of a study: what it shows, and its size."""

import numpy as np
import pytest

from sirna.config.load import load_config
from sirna.tuning.confirmation import Candidate, Compared, Confirmation
from sirna.tuning.importance import importances
from sirna.tuning.page import study_page
from sirna.tuning.recommendation import recommend

LARGEST = 2_000_000
KEYS = [f"section.setting_number_{number}" for number in range(17)]
CONFIRMATION = Confirmation(
    0.84,
    tuple(
        Compared(number, {}, 0.87, 0.85, 0.0123, -0.0042, 0.0317, 0.931) for number in (7, 9, 11)
    ),
    0.967,
)


@pytest.fixture
def study(study_of, default_attrs):
    def make(count):
        rng = np.random.default_rng(0)
        made = []
        for number in range(count):
            params = {key: float(rng.random()) for key in KEYS}
            score = 0.8 + 0.05 * params[KEYS[0]] + 0.0001 * rng.random()
            whole = number % 3 == 0
            made.append(
                {
                    "params": params,
                    "steps": [score, score] if whole else [score],
                    "value": score if whole else None,
                    "attrs": {"fidelity": 0.147, **(default_attrs if number == 0 else {})},
                }
            )
        return study_of(made)

    return make


def page_of(study, confirmation):
    made = recommend(load_config(), Candidate(7, {}), confirmation, True)
    return study_page(study, made, confirmation, importances(study))


def test_search_and_confirmation_are_apart_with_noise_and_intervals(study):
    page = page_of(study(60), CONFIRMATION)
    assert page.index(">Search</h2>") < page.index(">Settings</h2>")
    assert page.index(">Settings</h2>") < page.index(">Confirmation</h2>")
    for expected in ("0.0141", "+0.0123 (-0.0042 to +0.0317)", "93.1%", "pruned ones included"):
        assert expected in page
    assert "http://" not in page.split('id="plotly"')[0].replace("http://www.w3.org", "")


@pytest.mark.parametrize("count", [1, 50, 1000])
def test_the_page_stays_small(study, count):
    assert len(page_of(study(count), CONFIRMATION).encode()) < LARGEST


def test_a_study_without_confirmation_or_importances_has_a_page(study):
    page = page_of(study(3), None)
    assert "There is no finished confirmation" in page
    assert "too few to show which settings matter" in page

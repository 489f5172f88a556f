"""What is recommended, and how it is written."""

import tomllib

import pytest

from sirna.config.load import config_from_dict, load_config
from sirna.tuning.confirmation import Candidate, Compared, Confirmation
from sirna.tuning.recommendation import recommend

BASE = load_config(changes=["train.clip=0.5"])
CHANGES = {"model.hidden": 50}
BEST = Candidate(7, CHANGES)


def confirmation(confidence):
    compared = Compared(7, CHANGES, 0.86, 0.85, 0.01, -0.01, 0.03, confidence)
    return Confirmation(0.84, (compared,), 0.9)


@pytest.mark.parametrize(
    ("best", "found", "asked", "hidden", "reason"),
    [
        (BEST, confirmation(0.95), True, 50, "better with 95.0% confidence"),
        (BEST, confirmation(0.85), True, 96, "no trial beats it with 90% confidence"),
        (BEST, None, True, 96, "not finished; run the command again"),
        (BEST, None, False, 50, "not confirmed: the best of many noisy scores is partly luck"),
        (None, None, True, 96, "no trial scored above it"),
        (None, None, False, 96, "no trial scored above it"),
    ],
)
def test_only_a_confirmed_trial_is_recommended_unless_none_is_asked_for(
    best, found, asked, hidden, reason
):
    made = recommend(BASE, best, found, asked)
    assert made.config.model.hidden == hidden
    assert made.config.train.clip == 0.5
    assert made.is_default == (hidden == 96)
    assert reason in made.reason
    assert f"# {made.reason}" in made.toml("mine").splitlines()


def test_the_file_holds_only_keys_that_differ_from_the_defaults():
    raw = tomllib.loads(recommend(BASE, BEST, confirmation(0.99), True).toml("mine"))
    assert raw == {
        "split": {"protocol": "rows"},
        "train": {"clip": 0.5},
        "model": {"hidden": 50},
    }


@pytest.mark.parametrize("protocol", ["rows", "duplex", "target"])
@pytest.mark.parametrize("changes", [{}, {"streams.guide_bases.ngram": 2}, {"train.epochs": 9}])
def test_the_file_gives_the_configuration_again(protocol, changes):
    base = load_config(flags={"split.protocol": protocol})
    made = recommend(base, Candidate(1, changes), None, asked=False)
    assert config_from_dict(tomllib.loads(made.toml("mine")), "best.toml") == made.config

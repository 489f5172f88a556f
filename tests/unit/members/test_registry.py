import pytest

from sirna.config.config import Config
from sirna.config.load import load_config, with_changes
from sirna.errors import UsageError
from sirna.members.registry import (
    FAMILIES,
    check_families,
    config_for_table,
    families_for,
    settings_of,
)


def names(config, unseen=False):
    return [family.family for family in families_for(config, unseen)]


def test_families_for_follow_the_weights_of_the_kind_of_row():
    rows, target = load_config(None), load_config(None, flags={"split.protocol": "target"})
    assert names(rows) == ["network", "gaussian_process"]
    assert names(rows, unseen=True) == ["network", "gaussian_process", "trees"]
    assert names(target) == names(target, unseen=True) == names(rows, unseen=True)


@pytest.mark.parametrize("kind", ["known_target", "unseen_target"])
@pytest.mark.parametrize("wrong", ["forest", "Network", "gaussianprocess"])
def test_a_weight_of_an_unknown_family_is_refused_with_the_known_ones(kind, wrong):
    config = with_changes(load_config(None), {f"mixture.{kind}.{wrong}": 0.2})
    with pytest.raises(UsageError, match=rf"mixture\.{kind}: no family '{wrong}'.*network"):
        check_families(config)


WORDS = ["word_process", "random_forest"]


@pytest.mark.parametrize(
    ("changes", "known", "unseen"),
    [
        ({}, ["gaussian_process", *WORDS], ["gaussian_process", "trees", "word_process"]),
        (
            {"train.fewest_duplexes": 1},
            ["network", "gaussian_process", *WORDS],
            ["network", "gaussian_process", "trees", "word_process"],
        ),
        (
            {"word_process.most_rows": 20},
            ["gaussian_process", "random_forest"],
            ["gaussian_process", "trees"],
        ),
        (
            {"word_process.most_rows": 20, "random_forest.most_rows": 20},
            ["network", "gaussian_process"],
            ["network", "gaussian_process", "trees"],
        ),
        (
            {"mixture.learn": False},
            ["network", "gaussian_process"],
            ["network", "gaussian_process", "trees"],
        ),
        (
            {"mixture.known_target.network": 1.0, "mixture.known_target.gaussian_process": 0.0},
            ["network"],
            ["network", "gaussian_process", "trees"],
        ),
    ],
)
def test_families_that_suit_a_small_table_are_fitted(tiny_table, changes, known, unseen):
    config = config_for_table(with_changes(Config(), changes), tiny_table.rows)
    assert names(config) == known
    assert names(config, unseen=True) == unseen
    for weights in (config.mixture.known_target, config.mixture.unseen_target):
        assert sum(weights.values()) == pytest.approx(1.0)


def test_a_large_table_keeps_the_weights_of_the_configuration(tiny_table):
    changes = {"word_process.most_rows": 1, "random_forest.most_rows": 1}
    changes["small_network.duplexes"] = 0
    found = config_for_table(with_changes(Config(), changes), tiny_table.rows)
    assert found == with_changes(Config(), changes | {"mixture.learn": False})


@pytest.mark.parametrize(
    ("key", "value", "families"),
    [
        ("model.hidden", 17, {"network"}),
        ("train.epochs", 3, {"network"}),
        ("siblings.most", 3, {"network"}),
        ("gaussian_process.steps", 3, {"gaussian_process"}),
        ("trees.rounds", 3, {"trees"}),
        ("word_process.steps", 3, {"word_process"}),
        ("random_forest.trees", 3, {"random_forest"}),
        ("split.seed", 3, set(FAMILIES)),
        ("decision.calibrate", False, set()),
        ("mixture.known_target.network", 0.3, set()),
    ],
)
def test_a_fit_depends_on_the_settings_that_its_family_reads(key, value, families):
    changed = with_changes(Config(), {key: value})
    assert {
        family
        for family in FAMILIES
        if settings_of(family, changed) != settings_of(family, Config())
    } == families


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {"model.hidden": 56, "train.epochs": 14, "model.head_dropout": 0.5}),
        ({"model.hidden": 16, "train.epochs": 3}, {"model.hidden": 16, "train.epochs": 3}),
        ({"model.summary_dropout": 0.7}, {"model.summary_dropout": 0.7}),
        ({"small_network.duplexes": 0}, {"model.hidden": 96, "train.epochs": 24}),
        ({"small_network.duplexes": 5}, {"model.hidden": 96, "train.token_dropout": 0.02}),
    ],
)
def test_the_network_is_bounded_in_a_table_of_few_duplexes(tiny_table, given, found):
    config = config_for_table(with_changes(Config(), given), tiny_table.rows)
    for key, value in found.items():
        section, name = key.split(".")
        assert getattr(getattr(config, section), name) == value

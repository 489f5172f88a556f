import tomllib
from pathlib import Path

import pytest
from optuna.trial import FixedTrial

from sirna.config.load import load_config, with_changes
from sirna.errors import UsageError
from sirna.tuning.default_space import DEFAULT_SEARCH
from sirna.tuning.space import load_search

CONFIGS = Path(__file__).parents[3] / "configs"


def search(**space):
    return load_search(None, {"space": {key.replace("__", "."): p for key, p in space.items()}})


def test_the_shipped_file_equals_the_built_in_search():
    assert load_search(CONFIGS / "tune.toml", {}) == load_search(None, DEFAULT_SEARCH)


@pytest.mark.parametrize(
    ("protocol", "trees"), [("rows", False), ("duplex", False), ("target", True)]
)
def test_the_built_in_search_fits_the_defaults_of_every_protocol(protocol, trees):
    config = load_config(flags={"split.protocol": protocol})
    load_search(None, DEFAULT_SEARCH).check(config, "built-in")
    fitting, idle = load_search(None, DEFAULT_SEARCH).for_table(config)
    assert ("trees.rounds" in fitting.space) == trees
    assert ("trees.rounds" in idle) == (not trees)


@pytest.mark.parametrize(
    ("key", "without"),
    [
        ("model.hidden", "network"),
        ("siblings.most", "network"),
        ("train.epochs", "network"),
        ("gaussian_process.steps", "gaussian_process"),
    ],
)
def test_keys_of_families_that_predict_no_held_out_row_are_left_out(key, without):
    both = {"network": 0.5, "gaussian_process": 0.5}
    alone = load_config(flags={"mixture.known_target": both | {without: 0.0}})
    some = {"kind": "int", "low": 1, "high": 900}
    other = {"kind": "choice", "choices": ["score", "median"]}
    space = search(**{"decision.kind": other, key: some})
    assert key in space.for_table(load_config())[0].space
    fitting, idle = space.for_table(alone)
    assert idle == [key]
    assert list(fitting.space) == ["decision.kind"]


def test_a_space_without_any_effect_is_refused():
    space = search(**{"trees.rounds": {"kind": "int", "low": 10, "high": 900}})
    with pytest.raises(UsageError, match="no key of the space affects"):
        space.for_table(load_config())


def test_a_condition_decides_what_is_drawn():
    conditional = search(
        model__layers={"kind": "int", "low": 1, "high": 2},
        model__layer_dropout={
            "kind": "float",
            "low": 0.0,
            "high": 0.5,
            "when": {"model.layers": [2]},
        },
    )
    deep = conditional.suggest(FixedTrial({"model.layers": 2, "model.layer_dropout": 0.25}))
    leaves_of = conditional.suggest(FixedTrial({"model.layers": 1}))
    assert deep == {"model.layers": 2, "model.layer_dropout": 0.25}
    assert leaves_of == {"model.layers": 1}


def test_drawn_values_form_a_valid_configuration():
    drawn = search(train__epochs={"kind": "int", "low": 1, "high": 30}).suggest(
        FixedTrial({"train.epochs": 7})
    )
    assert with_changes(load_config(), drawn).train.epochs == 7


@pytest.mark.parametrize(
    ("key", "parameter", "expected"),
    [
        ("model.hiden", {"kind": "int", "low": 1, "high": 9}, "did you mean 'model.hidden'"),
        ("model.head_dropout", {"kind": "float", "low": 0.0, "high": 1.5}, "1.5"),
        ("model.hidden", {"kind": "int", "low": 1, "high": 9}, "leaves out the default"),
        ("model.encoder", {"kind": "choice", "choices": ["gru", "transformer"]}, "transformer"),
        (
            "model.layer_dropout",
            {"kind": "float", "low": 0.0, "high": 0.5, "when": {"model.layer": [2]}},
            "'model.layer'",
        ),
        (
            "model.layers",
            {"kind": "int", "low": 1, "high": 2, "when": {"model.layers": [2]}},
            "depends on itself",
        ),
        ("split.folds", {"kind": "int", "low": 0, "high": 9}, "cannot vary between trials"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_before_the_first_trial(
    key, parameter, expected
):
    space = load_search(None, {"space": {key: parameter}})
    with pytest.raises(UsageError, match=expected):
        space.check(load_config(), "mine.toml")


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ({"kind": "float", "low": 2.0, "high": 1.0}, "not below"),
        ({"kind": "float", "low": 0.0, "high": 1.0, "log": True}, "log scale"),
        ({"kind": "int", "low": 1.5, "high": 3}, "whole"),
        ({"kind": "choice", "choices": ["one"]}, "two or more"),
        ({"kind": "float", "low": 0.0}, "low and high"),
        ({"kind": "flaot", "low": 0.0, "high": 1.0}, "did you mean 'float'"),
        ({"kind": "float", "low": 0.0, "hihg": 1.0}, "did you mean 'high'"),
    ],
)
def test_an_invalid_parameter_is_refused(tmp_path, parameter, expected):
    lines = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
        for key, value in parameter.items()
    ]
    path = tmp_path / "space.toml"
    path.write_text('[space."model.hidden"]\n' + "\n".join(lines))
    assert tomllib.loads(path.read_text())
    with pytest.raises(UsageError, match=expected):
        load_search(path, {})

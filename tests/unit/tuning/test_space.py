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


@pytest.mark.parametrize("protocol", ["rows", "duplex", "target"])
def test_the_built_in_search_fits_the_defaults_of_every_protocol(protocol):
    config = load_config(flags={"split.protocol": protocol})
    load_search(None, DEFAULT_SEARCH).check(config, "built-in")


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

from dataclasses import replace

import pandas as pd
import pytest

from sirna.config.load import with_changes
from sirna.prediction.score import competition_score
from sirna.runs.run import Run
from sirna.stages.console import Console
from sirna.stages.run_description import (
    describe_fold,
    describe_learned,
    describe_outcome,
    describe_run,
    uncovered_bases_notes,
)


@pytest.fixture
def described(tiny_task, capsys):
    def describe(rows=None, **changes):
        config = with_changes(tiny_task.config, changes)
        task = replace(tiny_task, config=config, rows=tiny_task.rows if rows is None else rows)
        describe_run(task.rows, config, [task], Console())
        shown = capsys.readouterr()
        return shown.out + shown.err

    return describe


def test_the_weights_in_effect_are_printed(described):
    assert "mixture: network 0.40, Gaussian process 0.60" in described()
    alone = described(**{"mixture.known_target.gaussian_process": 0.0})
    assert "mixture: network 1.00" in alone
    target = described(**{"split.protocol": "target"})
    assert "mixture: network 0.24, Gaussian process 0.36, trees 0.40" in target


def test_a_run_that_cannot_recognise_unseen_targets_prints_the_reason(described, tiny_task):
    assert "cannot recognise unseen targets" not in described()
    same = tiny_task.rows.assign(target=pd.array(["ONE"] * len(tiny_task.rows), "string"))
    assert "cannot recognise unseen targets" in described(same)
    nobody = {"gaussian_process": 0.0, "trees": 0.0}
    changes = {f"mixture.unseen_target.{name}": weight for name, weight in nobody.items()}
    assert "cannot recognise unseen targets" in described(**changes)


def test_streams_without_a_column_are_named(described, tiny_task):
    shown = described(tiny_task.rows.drop(columns="passenger_modifications"))
    assert "streams without a column are left out: passenger_modifications" in shown


def test_low_covariate_dropout_is_noted_under_protocols_that_hide_target_names(described):
    little = {"split.protocol": "target", "model.covariate_dropout": 0.1}
    assert "model.covariate_dropout = 0.1 is low for this" in described(**little)
    assert "is low for this" not in described(**{"split.protocol": "target"})


def test_a_fold_is_described_by_its_rows_and_groups(tiny_task, capsys):
    describe_fold(tiny_task, Console())
    shown = capsys.readouterr()
    expected = f"fold 0: {len(tiny_task.training)} rows train, {len(tiny_task.held_out)} held out"
    assert expected in shown.out + shown.err


def test_bases_without_a_token_are_counted(tiny_task):
    stream = {"role": "guide", "ngram": 3, "stride": 3, "tail": "drop"}
    config = with_changes(tiny_task.config, {"streams.cut": stream})
    (note,) = uncovered_bases_notes(tiny_task.rows, config)
    assert "stream cut: up to 2 bases" in note
    assert not uncovered_bases_notes(tiny_task.rows, tiny_task.config)


@pytest.mark.parametrize(("constant", "warned"), [(0.99, True), (0.2, False)])
def test_a_score_below_that_of_a_constant_is_noted(tmp_path, capsys, constant, warned):
    part = competition_score([20.0, 60.0, 40.0], [25.0, 55.0, 45.0], 30.0).as_dict()
    figures = {
        "protocol": "rows",
        "folds": {0: part},
        "pooled": part,
        "sd": None,
        "constant_baseline": constant,
        "interval": 0.8,
        "interval_coverage": 0.8,
        "seconds": 1.0,
        "rows_per_second": None,
        "peak_memory_mb": 1,
        "interrupted": False,
    }
    describe_outcome(Run(tmp_path), figures, Console())
    shown = capsys.readouterr()
    assert ("below that of one constant" in shown.out + shown.err) == warned


def test_guides_that_are_forms_of_each_other_are_noted_under_duplex(described, tiny_task):
    guide = tiny_task.rows["guide"].iloc[0]
    other = {"A": "C", "C": "G", "G": "U", "U": "A"}
    mutated = [
        guide[:place] + other[guide[place]] + guide[place + 1 :] for place in range(len(guide))
    ]
    rows = tiny_task.rows.assign(guide=(mutated * len(tiny_task.rows))[: len(tiny_task.rows)])
    assert "--protocol similar" in described(rows, **{"split.protocol": "duplex"})
    assert "--protocol similar" not in described(rows, **{"split.protocol": "rows"})


@pytest.mark.parametrize("learn", [True, False])
def test_learned_weights_are_printed(tiny_config, capsys, learn):
    describe_learned(with_changes(tiny_config, {"mixture.learn": learn}), True, Console())
    shown = capsys.readouterr().out
    assert ("as held-out rows weight it" in shown) == learn
    assert ("rows of unseen targets" in shown) == learn

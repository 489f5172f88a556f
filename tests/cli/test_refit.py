"""The bundle's models are trained again, on all rows, when the held-out rows have judged."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import sirna
from sirna.members.trees.member import RowTrees
from sirna.prediction.postprocess import fit_new_target_rule
from sirna.stages import train as stage
from sirna.stages.evaluation import mixed
from sirna.stages.fold_training import FoldModels
from sirna.table.check_table import read_table
from sirna.table.splits import group_targets


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, data: Path, cli, tiny: list[str]) -> Path:
    """Two runs that differ in `train.refit` alone: `once` and `again`."""
    folder = tmp_path_factory.mktemp("refit")
    options = ("--folds", 2, "--set", "train.members=2", "--set", "train.epochs=4")
    for name, refit in (("once", "false"), ("again", "true")):
        more = ("--set", f"train.refit={refit}", "--run", folder / name)
        outcome = cli("train", data / "train_data.csv", *tiny, *options, *more)
        assert outcome.code == 0, outcome.err
    return folder


def test_all_figures_stay_those_of_the_folds(pair: Path) -> None:
    once, again = pair / "once", pair / "again"
    assert (once / "oof.csv").read_bytes() == (again / "oof.csv").read_bytes()
    figures = [json.loads((run / "metrics.json").read_text()) for run in (once, again)]
    same = ("pooled", "folds", "best_epochs", "interval_coverage")
    assert [figures[0][key] for key in same] == [figures[1][key] for key in same]


def test_the_bundle_holds_models_of_all_rows_and_no_others(pair: Path, data: Path, read) -> None:
    rows = len(read(data / "train_data.csv"))
    bundle = sirna.load_bundle(pair / "again/bundle")
    assert [len(process.chosen) for process in bundle.processes] == [rows]
    assert [trees.number for trees in bundle.trees] == [2]
    assert [member.facts["fold"] for member in bundle.members] == [2, 2]
    assert len({member.facts["seed"] for member in bundle.members}) == 2
    vocabulary = bundle.members[0].encoding.vocabs["modifications"].to_list()
    kept = sirna.load_bundle(pair / "once/bundle")
    assert len(kept.members) == 4
    assert [trees.number for trees in kept.trees] == [0, 1]
    for member in kept.members:
        assert set(member.encoding.vocabs["modifications"].to_list()) <= set(vocabulary)


def test_the_networks_train_for_the_median_of_the_best_epochs(pair: Path) -> None:
    run = pair / "again"
    best = json.loads((run / "metrics.json").read_text())["best_epochs"]
    log = pd.read_csv(run / "log.csv")
    last = log[log["fold"] == 2].groupby("member")["epoch"].max()
    assert last.tolist() == [round(float(np.median(best)))] * 2
    assert log.loc[log["fold"] == 2, "score"].isna().all()
    assert log.loc[log["fold"] < 2, "score"].notna().all()
    members = sirna.load_bundle(run / "bundle").members
    assert [member.facts["epoch"] for member in members] == last.tolist()


def test_the_rule_is_that_of_the_held_out_rows(pair: Path) -> None:
    once, again = (sirna.load_bundle(pair / name / "bundle") for name in ("once", "again"))
    assert once.rule == again.rule


def test_the_test_file_is_predicted_by_the_models_of_all_rows(pair, data, ok, read) -> None:
    for name in ("once", "again"):
        ok("submit", data / "test.csv", "--run", pair / name, "--out", f"{name}.csv")
    once, again = (read(Path(f"{name}.csv")) for name in ("once", "again"))
    assert once["id"].tolist() == again["id"].tolist()
    label = "mRNA_remaining_pct"
    assert (once[label] != again[label]).any()


def test_trees_and_the_rule_for_new_targets_know_no_label_of_the_rows_target(
    data, ok, tiny
) -> None:
    some = ("--set", "train.refit=true", "--set", "gaussian_process.most_rows=60")
    ok("train", data / "train_data.csv", *tiny, *some, "--protocol", "duplex", "--run", "run")
    bundle = sirna.load_bundle(Path("run/bundle"))
    rows = read_table(data / "train_data.csv", bundle.config).rows
    (trees,), (process,) = bundle.trees, bundle.processes
    assert 0 < len(process.chosen) < len(rows)
    targets = group_targets(rows)
    again = RowTrees.fit(rows, np.arange(len(rows)), targets, bundle.config, trees.number)
    assert torch.equal(trees.left_out, again.left_out)
    as_new = process.process.with_new_targets(), trees.with_new_targets(process.chosen)
    both = mixed(as_new[0], None, as_new[1], bundle.config)
    labels = rows["label"].to_numpy()[process.chosen]
    rule = fit_new_target_rule(bundle.rule, both, labels, bundle.config)
    assert rule == bundle.new_target_rule


def test_too_few_targets_make_no_trees_for_new_ones_and_it_is_told(data, ok, tiny, read) -> None:
    train = read(data / "train_data.csv")
    names = sorted(set(train["gene_target_symbol_name"]) - {""})
    few = train[train["gene_target_symbol_name"].isin(names[:3])]
    few.to_csv("few.csv", index=False)
    outcome = ok("train", "few.csv", *tiny, "--run", "run")
    assert "trees" not in outcome.out
    assert "rows of new targets will be predicted like all others" in outcome.err
    assert sirna.load_bundle(Path("run/bundle")).trees == []


def test_trees_that_are_not_there_for_every_fold_are_left_out(
    data, ok, cli, tiny, monkeypatch
) -> None:
    some = ("train", data / "train_data.csv", *tiny, "--folds", 2, "--run")
    ok(*some, "whole")
    fitted = FoldModels._fit_trees

    def stopped(models: FoldModels, process):
        if models.fold.number:
            models.request.asked = True
        return fitted(models, process)

    with monkeypatch.context() as patch:
        patch.setattr(FoldModels, "_fit_trees", stopped)
        cli(*some, "torn")
    bundle = sirna.load_bundle(Path("torn/bundle"))
    assert (len(bundle.processes), len(bundle.trees)) == (2, 0)
    assert bundle.new_target_rule is not None
    ok("submit", data / "test.csv", "--run", "torn", "--out", "torn.csv")
    ok("train", "--resume", "--run", "torn")
    for name in ("trees-0", "trees-1"):
        file = f"bundle/{name}.safetensors"
        assert (Path("torn") / file).read_bytes() == (Path("whole") / file).read_bytes()


@pytest.mark.parametrize(
    ("protocol", "changes"),
    [
        ("duplex", ["train.loss=mse", "train.patience=1"]),
        ("target", ["train.loss=huber"]),
        ("target", ["gaussian_process.share=0"]),
        (
            "rows",
            ["known.measurements=false", "covariates.numeric=[]", "covariates.categorical=[]"],
        ),
    ],
    ids=str,
)
def test_every_kind_of_model_is_trained_on_all_rows(
    protocol, changes, data, ok, tiny, read
) -> None:
    options = [word for change in (*changes, "train.refit=true") for word in ("--set", change)]
    ok("train", data / "train_data.csv", *tiny, *options, "--protocol", protocol, "--run", "run")
    (member,) = sirna.load_bundle(Path("run/bundle")).members
    assert member.facts["rows"] == len(read(data / "train_data.csv"))
    ok("submit", data / "test.csv", "--run", "run", "--out", "out.csv")
    assert pd.read_csv("out.csv")["mRNA_remaining_pct"].between(0, 200).all()


def test_a_failure_on_all_rows_takes_nothing_of_the_folds(data, cli, ok, tiny, monkeypatch) -> None:
    whole = ("train", data / "train_data.csv", *tiny, "--set", "train.refit=true", "--run")
    ok(*whole, "whole")
    fitted = FoldModels._fit_process

    def too_much(models: FoldModels):
        if not len(models.fold.held):
            raise MemoryError("all rows are too many")
        return fitted(models)

    with monkeypatch.context() as patch:
        patch.setattr(FoldModels, "_fit_process", too_much)
        assert cli(*whole, "torn").code == 1
    run = Path("torn")
    assert json.loads((run / "metrics.json").read_text())["interrupted"]
    assert [member.facts["fold"] for member in sirna.load_bundle(run / "bundle").members] == [0]
    assert (run / "oof.csv").read_bytes() == Path("whole/oof.csv").read_bytes()
    ok("submit", data / "test.csv", "--run", run)
    ok("train", "--resume", "--run", run)
    for name in ("member-0", "process-0"):
        file = f"bundle/{name}.safetensors"
        assert (run / file).read_bytes() == (Path("whole") / file).read_bytes()


def test_a_check_counts_the_training_on_all_rows(data, ok, tiny, monkeypatch) -> None:
    def minutes(refit: str, of: str) -> float:
        clock = iter(range(0, 10**9, 6000))
        monkeypatch.setattr(stage.time, "perf_counter", lambda: float(next(clock)))
        changes = ("--set", f"train.refit={refit}", "--set", "train.batch_rows=8")
        told = ok("train", data / "train_data.csv", *tiny, *changes, "--check").out
        return float(told.split(f" min for the {of}")[0].rsplit(" ", 1)[1])

    rows, train = 73, 66
    networks, processes = (
        minutes("true", of) / minutes("false", of) for of in ("networks", "Gaussian processes")
    )
    assert networks == pytest.approx(1 + rows / train, rel=0.01)
    assert processes == pytest.approx(2, rel=0.01)

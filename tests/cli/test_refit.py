"""After the folds have been scored, the bundle's members are trained again on all rows."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sirna
from sirna.bundle.bundle import Bundle
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks
from sirna.members.gaussian_process.member import GaussianProcessMember
from sirna.members.trees.member import TreesMember
from sirna.prediction.histogram import Histogram
from sirna.prediction.postprocess import fit_unseen_postprocess
from sirna.table.check_table import read_table
from sirna.table.splits import Split


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, data: Path, cli, tiny: list[str]) -> Path:
    """Two runs that differ in `train.refit` alone: `once` and `again`."""
    folder = tmp_path_factory.mktemp("refit")
    options = ("--folds", 2, "--set", "train.networks=2", "--set", "train.epochs=4")
    for name, refit in (("once", "false"), ("again", "true")):
        more = ("--set", f"train.refit={refit}", "--run", folder / name)
        outcome = cli("train", data / "train_data.csv", *tiny, *options, *more)
        assert outcome.code == 0, outcome.err
    return folder


def test_all_metrics_are_still_those_of_the_folds(pair: Path) -> None:
    once, again = pair / "once", pair / "again"
    assert (once / "oof.csv").read_bytes() == (again / "oof.csv").read_bytes()
    figures = [json.loads((run / "metrics.json").read_text()) for run in (once, again)]
    same = ("pooled", "folds", "best_epochs", "interval_coverage")
    assert [figures[0][key] for key in same] == [figures[1][key] for key in same]


def folds(bundle: Bundle) -> dict[str, list[int]]:
    return {name: [member.fold for member in one] for name, one in bundle.by_family.items()}


def tokens(network) -> list[str]:
    return network.dataset_encoder.vocabs["modifications"].to_list()


def test_the_bundle_has_only_members_of_all_rows(pair: Path, data: Path, read) -> None:
    rows = len(read(data / "train_data.csv"))
    bundle = sirna.load_bundle(pair / "again/bundle")
    assert folds(bundle) == {"network": [2, 2], "gaussian_process": [2], "trees": [2]}
    assert [len(one.chosen) for one in bundle.by_family["gaussian_process"]] == [rows]
    networks = bundle.by_family["network"]
    assert len({network.facts["seed"] for network in networks}) == 2
    kept = sirna.load_bundle(pair / "once/bundle")
    assert folds(kept) == {
        "network": [0, 0, 1, 1],
        "gaussian_process": [0, 1],
        "trees": [0, 1],
    }
    for network in kept.by_family["network"]:
        assert set(tokens(network)) <= set(tokens(networks[0]))


def test_the_networks_train_for_the_median_of_the_best_epochs(pair: Path) -> None:
    run = pair / "again"
    best = json.loads((run / "metrics.json").read_text())["best_epochs"]
    log = pd.read_csv(run / "log.csv")
    last = log[log["fold"] == 2].groupby("member")["epoch"].max()
    assert last.tolist() == [round(float(np.median(best)))] * 2
    assert log.loc[log["fold"] == 2, "score"].isna().all()
    assert log.loc[log["fold"] < 2, "score"].notna().all()
    networks = sirna.load_bundle(run / "bundle").by_family["network"]
    assert [network.facts["epoch"] for network in networks] == last.tolist()


def test_the_postprocessing_is_that_of_the_held_out_rows(pair: Path) -> None:
    once, again = (sirna.load_bundle(pair / name / "bundle") for name in ("once", "again"))
    assert once.postprocess == again.postprocess


def test_the_test_file_is_predicted_by_the_members_of_all_rows(pair, data, ok, read) -> None:
    for name in ("once", "again"):
        ok("submit", data / "test.csv", "--run", pair / name, "--out", f"{name}.csv")
    once, again = (read(Path(f"{name}.csv")) for name in ("once", "again"))
    assert once["id"].tolist() == again["id"].tolist()
    label = "mRNA_remaining_pct"
    assert (once[label] != again[label]).any()


def test_postprocessing_for_unseen_targets_is_fitted_without_the_rows_target(
    data, ok, tiny
) -> None:
    some = ("--set", "train.refit=true", "--set", "gaussian_process.most_rows=60")
    ok("train", data / "train_data.csv", *tiny, *some, "--protocol", "duplex", "--run", "run")
    bundle = sirna.load_bundle(Path("run/bundle"))
    rows = read_table(data / "train_data.csv", bundle.config).rows
    (trees,), (process,) = (bundle.by_family[name] for name in ("trees", "gaussian_process"))
    assert 0 < len(process.chosen) < len(rows)
    ids, groups = rows["id"].to_numpy().astype(str), bundle.config.protocol.groups(rows)
    split = Split.load(Path("run/splits.csv"), ids, groups)
    again = TreesMember.fit(
        FoldTask(rows, split, trees.fold, bundle.config), 0, FitCallbacks()
    ).member
    np.testing.assert_array_equal(trees.means_left_out, again.means_left_out)
    parts = [member.left_out() for member in (process, trees)]
    chosen = parts[0].positions
    assert parts[1].positions.tolist() == list(range(len(rows)))
    both = Histogram.mixture([parts[0].predicted, parts[1].predicted[chosen]], [0.4, 0.6])
    labels = rows["label"].to_numpy()[chosen]
    expected = fit_unseen_postprocess(bundle.postprocess, both, labels, bundle.config, studies=2)
    found = bundle.unseen_postprocess
    assert found.calibration.spread == pytest.approx(expected.calibration.spread, rel=1e-6)
    assert found.decision.cut == pytest.approx(expected.decision.cut, rel=1e-6)


def test_with_too_few_targets_no_trees_are_trained_and_a_note_is_printed(
    data, ok, tiny, read
) -> None:
    train = read(data / "train_data.csv")
    names = sorted(set(train["gene_target_symbol_name"]) - {""})
    few = train[train["gene_target_symbol_name"].isin(names[:3])]
    few.to_csv("few.csv", index=False)
    outcome = ok("train", "few.csv", *tiny, "--run", "run")
    assert "trees" not in outcome.out
    assert "this run cannot recognise unseen targets" in outcome.err
    assert "trees" not in sirna.load_bundle(Path("run/bundle")).by_family


def test_trees_that_are_missing_in_a_fold_are_left_out_of_the_bundle(
    data, ok, cli, tiny, monkeypatch
) -> None:
    some = ("train", data / "train_data.csv", *tiny, "--folds", 2, "--run")
    ok(*some, "whole")
    fit = TreesMember.fit.__func__

    def interrupted(cls, task: FoldTask, index: int, callbacks: FitCallbacks):
        if task.fold:
            os.kill(os.getpid(), signal.SIGINT)
        return fit(cls, task, index, callbacks)

    with monkeypatch.context() as patch:
        patch.setattr(TreesMember, "fit", classmethod(interrupted))
        cli(*some, "torn")
    bundle = sirna.load_bundle(Path("torn/bundle"))
    assert folds(bundle) == {"network": [0, 1], "gaussian_process": [0, 1]}
    assert bundle.unseen_postprocess is not None
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
            ["siblings.lookup=false", "covariates.numeric=[]", "covariates.categorical=[]"],
        ),
    ],
    ids=str,
)
def test_every_kind_of_run_is_trained_on_all_rows(protocol, changes, data, ok, tiny, read) -> None:
    options = [word for change in (*changes, "train.refit=true") for word in ("--set", change)]
    ok("train", data / "train_data.csv", *tiny, *options, "--protocol", protocol, "--run", "run")
    (network,) = sirna.load_bundle(Path("run/bundle")).by_family["network"]
    assert network.facts["rows"] == len(read(data / "train_data.csv"))
    ok("submit", data / "test.csv", "--run", "run", "--out", "out.csv")
    assert pd.read_csv("out.csv")["mRNA_remaining_pct"].between(0, 200).all()


@pytest.mark.parametrize("scratch", ["kept", "lost"])
def test_a_failure_on_all_rows_keeps_the_results_of_the_folds(
    scratch, data, cli, ok, tiny, monkeypatch
) -> None:
    whole = ("train", data / "train_data.csv", *tiny, "--set", "train.refit=true", "--run")
    ok(*whole, "whole")
    fit = GaussianProcessMember.fit.__func__

    def too_much(cls, task: FoldTask, index: int, callbacks: FitCallbacks):
        if not len(task.held_out):
            raise MemoryError("all rows are too many")
        return fit(cls, task, index, callbacks)

    with monkeypatch.context() as patch:
        patch.setattr(GaussianProcessMember, "fit", classmethod(too_much))
        assert cli(*whole, "torn").code == 1
    run = Path("torn")
    assert json.loads((run / "metrics.json").read_text())["interrupted"]
    assert folds(sirna.load_bundle(run / "bundle")) == {"network": [0], "gaussian_process": [0]}
    assert (run / "oof.csv").read_bytes() == Path("whole/oof.csv").read_bytes()
    ok("submit", data / "test.csv", "--run", run)
    assert [path.name for path in run.glob("last/scratch/*")] == ["gaussian_process-0"]
    if scratch == "lost":
        shutil.rmtree(run / "last/scratch")
    ok("train", "--resume", "--run", run)
    for name in ("network-0", "gaussian_process-0"):
        file = f"bundle/{name}.safetensors"
        assert (run / file).read_bytes() == (Path("whole") / file).read_bytes()
    assert not any((one / "last/scratch").exists() for one in (run, Path("whole")))

"""`sirna sample` and `sirna train`."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damage import LABEL

import sirna
from sirna.members.gaussian_process.member import GaussianProcessMember
from sirna.members.network.member import NetworkMember
from sirna.members.trees.member import TreesMember
from sirna.prediction.calibration import Calibration
from sirna.prediction.histogram import Histogram
from sirna.table.check_table import read_table
from sirna.table.report import Purpose

KINDS = ("known_target", "unseen_target")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_times(path: Path) -> pd.DataFrame:
    return pd.read_csv(path).drop(columns=["seconds", "rows_per_second"])


def test_the_same_seed_gives_the_same_sample(ok, tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        ok("sample", tmp_path / name, "--duplexes", 20, "--seed", seed)
    a, b, c = (list(tree(tmp_path / name).values()) for name in "abc")
    assert a == b
    assert a != c


def test_a_sample_has_a_blind_test_file_and_its_truth(data: Path, read) -> None:
    test, truth = read(data / "test.csv"), read(data / "test_truth.csv")
    assert (test[LABEL] == "").all()
    assert test["id"].tolist() == truth["id"].tolist()
    assert not set(test["id"]) & set(read(data / "train_data.csv")["id"])


def test_a_sample_overwrites_nothing(data: Path, cli) -> None:
    before = tree(data)
    outcome = cli("sample", data, "--duplexes", 20, "--seed", 9)
    assert outcome.code == 2
    assert "already exists" in outcome.err
    assert tree(data) == before


def test_a_run_has_all_documented_files(run: Path) -> None:
    for name in ("config.toml", "log.csv", "splits.csv", "oof.csv", "metrics.json"):
        assert (run / name).stat().st_size
    members = {"network-0", "gaussian_process-0", "trees-0"}
    assert {path.name for path in (run / "last").iterdir()} == {"fold-0", "training.sha256"}
    assert {path.name for path in (run / "last/fold-0").iterdir()} == members
    assert {path.name for path in (run / "bundle").iterdir()} == {
        "bundle.json",
        "training.parquet",
        *(f"{member}.safetensors" for member in members),
    }
    assert not list(run.rglob(".*"))


def test_the_log_has_a_row_for_every_epoch(run: Path) -> None:
    log = pd.read_csv(run / "log.csv")
    assert log[["fold", "member", "epoch"]].to_numpy().tolist() == [
        [0, "network-0", 1],
        [0, "network-0", 2],
    ]


def test_the_printed_score_is_that_of_the_out_of_fold_file(run: Path) -> None:
    oof = pd.read_csv(run / "oof.csv")
    pooled = json.loads((run / "metrics.json").read_text())["pooled"]
    found = sirna.competition_score(oof["measured"], oof["predicted"])
    assert pooled["score"] == pytest.approx(found.score, abs=1e-6)
    assert pooled["rows"] == len(oof)


def test_the_same_seed_gives_the_same_run(run: Path, data, ok, tiny, tmp_path: Path) -> None:
    ok("train", data / "train_data.csv", *tiny, "--run", tmp_path / "again")
    for name in ("oof.csv", "splits.csv", "bundle/network-0.safetensors"):
        assert (run / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    pd.testing.assert_frame_equal(
        without_times(run / "log.csv"), without_times(tmp_path / "again/log.csv")
    )


def test_the_configuration_of_a_run_repeats_it(run: Path, ok, tmp_path: Path) -> None:
    ok("train", "--config", run / "config.toml", "--run", tmp_path / "again")
    assert (run / "oof.csv").read_bytes() == (tmp_path / "again/oof.csv").read_bytes()
    assert (run / "config.toml").read_bytes() == (tmp_path / "again/config.toml").read_bytes()


def test_another_seed_gives_another_split(run: Path, data, ok, tiny, tmp_path: Path) -> None:
    ok("train", data / "train_data.csv", *tiny, "--run", tmp_path / "other", "--seed", 7)
    assert (run / "splits.csv").read_bytes() != (tmp_path / "other/splits.csv").read_bytes()


def test_an_existing_run_is_never_overwritten(run: Path, data, cli, tiny) -> None:
    before = tree(run)
    outcome = cli("train", data / "train_data.csv", *tiny, "--run", run)
    assert outcome.code == 2
    assert "already exists" in outcome.err
    assert tree(run) == before


def test_runs_started_in_the_same_second_get_different_folders(
    data, ok, tiny, tmp_path: Path
) -> None:
    for _ in range(2):
        ok("train", data / "train_data.csv", *tiny, "--set", "train.epochs=1")
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_check_prints_one_verdict_and_writes_nothing(data, ok, tiny, tmp_path: Path) -> None:
    outcome = ok("train", data / "train_data.csv", *tiny, "--check")
    verdict, following = outcome.out.splitlines()[-2:]
    assert verdict.startswith("check: ok; 1 fold on cpu: ")
    seconds = r"\d+ s"
    families = "network", "Gaussian process", "trees"
    assert re.search(", ".join(f"{seconds} for the {name}" for name in families) + "$", verdict)
    assert following == "next: the same command without --check"
    assert not list(tmp_path.iterdir())
    more = ["--folds", 2, "--set", "train.refit=true", "--set=mixture.unseen_target.trees=0"]
    more += [f"--set=mixture.{kind}.gaussian_process=0" for kind in KINDS]
    verdict = ok("train", data / "train_data.csv", *tiny, "--check", *more).out.splitlines()[-2]
    assert re.search(r"2 folds and all rows on cpu: \d+ s for the network$", verdict)


def test_a_check_refuses_a_run_folder_that_training_would_refuse(run, data, cli, tiny) -> None:
    assert cli("train", data / "train_data.csv", *tiny, "--check", "--run", run).code == 2


def test_every_row_is_held_out_once_and_every_fold_gives_a_network(
    data, ok, tiny, tmp_path: Path, read
) -> None:
    outcome = ok("train", data / "train_data.csv", *tiny, "--folds", 3, "--run", "run")
    oof, train = read(tmp_path / "run/oof.csv"), read(data / "train_data.csv")
    assert oof["id"].tolist() == train["id"].tolist()
    assert set(oof["fold"]) == {"0", "1", "2"}
    assert len(list((tmp_path / "run/bundle").glob("network-*.safetensors"))) == 3
    figures = json.loads((tmp_path / "run/metrics.json").read_text())
    scores = pd.Series([part["score"] for part in figures["folds"].values()])
    assert figures["mean"] == pytest.approx(scores.mean())
    assert figures["sd"] == pytest.approx(scores.std())
    assert f"{figures['mean']:.4f} ± {figures['sd']:.4f}" in outcome.out
    ok("submit", data / "test.csv", "--run", "run")


@pytest.mark.parametrize(
    ("protocol", "column", "folds"),
    [
        ("duplex", "siRNA_antisense_seq", {"-1", "0"}),
        ("target", "gene_target_symbol_name", set("01234")),
    ],
)
def test_a_protocol_keeps_its_rows_on_one_side(
    protocol: str, column: str, folds: set[str], data, ok, tiny, tmp_path: Path, read
) -> None:
    ok("train", data / "train_data.csv", *tiny, "--protocol", protocol, "--run", "run")
    table = read(data / "train_data.csv").merge(read(tmp_path / "run/splits.csv"), on="id")
    known = table[table[column] != ""]
    assert (known.groupby(known[column].str.upper())["fold"].nunique() == 1).all()
    assert set(table["fold"]) == folds


@pytest.mark.parametrize("options", [["--protocol", "duplex"], ["--set", "siblings.lookup=false"]])
def test_without_siblings_no_measurement_is_in_the_bundle(options, data, ok, tiny) -> None:
    table = Path("run/bundle/training.parquet")
    ok("train", data / "train_data.csv", *tiny, *options, "--run", "run")
    assert "label" not in pd.read_parquet(table)
    ok("submit", data / "test.csv", "--run", "run")
    shutil.rmtree("run")
    alone = [f"--set=mixture.{kind}.gaussian_process=0" for kind in KINDS]
    alone += ["--set=mixture.unseen_target.trees=0"]
    ok("train", data / "train_data.csv", *tiny, *options, *alone, "--run", "run")
    assert not table.exists()
    ok("submit", data / "test.csv", "--run", "run", "--out", "alone.csv")


def test_a_family_without_a_weight_is_not_trained(data, ok, tiny) -> None:
    printed = ok("train", data / "train_data.csv", *tiny, "--run", "with").out
    assert "mixture: network 0.40, Gaussian process 0.60\n" in printed
    assert "fold 0: Gaussian process on" in printed
    none = [f"--set=mixture.{kind}.gaussian_process=0" for kind in KINDS]
    printed = ok("train", data / "train_data.csv", *tiny, *none, "--run", "without").out
    assert "mixture: network 1.00\n" in printed
    assert "Gaussian" not in printed
    families = set(sirna.load_bundle(Path("without/bundle")).by_family)
    assert families == {"network", "trees"}


def test_a_run_without_a_network_is_trained_and_submitted(data, ok, tiny) -> None:
    none = [f"--set=mixture.{kind}.network=0" for kind in KINDS]
    printed = ok("train", data / "train_data.csv", *tiny, *none, "--run", "run").out
    assert "epoch" not in printed
    ok("submit", data / "test.csv", "--run", "run", "--out", "out.csv")
    assert pd.read_csv("out.csv")[LABEL].between(0, 200).all()


def test_under_target_trees_have_their_weight_in_every_row(data, ok, tiny, monkeypatch) -> None:
    tiny = [*tiny, "--protocol", "target", "--folds", "2"]
    printed = ok("train", data / "train_data.csv", *tiny, "--run", "with").out
    assert "mixture: network 0.24, Gaussian process 0.36, trees 0.40" in printed
    assert "fold 0: trees on" in printed
    bundle = sirna.load_bundle(Path("with/bundle"))
    rows = read_table(data / "test.csv", bundle.config, Purpose.TEST).rows
    plain = replace(bundle.postprocess, calibration=Calibration())
    parts = [
        type(members[0]).predict_together(members, rows) for members in bundle.by_family.values()
    ]
    expected = Histogram.mixture(parts, [0.24, 0.36, 0.4])
    found = replace(bundle, postprocess=plain).predict(rows).distribution
    np.testing.assert_allclose(found.probs, expected.probs, atol=1e-12)
    none = ("--set", "mixture.unseen_target.trees=0", "--run", "without")
    assert "trees" not in ok("train", data / "train_data.csv", *tiny, *none).out
    assert "trees" not in sirna.load_bundle(Path("without/bundle")).by_family
    before = Path("with/oof.csv").read_bytes()
    Path("with/metrics.json").unlink()
    monkeypatch.setattr(TreesMember, "fit", None)  # calling it fails
    ok("train", "--resume", "--run", "with")
    assert Path("with/oof.csv").read_bytes() == before


def test_trees_do_not_change_predictions_for_known_targets(data, ok, tiny) -> None:
    again = ("--folds", "2", "--set", "train.refit=true")
    printed = ok("train", data / "train_data.csv", *tiny, *again, "--run", "with").out
    assert "all rows: trees on" in printed
    assert "fold 0: trees" not in printed
    none = ("--set", "mixture.unseen_target.trees=0", "--run", "without")
    ok("train", data / "train_data.csv", *tiny, *again, *none)
    assert Path("with/oof.csv").read_bytes() == Path("without/oof.csv").read_bytes()
    bundles = [sirna.load_bundle(Path(run, "bundle")) for run in ("with", "without")]
    rows = read_table(data / "test.csv", bundles[0].config, Purpose.TEST).rows
    one, other = (bundle.predict(rows) for bundle in bundles)
    known = ~one.unseen_target
    assert known.any()
    np.testing.assert_array_equal(one.distribution.probs[known], other.distribution.probs[known])
    mine = rows.assign(target="MINE", publication=None, guide=rows["guide"].str[::-1])
    one, other = (bundle.predict(mine) for bundle in bundles)
    assert one.unseen_target.all()
    assert np.abs(one.distribution.probs - other.distribution.probs).max() > 0.01


def test_a_finished_member_is_not_fitted_again(data, ok, cli, tiny, monkeypatch) -> None:
    ok("train", data / "train_data.csv", *tiny, "--run", "run")
    whole = Path("run/oof.csv").read_bytes()
    Path("run/metrics.json").unlink()
    for family in (NetworkMember, GaussianProcessMember, TreesMember):
        monkeypatch.setattr(family, "fit", None)  # calling it fails
    ok("train", "--resume", "--run", "run")
    assert Path("run/oof.csv").read_bytes() == whole
    Path("run/metrics.json").unlink()
    Path("run/last/fold-0/gaussian_process-0/tensors.safetensors").write_bytes(b"damaged")
    outcome = cli("train", "--resume", "--run", "run")
    assert outcome.code == 1
    assert "gaussian_process-0: cannot be resumed" in outcome.err
    assert "delete this folder, and --resume fits it again" in outcome.err


def test_the_bundle_looks_siblings_up_among_all_labelled_rows(run: Path, training) -> None:
    bundle = sirna.load_bundle(run / "bundle")
    labels = training[LABEL].astype(float).tolist()
    for network in bundle.by_family["network"]:
        assert network.dataset_encoder.siblings.measured["label"].tolist() == labels


def test_under_target_names_of_targets_do_not_change_predictions(data, ok, tiny) -> None:
    ok("train", data / "train_data.csv", *tiny, "--protocol", "target", "--run", "run")
    bundle = sirna.load_bundle(Path("run/bundle"))
    assert bundle.by_family["network"][0].dataset_encoder.covariates.training_only
    rows = read_table(data / "test.csv", bundle.config, Purpose.TEST).rows
    renamed = rows.assign(target=rows["target"].iloc[::-1].to_numpy(), publication="another")
    one, other = (bundle.predict(table).distribution for table in (rows, renamed))
    np.testing.assert_array_equal(one.probs, other.probs)


@pytest.mark.parametrize(("dropout", "noted"), [("0.0", True), ("0.4", False)])
def test_low_dropout_is_noted_if_names_are_read(data, ok, tiny, dropout, noted) -> None:
    change = ("--set", f"model.covariate_dropout={dropout}")
    options = (*tiny, *change, "--protocol", "target", "--check")
    message = "must learn to predict without them"
    assert (message in ok("train", data / "train_data.csv", *options).err) is noted


def test_a_share_that_large_groups_do_not_allow_is_noted(data, ok, tiny) -> None:
    command = ("train", data / "train_data.csv", *tiny, "--check", "--valid")
    assert "of the rows are held out, not 2%" in ok(*command, 0.02, "--protocol", "target").err
    assert "rows are held out, not" not in ok(*command, 0.2).err


def test_a_saved_split_is_used_again_with_any_seed_and_order(
    run: Path, data, ok, tiny, tmp_path: Path, read
) -> None:
    shuffled = read(data / "train_data.csv").sample(frac=1, random_state=5)
    shuffled.to_csv("shuffled.csv", index=False)
    options = ("--splits", run / "splits.csv", "--seed", 99, "--run", "again")
    ok("train", "shuffled.csv", *tiny, *options)
    first, second = read(run / "oof.csv"), read(tmp_path / "again/oof.csv")
    assert set(first["id"]) == set(second["id"])
    old, new = (read(folder / "splits.csv").set_index("id") for folder in (run, tmp_path / "again"))
    pd.testing.assert_frame_equal(old, new.loc[old.index])


def test_folds_requested_with_a_saved_split_are_not_ignored_silently(
    run: Path, data, cli, tiny
) -> None:
    options = ("--splits", run / "splits.csv", "--folds", 3, "--check")
    outcome = cli("train", data / "train_data.csv", *tiny, *options)
    assert outcome.code == 2
    assert "--folds and --splits" in outcome.err


def test_the_training_table_is_the_argument_the_setting_the_folder_or_the_embedded_one(
    data, ok, tiny, tmp_path: Path
) -> None:
    def first_line(*arguments: object) -> str:
        return ok("train", *arguments, *tiny, "--check").out.splitlines()[0]

    table = data / "train_data.csv"
    assert "embedded" in first_line()
    shutil.copy(table, tmp_path / "train_data.csv")
    assert f"{tmp_path / 'train_data.csv'} (found in the current folder)" in first_line()
    shutil.copy(table, tmp_path / "other.csv")
    (tmp_path / "own.toml").write_text("[data]\ntrain = 'other.csv'\n")
    assert f"{tmp_path / 'other.csv'} (data.train)" in first_line("--config", "own.toml")
    assert f"{table} (given)" in first_line(table, "--config", "own.toml")


def test_parquet_csv_and_gzip_train_the_same(run: Path, data, ok, tiny, tmp_path: Path) -> None:
    table = pd.read_csv(data / "train_data.csv")
    table.to_parquet("train.parquet")
    table.to_csv("train.csv.gz", index=False)
    for name in ("train.parquet", "train.csv.gz"):
        ok("train", name, *tiny, "--run", tmp_path / f"run-{name}")
        assert (run / "oof.csv").read_bytes() == (tmp_path / f"run-{name}/oof.csv").read_bytes()


def test_columns_that_the_run_does_not_use_are_not_required(data, ok, tiny, read) -> None:
    unused = ["modified_siRNA_sense_seq", "modified_siRNA_antisense_seq", "gene_target_seq"]
    read(data / "train_data.csv").drop(columns=unused).to_csv("train.csv", index=False)
    read(data / "test.csv").drop(columns=unused).to_csv("test.csv", index=False)
    ok("train", "train.csv", *tiny, "--run", "run")
    ok("submit", "test.csv", "--run", "run", "--out", "out.csv")
    assert list(read("out.csv")) == list(read("test.csv"))


def test_a_column_without_a_name_plays_no_role(data, ok, tiny, read) -> None:
    read(data / "train_data.csv").reset_index().rename(columns={"index": ""}).to_csv(
        "train.csv", index=False
    )
    ok("train", "train.csv", *tiny, "--set", "columns.dose=", "--run", "run")
    manifest = json.loads(Path("run/bundle/bundle.json").read_text())
    assert "dose" not in manifest["members"][0]["encoder"]["covariates"]["numeric"]

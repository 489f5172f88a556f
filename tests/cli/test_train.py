"""`sirna sample` and `sirna train`."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from damage import LABEL

import sirna
from sirna.members.gaussian_process.member import RowProcess
from sirna.members.trees.member import RowTrees
from sirna.prediction.calibration import Calibration
from sirna.prediction.histogram import Histogram
from sirna.table.check_table import read_table
from sirna.table.report import Purpose


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
    assert "is there already" in outcome.err
    assert tree(data) == before


def test_a_run_holds_all_that_the_design_promises(run: Path) -> None:
    for name in ("config.toml", "log.csv", "splits.csv", "oof.csv", "metrics.json"):
        assert (run / name).stat().st_size
    kept = {"fold-0-0", "process-0.safetensors", "trees-0.safetensors", "training.sha256"}
    assert {path.name for path in (run / "last").iterdir()} == kept
    assert {path.name for path in (run / "bundle").iterdir()} == {
        "bundle.json",
        "known.parquet",
        "member-0.safetensors",
        "process-0.safetensors",
        "trees-0.safetensors",
    }
    assert not list(run.rglob(".*"))


def test_the_log_has_a_row_for_every_epoch(run: Path) -> None:
    log = pd.read_csv(run / "log.csv")
    assert log[["fold", "member", "epoch"]].to_numpy().tolist() == [[0, 0, 1], [0, 0, 2]]


def test_the_printed_score_is_that_of_the_out_of_fold_file(run: Path) -> None:
    oof = pd.read_csv(run / "oof.csv")
    pooled = json.loads((run / "metrics.json").read_text())["pooled"]
    found = sirna.competition_score(oof["measured"], oof["predicted"])
    assert pooled["score"] == pytest.approx(found.score, abs=1e-6)
    assert pooled["rows"] == len(oof)


def test_the_same_seed_gives_the_same_run(run: Path, data, ok, tiny, tmp_path: Path) -> None:
    ok("train", data / "train_data.csv", *tiny, "--run", tmp_path / "again")
    for name in ("oof.csv", "splits.csv", "bundle/member-0.safetensors"):
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
    assert "is there already" in outcome.err
    assert tree(run) == before


def test_runs_of_one_second_get_folders_of_their_own(data, ok, tiny, tmp_path: Path) -> None:
    for _ in range(2):
        ok("train", data / "train_data.csv", *tiny, "--set", "train.epochs=1")
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_check_ends_in_one_verdict_and_writes_nothing(data, ok, tiny, tmp_path: Path) -> None:
    outcome = ok("train", data / "train_data.csv", *tiny, "--check")
    verdict = outcome.out.splitlines()[-1]
    assert verdict.startswith("check: ok")
    assert verdict.endswith(
        "1 fold on cpu: 0 min for the networks, 0 min for the Gaussian processes, 0 min for the "
        "trees"
    )
    assert not list(tmp_path.iterdir())
    more = ("--folds", 2, "--set", "train.refit=true", "--set", "gaussian_process.share=0")
    verdict = ok("train", data / "train_data.csv", *tiny, "--check", *more).out.splitlines()[-1]
    assert verdict.endswith("2 folds and all rows on cpu: 0 min for the networks")


def test_a_check_refuses_a_run_folder_that_training_would_refuse(run, data, cli, tiny) -> None:
    assert cli("train", data / "train_data.csv", *tiny, "--check", "--run", run).code == 2


def test_folds_hold_every_row_out_once_and_give_a_member_each(
    data, ok, tiny, tmp_path: Path, read
) -> None:
    outcome = ok("train", data / "train_data.csv", *tiny, "--folds", 3, "--run", "run")
    oof, train = read(tmp_path / "run/oof.csv"), read(data / "train_data.csv")
    assert oof["id"].tolist() == train["id"].tolist()
    assert set(oof["fold"]) == {"0", "1", "2"}
    assert len(list((tmp_path / "run/bundle").glob("member-*.safetensors"))) == 3
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


@pytest.mark.parametrize(
    "options", [["--protocol", "duplex"], ["--set", "known.measurements=false"]]
)
def test_no_measurement_is_in_the_bundle_where_none_is_known(options, data, ok, tiny) -> None:
    known = Path("run/bundle/known.parquet")
    ok("train", data / "train_data.csv", *tiny, *options, "--run", "run")
    assert "label" not in pd.read_parquet(known)
    ok("submit", data / "test.csv", "--run", "run")
    alone = (*tiny, *options, "--set", "gaussian_process.share=0", "--run", "run")
    shutil.rmtree("run")
    ok("train", data / "train_data.csv", *alone)
    assert not known.exists()
    ok("submit", data / "test.csv", "--run", "run", "--out", "alone.csv")


def test_the_fold_has_a_gaussian_process_unless_its_share_is_nought(
    run: Path, data, ok, tiny, tmp_path: Path
) -> None:
    told = ok("train", data / "train_data.csv", *tiny, "--run", "with").out
    assert "fold 0: Gaussian process on" in told
    share = ("--set", "gaussian_process.share=0")
    assert "Gaussian" not in ok("train", data / "train_data.csv", *tiny, *share, "--run", "no").out
    bundle = sirna.load_bundle(tmp_path / "no/bundle")
    assert bundle.processes == []
    mixed = sirna.load_bundle(run / "bundle")
    rows = read_table(data / "test.csv", mixed.config, Purpose.TEST).rows
    rule = replace(mixed.rule, calibration=Calibration())
    both = replace(mixed, rule=rule, new_target_rule=None)
    process = mixed.processes[0].predict(rows)
    one, other = (
        part.predict(rows, part.encode(rows), torch.device("cpu"))[0]
        for part in (replace(both, processes=[]), both)
    )
    weight = mixed.config.gaussian_process.share
    expected = Histogram.mixture([one, process], [1 - weight, weight])
    np.testing.assert_allclose(other.probs, expected.probs, atol=1e-12)


def test_under_target_trees_have_a_share_in_every_row(data, ok, tiny, monkeypatch) -> None:
    tiny = [*tiny, "--protocol", "target", "--folds", "2"]
    share = ("--set", "trees.share=0.25")
    told = ok("train", data / "train_data.csv", *tiny, *share, "--run", "with").out
    assert "fold 0: trees on" in told
    mixed = sirna.load_bundle(Path("with/bundle"))
    rows = read_table(data / "test.csv", mixed.config, Purpose.TEST).rows
    rule = replace(mixed.rule, calibration=Calibration())
    whole = replace(mixed, rule=rule)
    others, both = (
        part.predict(rows, part.encode(rows), torch.device("cpu"))[0]
        for part in (replace(whole, trees=[]), whole)
    )
    trees = Histogram.mixture([one.predict(rows) for one in mixed.trees])
    expected = Histogram.mixture([others, trees], [0.75, 0.25])
    np.testing.assert_allclose(both.probs, expected.probs, atol=1e-12)
    none = ("--set", "trees.share=0", "--run", "without")
    assert "trees" not in ok("train", data / "train_data.csv", *tiny, *none).out
    assert sirna.load_bundle(Path("without/bundle")).trees == []
    before = Path("with/oof.csv").read_bytes()
    Path("with/metrics.json").unlink()
    monkeypatch.setattr(RowTrees, "fit", None)  # calling it fails
    ok("train", "--resume", "--run", "with")
    assert Path("with/oof.csv").read_bytes() == before


def test_known_targets_have_no_use_for_trees(data, ok, tiny) -> None:
    again = ("--folds", "2", "--set", "train.refit=true")
    told = ok("train", data / "train_data.csv", *tiny, *again, "--run", "with").out
    assert "all rows: trees on" in told
    assert "fold 0: trees" not in told
    none = ("--set", "trees.share=0", "--run", "without")
    ok("train", data / "train_data.csv", *tiny, *again, *none)
    assert Path("with/oof.csv").read_bytes() == Path("without/oof.csv").read_bytes()
    config, kept = (sirna.load_bundle(Path("with/bundle")).config, [])
    rows = read_table(data / "test.csv", config, Purpose.TEST).rows
    for run in ("with", "without"):
        bundle = sirna.load_bundle(Path(run, "bundle"))
        new = bundle.new_targets(rows)
        kept.append(bundle.predict(rows, bundle.encode(rows), torch.device("cpu"))[0].probs)
    assert not new.all()
    np.testing.assert_array_equal(kept[0][~new], kept[1][~new])
    mine = rows.assign(target="MINE", publication=None, guide=rows["guide"].str[::-1])
    told = [
        part.predict(mine, part.encode(mine), torch.device("cpu"))[0].probs
        for part in (sirna.load_bundle(Path(run, "bundle")) for run in ("with", "without"))
    ]
    assert np.abs(told[0] - told[1]).max() > 0.01


def test_a_process_that_was_fitted_is_not_fitted_again(data, ok, cli, tiny, monkeypatch) -> None:
    ok("train", data / "train_data.csv", *tiny, "--run", "run")
    whole = Path("run/oof.csv").read_bytes()
    Path("run/metrics.json").unlink()
    monkeypatch.setattr(RowProcess, "fit", None)  # calling it fails
    ok("train", "--resume", "--run", "run")
    assert Path("run/oof.csv").read_bytes() == whole
    Path("run/metrics.json").unlink()
    Path("run/last/process-0.safetensors").write_bytes(b"damaged")
    outcome = cli("train", "--resume", "--run", "run")
    assert outcome.code == 1
    assert "process-0.safetensors" in outcome.err
    assert "fitted again" in outcome.err


def test_the_bundle_knows_every_training_row_the_held_out_too(run: Path, training) -> None:
    bundle = sirna.load_bundle(run / "bundle")
    labels = training[LABEL].astype(float).tolist()
    for member in bundle.members:
        assert member.encoding.known.rows["label"].tolist() == labels


def test_under_target_nothing_that_names_the_target_reaches_the_model(data, ok, tiny) -> None:
    ok("train", data / "train_data.csv", *tiny, "--protocol", "target", "--run", "run")
    bundle = sirna.load_bundle(Path("run/bundle"))
    assert bundle.members[0].encoding.covariates.groups
    rows = read_table(data / "test.csv", bundle.config, Purpose.TEST).rows
    renamed = rows.assign(target=rows["target"].iloc[::-1].to_numpy(), publication="another")
    one, other = (
        bundle.predict(table, bundle.encode(table), torch.device("cpu"))[0]
        for table in (rows, renamed)
    )
    np.testing.assert_array_equal(one.probs, other.probs)


@pytest.mark.parametrize(("dropout", "told"), [("0.0", True), ("0.4", False)])
def test_little_dropout_is_told_where_names_are_read(data, ok, tiny, dropout, told) -> None:
    change = ("--set", f"model.covariate_dropout={dropout}")
    options = (*tiny, *change, "--protocol", "target", "--check")
    assert (
        "must learn to do without" in ok("train", data / "train_data.csv", *options).err
    ) is told


def test_a_share_that_large_groups_do_not_allow_is_told(data, ok, tiny) -> None:
    command = ("train", data / "train_data.csv", *tiny, "--check", "--valid")
    assert "of the rows are held out, not 2%" in ok(*command, 0.02, "--protocol", "target").err
    assert "rows are held out, not" not in ok(*command, 0.2).err


def test_a_saved_split_is_used_again_whatever_the_seed_and_the_order(
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


def test_folds_asked_for_beside_a_saved_split_are_not_ignored_in_silence(
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
    assert "dose" not in manifest["members"][0]["encoding"]["covariates"]["numeric"]

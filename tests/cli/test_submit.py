"""`sirna submit`."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damage import LABEL

from sirna.bundle.bundle import Bundle
from sirna.bundle.domain import DOMAIN_COLUMNS
from sirna.bundle.store import load_bundle
from sirna.prediction.decision import expected_score
from sirna.table.check_table import read_table
from sirna.table.report import Purpose


def submitted(ok, read, run: Path, test: Path | str, *options: object) -> pd.DataFrame:
    out = Path("out") / f"{len(list(Path().rglob('*.csv')))}.csv"
    ok("submit", test, "--run", run, "--out", out, *options)
    return read(out)


def test_every_row_keeps_its_order_and_columns(run, data, ok, read) -> None:
    test = read(data / "test.csv").sample(frac=1, random_state=2)
    test["note"] = ['a "quoted", note\nof two lines', *(f"00{i}" for i in range(1, len(test)))]
    test.to_csv("test.csv", index=False)
    out = submitted(ok, read, run, "test.csv")
    pd.testing.assert_frame_equal(
        out.drop(columns=LABEL), test.drop(columns=LABEL).reset_index(drop=True)
    )
    assert list(out) == list(test)
    values = out[LABEL].astype(float)
    assert values.between(0, 1000).all()
    assert values.nunique() > 1


def test_the_expected_score_is_that_of_the_bundles_distributions(run, data, ok) -> None:
    out = ok("submit", data / "test.csv", "--run", run).out
    bundle = load_bundle(run / "bundle")
    table = read_table(data / "test.csv", bundle.config, Purpose.TEST)
    found = bundle.predict(table.rows)
    expected = expected_score(found.distribution, found.points, 30.0)
    line = "expected score, if the predicted distributions are right:"
    assert f"\n{line} {expected:.4f}\n" in out


def test_ids_keep_their_zeros_and_their_blanks(run: Path, data: Path, ok, read) -> None:
    test = read(data / "test.csv")
    test["id"] = [f"00{i}" for i in test.index[:-1]] + [" padded "]
    test.to_csv("test.csv", index=False)
    assert submitted(ok, read, run, "test.csv")["id"].tolist() == test["id"].tolist()


def test_by_default_the_newest_run_predicts_and_names_the_folder(data, ok, tiny, read) -> None:
    for seed in (1, 2):
        ok("train", data / "train_data.csv", *tiny, "--run", f"runs/{seed}", "--seed", seed)
    ok("submit", data / "test.csv")
    assert len(read("submissions/2/submission.csv")) == len(read(data / "test.csv"))
    log = read("submissions/log.csv")
    assert log["run"].tolist() == ["2"]
    assert log["file"].tolist() == ["submissions/2/submission.csv"]


def test_a_finished_run_is_preferred_to_a_newer_unfinished_one(data, ok, tiny, read) -> None:
    for seed in (1, 2):
        ok("train", data / "train_data.csv", *tiny, "--run", f"runs/{seed}", "--seed", seed)
    figures = Path("runs/2/metrics.json")
    figures.write_text(figures.read_text().replace('"interrupted": false', '"interrupted": true'))
    assert "not finished" not in ok("submit", data / "test.csv").err
    assert read("submissions/log.csv")["run"].tolist() == ["1"]
    printed = ok("submit", data / "test.csv", "--run", "runs/2").err
    assert "the training of this run is not finished" in printed
    assert "sirna train --resume --run runs/2" in printed


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "OUT.CSV"])
def test_the_same_input_gives_the_same_bytes_at_any_time_in_any_process(
    name: str, run, data, ok, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, number in (("a", 1_000_000_001), ("b", 1_000_000_777)):
        monkeypatch.setattr("time.time", lambda number=number: float(number))
        monkeypatch.setattr("os.getpid", lambda number=number: number)
        ok("submit", data / "test.csv", "--run", run, "--out", tmp_path / folder / name)
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_second_submit_reports_an_unchanged_file(run, data, ok) -> None:
    command = ("submit", data / "test.csv", "--run", run, "--out", "out.csv")
    assert "written" in ok(*command).out
    assert "unchanged" in ok(*command).out


def test_another_submission_is_replaced_only_with_force(run, data, cli, ok) -> None:
    command = ("submit", data / "test.csv", "--run", run, "--out", "out.csv")
    ok(*command)
    before = Path("out.csv").read_bytes()
    outcome = cli(*command, "--columns", "id")
    assert outcome.code == 2
    assert "--force" in outcome.err
    assert Path("out.csv").read_bytes() == before
    ok(*command, "--columns", "id", "--force")
    assert Path("out.csv").read_bytes() != before
    assert not list(Path().glob("check-*"))


def test_a_submission_for_other_rows_is_refused_before_any_work(
    run, data, cli, read, monkeypatch
) -> None:
    command = ("submit", data / "test.csv", "--run", run, "--out", "out.csv")
    read(data / "test.csv").tail(5).to_csv("out.csv", index=False)
    monkeypatch.setattr(Bundle, "predict", None)
    outcome = cli(*command)
    assert outcome.code == 2
    assert "another submission" in outcome.err
    assert len(read("out.csv")) == 5


def test_only_columns_that_the_bundle_reads_are_reported_as_absent(run, data, ok, read) -> None:
    test = read(data / "test.csv")
    test = test.drop(columns=["cell_line_donor", "siRNA_sense_seq", "concentration_unit"])
    test.to_csv("test.csv", index=False)
    printed = ok("submit", "test.csv", "--run", run, "--out", "out.csv").err
    assert "missing in every row: cell line 'cell_line_donor'" in printed
    assert "'concentration_unit': doses without a unit are read as nM" in printed
    assert "siRNA_sense_seq" not in printed
    narrow = ["--set", "covariates.categorical=[]", "--set", "mixture.unseen_target.trees=0"]
    for kind in ("known_target", "unseen_target"):
        narrow += ["--set", f"mixture.{kind}.gaussian_process=0"]
    tiny = ("--set", "model.hidden=4", "--set", "train.epochs=1", "--set", "train.refit=false")
    ok("train", data / "train_data.csv", *tiny, *narrow, "--run", "narrow")
    again = ok("submit", "test.csv", "--run", "narrow", "--out", "again.csv").err
    assert "cell line" not in again


def test_a_sequence_that_no_stream_reads_is_not_required(data, ok, read, tiny) -> None:
    without = [
        *("--set", "streams.guide_modifications.enabled=false"),
        *("--set", "streams.passenger_modifications.enabled=false"),
    ]
    ok("train", data / "train_data.csv", *tiny, *without, "--run", "run")
    whole = submitted(ok, read, Path("run"), data / "test.csv")
    test = read(data / "test.csv")
    lists = [name for name in test if name.endswith("_list")]
    assert len(lists) == 2
    test.drop(columns=lists).to_csv("plain.csv", index=False)
    plain = submitted(ok, read, Path("run"), "plain.csv")
    assert plain[LABEL].tolist() == whole[LABEL].tolist()
    assert not set(pd.read_parquet("run/bundle/training.parquet")) & {
        "guide_modifications",
        "passenger_modifications",
    }


def test_without_an_id_role_a_column_named_id_is_an_ordinary_column(data, ok, read, tiny) -> None:
    ok("train", data / "train_data.csv", *tiny, "--set", "columns.id=''", "--run", "run")
    for _ in range(2):
        ok("submit", data / "test.csv", "--run", "run", "--out", "out.csv")
    assert read("out.csv")["id"].tolist() == read(data / "test.csv")["id"].tolist()


def test_a_bundle_next_to_a_configuration_is_recognised_as_a_bundle(
    run, data, ok, tmp_path
) -> None:
    shutil.copytree(run / "bundle", tmp_path / "flat")
    shutil.copy(run / "config.toml", tmp_path / "flat")
    printed = ok("submit", data / "test.csv", "--run", tmp_path / "flat", "--out", "out.csv")
    assert "not finished" not in printed.err


def test_the_test_file_is_never_overwritten(run: Path, data: Path, cli) -> None:
    shutil.copy(data / "test.csv", "test.csv")
    before = Path("test.csv").read_bytes()
    cli("submit", "test.csv", "--run", run, "--out", "test.csv", "--force")
    assert Path("test.csv").read_bytes() == before


def test_a_submission_has_only_ids_and_predictions_on_request(
    run: Path, data: Path, ok, read
) -> None:
    whole = submitted(ok, read, run, data / "test.csv")
    narrow = submitted(ok, read, run, data / "test.csv", "--columns", "id")
    pd.testing.assert_frame_equal(narrow, whole[["id", LABEL]])


def test_the_uncertainty_is_a_probability_and_an_ordered_interval(run, data, ok, read) -> None:
    plain = submitted(ok, read, run, data / "test.csv")
    out = submitted(ok, read, run, data / "test.csv", "--with-uncertainty")
    pd.testing.assert_frame_equal(out[list(plain)], plain)
    added = set(out) - set(plain) - set(DOMAIN_COLUMNS)
    numbers = out.astype(dict.fromkeys(added, float))
    assert numbers["prob_below_30"].between(0, 1).all()
    assert numbers["median"].between(numbers["interval_80_low"], numbers["interval_80_high"]).all()
    surely = np.abs(numbers["prob_below_30"] - 0.5) > 0.001
    assert ((numbers["median"] < 30) == (numbers["prob_below_30"] > 0.5))[surely].all()


def test_the_domain_of_each_row_is_added(run, data, ok, read) -> None:
    test, training = read(data / "test.csv"), read(data / "train_data.csv")
    out = submitted(ok, read, run, data / "test.csv", "--with-uncertainty")
    assert set(out) >= set(DOMAIN_COLUMNS)
    measured = test["siRNA_antisense_seq"].isin(training["siRNA_antisense_seq"])
    assert ((out["differing_bases"] == "0.0") == measured).all()
    assert out["nearest_training_duplex"].isin(training["siRNA_duplex_id"]).all()
    assert set(out["new_target"]) <= {"True", "False"}


def test_a_test_file_can_have_other_column_names(run, data, cli, ok, read) -> None:
    test = read(data / "test.csv")
    names = {"siRNA_antisense_seq": "Guide 5-3", "siRNA_concentration": "c (nM)"}
    test.rename(columns=names).to_csv("mine.csv", index=False)
    refused = cli("submit", "mine.csv", "--run", run)
    assert refused.code == 1
    assert "[columns] section of a file given by --config" in refused.err
    Path("mine.toml").write_text('[columns]\nguide = "Guide 5-3"\ndose = "c (nM)"\n')
    mine = submitted(ok, read, run, "mine.csv", "--config", "mine.toml")
    plain = submitted(ok, read, run, data / "test.csv")
    Path("label.toml").write_text('[label]\nkind = "fraction"\n')
    refused = cli("submit", "mine.csv", "--run", run, "--config", "label.toml")
    assert refused.code == 2
    assert "label.toml: has no section [columns]" in refused.err
    Path("typo.toml").write_text('[columns]\nguid = "Guide 5-3"\n')
    refused = cli("submit", "mine.csv", "--run", run, "--config", "typo.toml")
    assert refused.code == 2
    assert "typo.toml" in refused.err
    assert "did you mean 'guide'" in refused.err
    assert list(mine) == [names.get(name, name) for name in plain]
    assert mine[LABEL].tolist() == plain[LABEL].tolist()


def test_measured_guides_are_reported_by_a_run_that_does_not_look_them_up(
    run, data, ok, tiny
) -> None:
    ok("train", data / "train_data.csv", *tiny, "--protocol", "target", "--run", "target")
    for folder, reported in (("target", True), (run, False)):
        outcome = ok("submit", data / "test.csv", "--run", folder, "--out", f"{reported}.csv")
        assert ("have a guide that was measured" in outcome.err) is reported


STRANGE = {
    "a dose out of range": (
        {"siRNA_concentration": "5000000"},
        "dose: 1 of 15 rows, the first with id",
    ),
    "a time out of range": ({"Duration_after_transfection_h": "9000"}, "hours: 1 of 15 rows"),
    "a guide of another length": (
        {"siRNA_antisense_seq": "ACGU" * 15},
        "guide length: 1 of 15 rows",
    ),
    "a blank cell": ({"cell_line_donor": ""}, "missing values: cell_line in 1 of 15 rows"),
    "a dose without a unit": (
        {"concentration_unit": ""},
        "1 row: no 'concentration_unit': read as nM",
    ),
    "an unknown token": (
        {"modified_siRNA_antisense_seq_list": "Xx,a c g"},
        "that no training row has: 'Xx'; predicted as the unknown token <unk>",
    ),
    "a cell line in other letters": (
        {"cell_line_donor": "HEP3B"},
        "training rows have 'Hep3B Cells'",
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_values_that_no_training_row_has_are_reported(name, run, data, cli, read) -> None:
    change, expected = STRANGE[name]
    test = read(data / "test.csv")
    assert len(test) == 15
    plain = cli("submit", data / "test.csv", "--run", run, "--out", "plain.csv")
    for column, value in change.items():
        test.loc[0, column] = value
    test.to_csv("odd.csv", index=False)
    odd = cli("submit", "odd.csv", "--run", run, "--out", "out.csv")
    assert odd.code == 0
    assert expected in " ".join(odd.err.split())
    assert expected not in " ".join(plain.err.split())


def test_numbers_of_another_numbering_are_read_as_missing(run, data, cli, read) -> None:
    test = read(data / "test.csv")
    written, printed = {}, {}
    for name, ids in (
        ("theirs", test["siRNA_duplex_id"]),
        ("far", [f"mine-{number}" for number in range(len(test))]),
        ("blank", [""] * len(test)),
    ):
        test.assign(siRNA_duplex_id=ids).to_csv(f"{name}.csv", index=False)
        out = f"{name}-out.csv"
        outcome = cli("submit", f"{name}.csv", "--run", run, "--out", out, "--with-uncertainty")
        written[name], printed[name] = read(out)["median"].tolist(), " ".join(outcome.err.split())
    assert written["far"] == written["blank"] != written["theirs"]
    count = f"duplex number: {len(test)} of {len(test)} rows"
    assert [count in printed[name] for name in written] == [False, True, False]


def test_existing_columns_of_uncertainty_are_not_overwritten(run, data, cli, ok, read) -> None:
    ok("submit", data / "test.csv", "--run", run, "--out", "first.csv", "--with-uncertainty")
    outcome = cli("submit", "first.csv", "--run", run, "--out", "out.csv", "--with-uncertainty")
    assert outcome.code == 1
    for part in ("first.csv", "'median'", "rename it", "--columns id"):
        assert part in outcome.err
    assert "expected score" not in outcome.out  # refused before the work
    assert not Path("out.csv").exists()
    again = submitted(ok, read, run, "first.csv", "--with-uncertainty", "--columns", "id")
    assert again["prob_below_30"].tolist() == read("first.csv")["prob_below_30"].tolist()


def test_measured_labels_in_a_test_file_are_kept_under_another_name(run, data, ok, read) -> None:
    blind = submitted(ok, read, run, data / "test.csv")
    test = read(data / "test.csv").drop(columns=LABEL)
    known = test.merge(read(data / "test_truth.csv")[["id", LABEL]], on="id")
    known.to_csv("known.csv", index=False)
    out = submitted(ok, read, run, "known.csv")
    assert out[LABEL].tolist() == blind[LABEL].tolist()
    assert out[f"{LABEL}_measured"].tolist() == known[LABEL].tolist()


def test_zeros_as_placeholders_of_the_label_are_accepted(run, data, ok, read) -> None:
    test = read(data / "test.csv")
    twice = pd.concat([test, test.assign(id="again-" + test["id"])]).assign(**{LABEL: "0"})
    twice.to_csv("test.csv", index=False)
    assert len(submitted(ok, read, run, "test.csv")) == len(twice)


def test_a_test_file_needs_no_label_column(run, data, ok, read) -> None:
    read(data / "test.csv").drop(columns=LABEL).to_csv("test.csv", index=False)
    whole = submitted(ok, read, run, data / "test.csv")
    pd.testing.assert_frame_equal(submitted(ok, read, run, "test.csv"), whole)


def by_id(frame: pd.DataFrame) -> pd.Series:
    return frame.set_index("id")[LABEL]


@pytest.mark.parametrize("change", ["shuffled", "reversed", "halved", "one row", "replaced"])
def test_a_prediction_does_not_depend_on_the_other_rows(
    change: str, run: Path, data: Path, ok, read
) -> None:
    test = read(data / "test.csv")
    train = read(data / "train_data.csv")
    other = {
        "shuffled": test.sample(frac=1, random_state=3),
        "reversed": test.iloc[::-1],
        "halved": test.iloc[::2],
        "one row": test.iloc[4:5],
        "replaced": pd.concat([train.assign(**{LABEL: ""}), test.iloc[3:6]]),
    }[change]
    other.to_csv("test.csv", index=False)
    whole, part = (
        by_id(submitted(ok, read, run, data / "test.csv")),
        by_id(submitted(ok, read, run, "test.csv", "--with-uncertainty")),
    )
    shared = part.index.intersection(whole.index)
    assert len(shared) >= 1
    assert whole[shared].tolist() == part[shared].tolist()


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("siRNA_antisense_seq", "ACGNNACGUACGUACGUACGUAC", "siRNA_antisense_seq"),
        ("siRNA_antisense_seq", "", "siRNA_antisense_seq"),
        ("siRNA_antisense_seq", "AC", "guide_bases"),
        ("modified_siRNA_sense_seq_list", "zz9 a g", "passenger_modifications"),
        ("cell_line_donor", "A cell line of mine", "cell_line"),
        ("gene_target_symbol_name", "simA1", "use that if you mean the same"),
        (
            "gene_target_symbol_name",
            "MINE",
            "for a file of unseen targets, train with --protocol target",
        ),
    ],
)
def test_a_row_that_cannot_be_fully_encoded_is_predicted_and_counted(
    column: str, value: str, expected: str, run: Path, data: Path, ok, read
) -> None:
    whole = by_id(submitted(ok, read, run, data / "test.csv"))
    test = read(data / "test.csv")
    test.loc[3, column] = value
    test.to_csv("test.csv", index=False)
    outcome = ok("submit", "test.csv", "--run", run, "--out", "out.csv")
    notes = [line for line in outcome.err.splitlines() if expected in line]
    assert notes
    assert any(character.isdigit() for character in notes[0])
    out = by_id(read("out.csv"))
    assert float(out.iloc[3]) >= 0
    assert out.drop(out.index[3]).tolist() == whole.drop(whole.index[3]).tolist()


def test_rows_of_an_unseen_target_have_wider_intervals(ok, tiny, read) -> None:
    ok("sample", "data", "--duplexes", 100)
    alone = ("--set", "mixture.unseen_target.trees=0", "--protocol", "duplex")
    ok("train", "data/train_data.csv", *tiny, *alone, "--run", "run")
    bundle = load_bundle(Path("run/bundle"))
    wider, usual = bundle.unseen_postprocess.calibration, bundle.postprocess.calibration
    assert wider.spread > usual.spread
    test, width = read("data/test.csv"), {}
    # guides that were not measured
    test["siRNA_antisense_seq"] = test["siRNA_antisense_seq"].str[::-1]
    for name in ("known", "new"):
        rows = test if name == "known" else test.assign(gene_target_symbol_name="MINE")
        rows.to_csv(f"{name}.csv", index=False)
        out = ("--run", "run", "--with-uncertainty", "--out", f"{name}-out.csv")
        printed = ok("submit", f"{name}.csv", *out).err
        ends = read(f"{name}-out.csv")[["interval_80_low", "interval_80_high"]].astype(float)
        width[name] = float(ends.diff(axis=1).iloc[:, 1].median())
    assert (
        f"{len(test)} of {len(test)} rows are of unseen targets; their predictions are less certain"
        in printed
    )
    assert width["new"] > 1.03 * width["known"]


def test_under_target_all_rows_have_one_postprocessing(data, ok, tiny) -> None:
    ok("train", data / "train_data.csv", *tiny, "--protocol", "target", "--run", "run")
    assert load_bundle(Path("run/bundle")).unseen_postprocess is None


def test_missing_conditions_are_equal_however_they_are_written(
    run: Path, data: Path, ok, read
) -> None:
    test = read(data / "test.csv")
    columns = ["cell_line_donor", "Transfection_method", "siRNA_concentration"]
    test[columns] = ""
    test.to_csv("blank.csv", index=False)
    test[columns] = "NaN"
    test.to_csv("nan.csv", index=False)
    test.drop(columns=columns).to_csv("absent.csv", index=False)
    blank, nan, absent = (
        submitted(ok, read, run, f"{name}.csv")[LABEL].tolist()
        for name in ("blank", "nan", "absent")
    )
    assert blank == nan == absent


def test_units_of_a_dose_are_converted(run: Path, data: Path, ok, read) -> None:
    test = read(data / "test.csv")
    whole = submitted(ok, read, run, data / "test.csv")
    test["siRNA_concentration"] = [repr(float(x) * 1000) for x in test["siRNA_concentration"]]
    test["concentration_unit"] = "pM"
    test.to_csv("test.csv", index=False)
    assert submitted(ok, read, run, "test.csv")[LABEL].tolist() == whole[LABEL].tolist()


def test_bases_can_be_dna_or_rna_in_upper_or_lower_case(run: Path, data: Path, ok, read) -> None:
    test = read(data / "test.csv")
    whole = submitted(ok, read, run, data / "test.csv")
    column = "siRNA_antisense_seq"
    test[column] = test[column].str.lower().str.replace("u", "t")
    test.to_csv("test.csv", index=False)
    assert submitted(ok, read, run, "test.csv")[LABEL].tolist() == whole[LABEL].tolist()


def test_a_copied_bundle_predicts_without_its_run(run: Path, data, ok, read, tmp_path) -> None:
    whole = submitted(ok, read, run, data / "test.csv")
    shutil.copytree(run / "bundle", tmp_path / "stranger's bundle")
    pd.testing.assert_frame_equal(
        submitted(ok, read, tmp_path / "stranger's bundle", data / "test.csv"), whole
    )


@pytest.mark.parametrize("options", [[], ["--with-uncertainty"], ["--columns", "id"]])
def test_a_file_of_many_blocks_is_written_as_one_of_one_block(
    run: Path, data: Path, ok, monkeypatch, options
) -> None:
    said = []
    for number, rows in enumerate((10_000, 7)):
        monkeypatch.setattr("sirna.stages.predictor.BLOCK_ROWS", rows)
        done = ok("submit", data / "test.csv", "--run", run, "--out", f"{number}.csv", *options)
        said.append((done.err, done.out.partition("expected score")[2].splitlines()[0]))
    assert Path("0.csv").read_bytes() == Path("1.csv").read_bytes()
    assert said[0] == said[1]

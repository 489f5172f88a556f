"""Test files, output files and bundles with which `sirna submit` must fail."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from damage import DOSE, GUIDE, LABEL, Frame, put, repeat_id, text, write

from sirna.bundle.store import manifest_digest

TESTING = {
    "header only": (lambda frame: frame.iloc[:0], ["no rows", "at least one"]),
    "html page": (text("<html>"), ["HTML page", "download the file itself"]),
    "no guide column": (lambda frame: frame.drop(columns=GUIDE), [GUIDE, "[columns]"]),
    "a trained stream is absent": (
        lambda frame: frame.drop(columns="modified_siRNA_sense_seq_list"),
        ["modified_siRNA_sense_seq_list", "trained on", "add the column", "--set streams."],
    ),
    "id twice": (repeat_id, ["'id'", "row id 4 ", "line 2", "line 3", "remove or rename"]),
}


@pytest.mark.parametrize("name", TESTING)
def test_a_bad_test_file_is_refused_and_nothing_is_written(
    name: str, testing: Frame, run: Path, refused, tmp_path: Path
) -> None:
    damage, expected = TESTING[name]
    path = write(tmp_path / "bad.csv", testing, damage)
    message = refused("submit", path, "--run", run, "--out", tmp_path / "out.csv")
    for part in ["bad.csv", *expected]:
        assert part in message
    assert not (tmp_path / "out.csv").exists()


ODD = {
    "dose zero": (put(DOSE, "0"), [DOSE, "row id 4 ", "'0'", "above 0"]),
    "label text": (put(LABEL, "high"), [LABEL, "row id 4 ", "'high'", "finite number"]),
    "label negative": (put(LABEL, "-101"), [LABEL, "row id 4 ", "'-101'", "from -100 to 10000"]),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_in_a_test_file_is_reported_and_its_row_predicted(
    name: str, testing: Frame, run: Path, cli, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    damage, expected = ODD[name]
    path = write(tmp_path / "odd.csv", testing, damage)
    ended = cli("submit", path, "--run", run, "--out", "out.csv")
    assert ended.code == 0
    for part in ["odd.csv", *expected, "read as missing; the rows are predicted"]:
        assert part in ended.err
    assert len(pd.read_csv("out.csv")) == len(testing)


@pytest.mark.parametrize("name", ["out.xlsx", "out.txt", "out", ""])
def test_an_output_that_is_not_a_csv_name_is_refused_before_anything_is_written(
    name: str, data: Path, run: Path, refused, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    message = refused("submit", data / "test.csv", "--run", run, "--out", folder / name, code=2)
    assert "csv" in message
    assert "note:" not in message
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_written_is_named_in_one_line(data, run, refused, tmp_path) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out.csv"
    assert "cannot be written" in refused("submit", data / "test.csv", "--run", run, "--out", out)


def test_a_file_in_the_way_of_the_submissions_folder_is_named(data, run, refused, tmp_path) -> None:
    (tmp_path / "submissions").touch()
    command = ("submit", data / "test.csv", "--run", run, "--out", "out.csv")
    assert "submissions: is a file" in refused(*command, code=2)
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("absent", ["no such run"]), ("empty", ["no bundle", "bundle.json"])],
)
def test_a_run_without_a_bundle_is_refused(folder, expected, data, refused, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    message = refused("submit", data / "test.csv", "--run", tmp_path / folder)
    for part in expected:
        assert part in message


def test_a_run_that_was_killed_before_its_bundle_can_be_resumed(run, data, refused, tmp_path):
    shutil.copytree(run, tmp_path / "killed", ignore=shutil.ignore_patterns("bundle"))
    message = refused("submit", data / "test.csv", "--run", tmp_path / "killed")
    assert "no bundle yet" in message
    assert f"sirna train --resume --run {tmp_path / 'killed'}" in message


def test_the_message_without_any_run_names_the_command_for_one(data: Path, refused) -> None:
    assert "sirna train" in refused("submit", data / "test.csv")


def edit(sealed: bool = True, **changes: object) -> Callable[[Path], None]:
    """Change or (None) remove entries of the bundle's description; `sealed`: its digest fits."""

    def damage(bundle: Path) -> None:
        path = bundle / "bundle.json"
        raw = json.loads(path.read_text()) | changes
        raw = {key: raw[key] for key in raw if raw[key] is not None}
        if sealed:
            raw["digest"] = manifest_digest(raw)
        path.write_text(json.dumps(raw))

    return damage


BUNDLES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "not JSON": (lambda bundle: (bundle / "bundle.json").write_text("{"), ["manifest"]),
    "no weights": (
        lambda bundle: (bundle / "network-0.safetensors").unlink(),
        ["network-0.safetensors is absent", "holds bundle.json", "Copy it whole"],
    ),
    "damaged weights": (
        lambda bundle: (bundle / "network-0.safetensors").write_bytes(b"x" * 99),
        ["network-0.safetensors", "SHA-256", "damaged"],
    ),
    "no training rows": (
        lambda bundle: (bundle / "training.parquet").unlink(),
        ["training.parquet is absent", "holds bundle.json", "Copy it whole"],
    ),
    "damaged training rows": (
        lambda bundle: (bundle / "training.parquet").write_bytes(b"x" * 99),
        ["training.parquet", "SHA-256", "damaged"],
    ),
    "an entry changed": (edit(sealed=False, seed=5), ["bundle.json", "was changed", "copy it"]),
    "an entry removed": (edit(sealed=False, seed=None), ["bundle.json", "was changed", "copy it"]),
    "an older schema": (edit(schema=1), ["schema 1 ", "reads schemas 8 to 9", "train again"]),
    "a newer schema": (edit(schema=99), ["schema 99", "Install", "train again"]),
    "no members": (edit(members=[]), ["bundle.json", "train again"]),
    "no postprocessing": (edit(postprocess=None), ["bundle.json", "postprocess", "train again"]),
    "no protocol": (edit(protocol=None), ["bundle.json", "protocol", "train again"]),
    "no scores": (edit(scores=None), ["bundle.json", "scores", "train again"]),
    "an unknown setting": (edit(config={"train": {"epoch": 3}}), ["bundle.json", "train.epoch"]),
}


@pytest.mark.parametrize("name", BUNDLES)
def test_a_damaged_bundle_is_refused_with_exit_status_1(
    name: str, data: Path, run: Path, refused, tmp_path: Path
) -> None:
    damage, expected = BUNDLES[name]
    shutil.copytree(run / "bundle", tmp_path / "bundle")
    damage(tmp_path / "bundle")
    message = refused("submit", data / "test.csv", "--run", tmp_path / "bundle")
    for part in expected:
        assert part in message

"""Cells that tear files, runs that ended early, digests, and a stdout that nobody reads."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ODD_CELLS = ["a\rb", "\r", "a\nb", '"', "a,b", "\ufeff"]


@pytest.mark.parametrize("cell", ODD_CELLS)
@pytest.mark.parametrize("force", [[], ["--force"]], ids=str)
def test_an_odd_cell_survives_a_submission(cell, force, run, testing, ok, read) -> None:
    frame = testing.assign(note=cell)
    frame.to_csv("t.csv", index=False, lineterminator="\r\n")
    ok("submit", "t.csv", "--run", run, "--out", "o.csv", *force)
    written = read(Path("o.csv"))
    assert written["note"].tolist() == [cell] * len(frame)
    assert "unchanged" in ok("submit", "t.csv", "--run", run, "--out", "o.csv").out


def test_a_mark_before_the_first_name_survives_a_submission(run, testing, ok) -> None:
    Path("t.csv").write_text("\ufeff\ufeff" + testing.to_csv(index=False), encoding="utf-8")
    ok("submit", "t.csv", "--run", run, "--out", "o.csv")
    assert Path("o.csv").read_text(encoding="utf-8").startswith("id,")


def test_check_prints_the_digest_that_submit_expects(run, data, ok, refused) -> None:
    out = ok("check", run).out
    digest = re.search(r"^digest ([0-9a-f]{64})$", out, re.MULTILINE)
    assert digest
    assert "a complete bundle" in out
    ok("check", run / "bundle", "--expect", digest[1])
    ok("submit", data / "test.csv", "--run", run, "--out", "o.csv", "--expect", digest[1])
    other = "0" * 64
    assert other in refused("check", run, "--expect", other)
    assert other in refused("submit", data / "test.csv", "--run", run, "--expect", other)


def test_a_training_that_is_refused_leaves_no_folder(data, tiny, cli, ok) -> None:
    table = data / "train_data.csv"
    command = ("train", table, *tiny, "--run", "runs/r")
    too_large = ("--set", "model.hidden=100000", "--set", "model.layers=8")
    too_large += ("--set", "small_network.duplexes=0")
    outcome = cli(*command, *too_large)
    assert outcome.code == 1
    assert "GB are free; lower model.hidden" in outcome.err
    assert not Path("runs/r").exists()
    assert "GB are free" in cli("train", table, *tiny, *too_large, "--check").err
    ok(*command)


def test_a_folder_of_a_run_that_was_killed_early_is_used_again(data, tiny, ok) -> None:
    Path("r/last").mkdir(parents=True)
    for name in ("splits.csv", ".7.config.toml", "last/.7.training.sha256", "lock"):
        Path("r", name).write_text("torn")
    ok("train", data / "train_data.csv", *tiny, "--run", "r")
    assert not list(Path("r").rglob(".*"))


def test_the_messages_of_a_training_are_kept(run) -> None:
    text = (run / "messages.txt").read_text(encoding="utf-8")
    assert re.search(r"^\d{4}-\d\d-\d\dT\S+ epoch   1/2", text, re.MULTILINE)
    assert "mixture: " in text


STUDIES = ["", ".", "..", "a/b", "../x", "/tmp/x", "a\nb", "-x", "x" * 101]  # noqa: S108


@pytest.mark.parametrize("study", STUDIES)
def test_the_name_of_a_study_is_no_path(study, data, refused) -> None:
    err = refused("tune", data / "train_data.csv", f"--study={study}", code=2)
    assert "is a name, not a path" in err
    assert not Path("runs").exists()


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-"])
def test_a_stdout_that_cannot_be_written_is_one_line(redirection, data) -> None:
    command = (
        f"'{sys.executable}' -m sirna.cli score '{data}/test_truth.csv' '{data}/test_truth.csv'"
    )
    ended = subprocess.run(
        ["/bin/bash", "-c", f"{command} {redirection}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: stdout cannot be written")
    assert len(ended.stderr.splitlines()) == 1

"""`sirna runs`."""

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def runs(run: Path, tmp_path: Path) -> Path:
    """The current folder with four runs: good, better, damaged and unfinished."""
    folder = tmp_path / "runs"
    for name in ("good", "better", "damaged", "unfinished"):
        shutil.copytree(run, folder / name)
    figures = json.loads((run / "metrics.json").read_text())
    figures["pooled"]["score"] += 0.1
    (folder / "better" / "metrics.json").write_text(json.dumps(figures))
    (folder / "damaged" / "metrics.json").write_text("{}")
    (folder / "unfinished" / "metrics.json").unlink()
    return folder


def test_runs_are_listed_best_first_with_what_they_are(runs, run, ok) -> None:
    found = json.loads(ok("runs", "--json").out)
    assert [one["name"] for one in found] == ["better", "good", "damaged", "unfinished"]
    assert found[1]["score"] == json.loads((run / "metrics.json").read_text())["pooled"]["score"]
    assert [one["state"].split(":")[0] for one in found] == [
        *("finished", "finished", "damaged", "unfinished")
    ]
    assert found[0]["settings"]["model.hidden"] == 8
    assert len({one["data"] for one in found}) == 1


def test_submissions_are_counted(runs, data, ok) -> None:
    ok("submit", data / "test.csv", "--run", runs / "good")
    ok("submit", data / "test.csv", "--run", runs / "good", "--out", "again.csv")
    found = {one["name"]: one["submissions"] for one in json.loads(ok("runs", "--json").out)}
    assert found == {"better": 0, "good": 2, "damaged": 0, "unfinished": 0}


def test_off_a_terminal_each_run_is_one_line(runs, ok) -> None:
    lines = ok("runs").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [
        *("run", "better", "good", "damaged", "unfinished")
    ]


def test_without_runs_the_next_command_is_named(refused) -> None:
    assert "sirna train" in refused("runs")

"""`sirna report`, and the page at the end of a training."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

HEADINGS = (
    "The three parts of the score",
    "Predicted against measured",
    "Confusion matrix at 30 %",
    "Can its probabilities and intervals be trusted?",
    "Learning curves",
    "Where it fails",
    "The 20 worst rows",
    "How it was made",
)


@pytest.fixture
def copied(run: Path, tmp_path: Path) -> Path:
    """A copy of the run without its page."""
    folder = tmp_path / "copied"
    shutil.copytree(run, folder)
    (folder / "report.html").unlink()
    return folder


def test_a_training_ends_with_a_page_in_the_order_of_the_documentation(run: Path) -> None:
    page = (run / "report.html").read_text()
    places = [page.index(f">{heading}</h") for heading in HEADINGS]
    assert places == sorted(places)
    assert "Target: " in page
    assert len(page) < 3_000_000


def test_the_page_shows_the_score_of_the_run_and_its_command(run: Path) -> None:
    page = (run / "report.html").read_text()
    pooled = json.loads((run / "metrics.json").read_text())["pooled"]
    assert f"this run scores {pooled['score']:.4f}" in page
    assert "network 0.40, gaussian process 0.60" in page
    assert "train_data.csv --set model.hidden=8" in page
    assert "<td>model.hidden</td><td>8</td><td>96</td>" in page


def test_the_page_can_be_made_again(copied: Path, run: Path, ok) -> None:
    assert f"written: {copied / 'report.html'}" in ok("report", copied).out
    first, again = ((one / "report.html").read_text() for one in (run, copied))
    assert first.replace(str(run), "").count("<tr") == again.count("<tr")


def test_a_page_without_the_training_table_says_what_it_lacks(copied: Path, ok) -> None:
    text = (copied / "config.toml").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("train = "))
    (copied / "config.toml").write_text(text.replace(line, 'train = "absent.csv"'))
    outcome = ok("report", copied)
    assert "absent.csv" in outcome.err
    assert "--table" in (copied / "report.html").read_text()


def test_another_table_than_that_of_the_run_is_refused(copied, data, refused) -> None:
    message = refused("report", copied, "--table", data / "test_truth.csv")
    assert "test_truth.csv" in message


@pytest.mark.parametrize("damage", ["oof", "absent", "metrics"])
def test_a_run_that_cannot_be_read_is_an_error_that_names_the_file(copied, refused, damage):
    if damage == "oof":
        oof = pd.read_csv(copied / "oof.csv").drop(columns="measured")
        oof.to_csv(copied / "oof.csv", index=False)
        assert "oof.csv: no column 'measured'" in refused("report", copied)
    elif damage == "metrics":
        (copied / "metrics.json").write_text("{")
        assert "metrics.json: is damaged" in refused("report", copied)
    else:
        assert "no such run" in refused("report", copied / "absent")


def test_runs_are_compared_with_the_first_on_the_same_rows(run: Path, copied: Path, ok) -> None:
    oof = pd.read_csv(copied / "oof.csv")
    oof["predicted"] = oof["measured"]
    oof.to_csv(copied / "oof.csv", index=False)
    assert "written: runs/comparison.html" in ok("report", run, copied).out
    page = Path("runs/comparison.html").read_text()
    assert "copied is better than run" in page
    ok("report", copied, run, "--out", "other.html")
    assert "run is worse than copied" in Path("other.html").read_text()


def test_options_that_do_not_fit_the_number_of_runs_are_bad_usage(run, data, refused) -> None:
    refused("report", run, "--out", "x.html", code=2)
    refused("report", run, run, "--table", data / "train_data.csv", code=2)
    refused("report", run, run, "--out", "x.txt", code=2)


def test_a_failing_page_does_not_lose_the_run(data, ok, tiny, monkeypatch) -> None:
    def fail(*_):
        raise RuntimeError("no page today")

    monkeypatch.setattr("sirna.stages.train.write_report", fail)
    outcome = ok("train", data / "train_data.csv", *tiny, "--run", "run")
    assert "report.html was not written (no page today); sirna report run makes it" in outcome.err
    assert Path("run/bundle/bundle.json").is_file()
    ok("report", "run")
    assert Path("run/report.html").is_file()

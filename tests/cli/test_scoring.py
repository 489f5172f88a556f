"""`sirna score`."""

import json
from pathlib import Path

import pandas as pd
import pytest
from damage import LABEL

import sirna


def test_the_truth_scores_one(data: Path, ok) -> None:
    truth = data / "test_truth.csv"
    parts = json.loads(ok("score", truth, truth, "--json").out)
    assert parts["submission"]["score"] == 1
    assert parts["submission"]["mae"] == 0


def test_a_submission_is_scored_by_id_in_any_order(run, data, ok, read) -> None:
    ok("submit", data / "test.csv", "--run", run, "--out", "out.csv")
    out = read("out.csv")
    out.sample(frac=1, random_state=1).to_csv("shuffled.csv", index=False)
    out.to_csv("plain.csv", index=False)
    truth = read(data / "test_truth.csv")
    expected = sirna.competition_score(truth[LABEL].astype(float), out[LABEL].astype(float))
    for name in ("plain.csv", "shuffled.csv"):
        parts = json.loads(ok("score", data / "test_truth.csv", name, "--json").out)
        assert parts["submission"] == pytest.approx(expected.as_dict())
        assert parts["oracle"]["score"] >= parts["submission"]["score"]


@pytest.mark.parametrize("value", ["0", "1", "29.99", "-4.5", "250"])
def test_any_finite_prediction_is_scored_unchanged(value: str, data, ok, read) -> None:
    truth = read(data / "test_truth.csv")
    more = pd.concat([truth, truth.assign(id="again-" + truth["id"])])
    more.to_csv("truth.csv", index=False)
    more.assign(**{LABEL: value}).to_csv("constant.csv", index=False)
    parts = json.loads(ok("score", "truth.csv", "constant.csv", "--json").out)
    expected = sirna.competition_score(more[LABEL].astype(float), [float(value)] * len(more))
    assert parts["submission"] == pytest.approx(expected.as_dict())


def test_the_printed_score_is_a_plain_line_without_a_terminal(data: Path, ok) -> None:
    out = ok("score", data / "test_truth.csv", data / "test_truth.csv").out
    assert "submission: score 1.0000" in out.splitlines()[2]  # after the two files

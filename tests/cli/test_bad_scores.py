"""Truths and submissions that are not scored."""

from pathlib import Path

import pandas as pd
import pytest
from damage import ID, LABEL, put, write

SUBMISSIONS = {
    "row absent": (lambda frame: frame.iloc[:-2], ["2 ids are missing", "same ids"]),
    "row too many": (
        lambda frame: pd.concat([frame, frame.iloc[:1].assign(id="x")]),
        ["test_truth.csv", "1 ids are missing", "'x'"],
    ),
    "row twice": (
        lambda frame: pd.concat([frame, frame.iloc[:1]]),
        ["bad.csv", "'id'", "remove or rename"],
    ),
    "value absent": (put(LABEL, ""), ["bad.csv", LABEL, "row id 4 ", "''"]),
    "value text": (put(LABEL, "low"), ["bad.csv", LABEL, "row id 4 ", "'low'", "finite number"]),
    "no label column": (lambda frame: frame.drop(columns=LABEL), ["bad.csv", LABEL, "[columns]"]),
    "no id column and fewer rows": (
        lambda frame: frame.drop(columns=ID).iloc[1:],
        ["bad.csv", "has no column 'id'", "matched by their order only", "Add the ids"],
    ),
    "other forms of ids": (
        lambda frame: frame.assign(**{ID: frame[ID] + ".0"}),
        ["bad.csv", "ids are missing", "differs only in its form"],
    ),
    "leading zeros": (
        lambda frame: frame.assign(**{ID: frame[ID].str.zfill(9)}),
        ["bad.csv", "differs only in its form"],
    ),
    "fractions": (
        lambda frame: frame.assign(**{LABEL: (frame[LABEL].astype(float) / 300).astype(str)}),
        ["bad.csv", "no label exceeds 1.5", "one unit"],
    ),
    "no rows": (lambda frame: frame.iloc[:0], ["bad.csv", "no rows below the header"]),
}


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_a_bad_submission_is_not_scored(name: str, data: Path, refused, tmp_path: Path) -> None:
    damage, expected = SUBMISSIONS[name]
    truth = pd.read_csv(data / "test_truth.csv", dtype=str)
    path = write(tmp_path / "bad.csv", truth, damage)
    message = refused("score", data / "test_truth.csv", path)
    for part in expected:
        assert part in message
    assert "training row" not in message


def test_two_files_without_rows_are_not_scored(data: Path, refused, tmp_path: Path) -> None:
    truth = pd.read_csv(data / "test_truth.csv", dtype=str)
    path = write(tmp_path / "empty.csv", truth.iloc[:0], lambda frame: frame)
    assert "empty.csv" in refused("score", path, path)


def test_an_oracle_that_is_not_a_number_is_named(data: Path, refused, tmp_path: Path) -> None:
    truth = pd.read_csv(data / "test_truth.csv", dtype=str)
    path = write(tmp_path / "bad.csv", truth, put("oracle_pct", "x"))
    assert "oracle_pct" in refused("score", path, data / "test_truth.csv")


def test_fractions_against_percentages_are_refused_in_both_directions(
    data: Path, refused, tmp_path: Path
) -> None:
    truth = pd.read_csv(data / "test_truth.csv", dtype=str)
    fractions = write(
        tmp_path / "fractions.csv",
        truth,
        lambda frame: frame.assign(**{LABEL: (frame[LABEL].astype(float) / 300).astype(str)}),
    )
    assert "fractions.csv: no label exceeds 1.5" in refused(
        "score", fractions, data / "test_truth.csv"
    )
    more = write(
        tmp_path / "more.csv",
        pd.read_csv(fractions, dtype=str),
        lambda frame: pd.concat([frame, frame.assign(**{ID: frame[ID] + "b"})]),
    )
    assert "label.kind=fraction" in refused("score", more, more)

"""Saved splits that are refused, and splits that cannot be made."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damage import Frame, write


def half_of_one_kind(frame: Frame) -> Frame:
    return frame.assign(half=np.where(frame["half"] == "1", "0", frame["half"]))


def all_held_out(frame: Frame) -> Frame:
    return frame.assign(fold="0", half=[str(number % 2) for number in range(len(frame))])


SPLITS = {
    "row absent": (lambda frame: frame.iloc[:-3], ["3 rows", "'216'", "make a new split"]),
    "no half": (lambda frame: frame.drop(columns="half"), ["'half'", "id, group, fold, half"]),
    "fold is text": (lambda frame: frame.assign(fold="x"), ["fold", "whole numbers", "'x'"]),
    "fold below -1": (
        lambda frame: frame.replace({"fold": {"0": "-2"}}),
        ["fold -2", "0 or greater"],
    ),
    "nothing held out": (lambda frame: frame.assign(fold="-1"), ["holds no row out"]),
    "nothing to train on": (all_held_out, ["no row to train on"]),
    "half is 7": (
        lambda frame: frame.assign(half=frame["half"].str.replace("1", "7")),
        ["fold 0", "two halves, 0 and 1"],
    ),
    "one half empty": (half_of_one_kind, ["fold 0", "two halves, 0 and 1"]),
    "row twice": (
        lambda frame: pd.concat([frame, frame.assign(fold="-1", half="-1")]),
        ["id '7' occurs twice", "make a new split"],
    ),
}


@pytest.mark.parametrize("name", SPLITS)
def test_a_bad_split_is_refused(
    name: str, data: Path, run: Path, refused, tmp_path: Path, tiny: list[str]
) -> None:
    damage, expected = SPLITS[name]
    split = pd.read_csv(run / "splits.csv", dtype=str)
    path = write(tmp_path / "bad.csv", split, damage)
    message = refused("train", data / "train_data.csv", *tiny, "--splits", path, "--check")
    for part in ["bad.csv", *expected]:
        assert part in message
    assert "np." not in message


def test_a_split_of_another_protocol_is_refused(data, run, refused, tiny) -> None:
    options = ("--protocol", "duplex", "--splits", run / "splits.csv")
    message = refused("train", data / "train_data.csv", *tiny, *options)
    assert "group" in message
    assert "--protocol" in message


def test_too_few_groups_for_the_folds_are_reported(data: Path, refused, tiny: list[str]) -> None:
    options = ("--protocol", "target", "--folds", "50")
    message = refused("train", data / "train_data.csv", *tiny, *options)
    for part in ("train_data.csv", "groups", "'target'", "50 folds", "--folds 10 or"):
        assert part in message

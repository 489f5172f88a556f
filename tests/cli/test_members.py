"""Several networks a fold."""

import json
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sirna.stages import train as stage

FOLDS, MEMBERS = 2, 2


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory, data: Path, cli, tiny: list[str]) -> Path:
    """A run of two folds with two networks each."""
    folder = tmp_path_factory.mktemp("members") / "run"
    options = ("--folds", FOLDS, "--set", f"train.members={MEMBERS}", "--run", folder)
    outcome = cli("train", data / "train_data.csv", *tiny, *options)
    assert outcome.code == 0, outcome.err
    return folder


def weights(run: Path) -> list[dict[str, torch.Tensor]]:
    return [load_file(path) for path in sorted((run / "bundle").glob("member-*.safetensors"))]


def test_every_fold_gives_its_members_to_the_bundle(several: Path, data: Path, ok) -> None:
    assert len(weights(several)) == FOLDS * MEMBERS
    entries = json.loads((several / "bundle/bundle.json").read_text())["members"]
    assert [entry["fold"] for entry in entries] == [0, 0, 1, 1]
    assert len({entry["seed"] for entry in entries}) == FOLDS * MEMBERS
    assert len(json.loads((several / "metrics.json").read_text())["best_epochs"]) == 4
    assert "4 members" in ok("submit", data / "test.csv", "--run", several).out


def test_the_members_of_a_fold_are_different_networks(several: Path) -> None:
    first, second, *_ = weights(several)
    assert torch.equal(first["edges"], second["edges"])  # of the same training rows
    assert not torch.equal(first["head.0.weight"], second["head.0.weight"])


def test_the_log_names_fold_and_member_of_every_epoch(several: Path) -> None:
    log = pd.read_csv(several / "log.csv")
    expected = [list(place) for place in product(range(FOLDS), range(MEMBERS), (1, 2))]
    assert log[["fold", "member", "epoch"]].to_numpy().tolist() == expected


def test_a_first_member_is_the_one_that_trains_alone(
    several: Path, data, ok, tiny, tmp_path: Path
) -> None:
    ok("train", data / "train_data.csv", *tiny, "--folds", FOLDS, "--run", "alone")
    for alone, first in zip(weights(tmp_path / "alone"), weights(several)[::MEMBERS], strict=True):
        assert all(torch.equal(alone[name], first[name]) for name in first)
    names = ("id", "fold", "half", "measured", "prob_below_threshold")
    one, other = (pd.read_csv(run / "oof.csv") for run in (Path("alone"), several))
    assert one[[*names[:-1]]].equals(other[[*names[:-1]]])
    assert not one[names[-1]].equals(other[names[-1]])  # there the mixture of two


def test_a_check_counts_every_network(data: Path, ok, tiny, monkeypatch) -> None:
    def minutes(members: int) -> float:
        clock = iter(range(0, 10**9, 600))
        monkeypatch.setattr(stage.time, "perf_counter", lambda: float(next(clock)))
        told = ok("train", data / "train_data.csv", *tiny, "--check", *several_of(members)).out
        return float(told.split(" min for the networks")[0].rsplit(" ", 1)[1])

    def several_of(members: int) -> tuple[str, ...]:
        return "--set", f"train.members={members}"

    assert minutes(3) == pytest.approx(3 * minutes(1), rel=0.01)

"""Several networks in each fold."""

import json
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

FOLDS, NETWORKS = 2, 2


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory, data: Path, cli, tiny: list[str]) -> Path:
    """A run of two folds with two networks each."""
    folder = tmp_path_factory.mktemp("networks") / "run"
    options = ("--folds", FOLDS, "--set", f"train.networks={NETWORKS}", "--run", folder)
    outcome = cli("train", data / "train_data.csv", *tiny, *options)
    assert outcome.code == 0, outcome.err
    return folder


def weights(run: Path) -> list[dict[str, torch.Tensor]]:
    return [load_file(path) for path in sorted((run / "bundle").glob("network-*.safetensors"))]


def test_every_fold_gives_its_networks_to_the_bundle(several: Path, data: Path, ok) -> None:
    assert len(weights(several)) == FOLDS * NETWORKS
    members = json.loads((several / "bundle/bundle.json").read_text())["members"]
    entries = [member for member in members if member["family"] == "network"]
    assert [entry["fold"] for entry in entries] == [0, 0, 1, 1]
    assert len({entry["facts"]["seed"] for entry in entries}) == FOLDS * NETWORKS
    assert len(json.loads((several / "metrics.json").read_text())["best_epochs"]) == 4
    assert "4 x network" in ok("submit", data / "test.csv", "--run", several).out


def test_the_networks_of_a_fold_differ(several: Path) -> None:
    first, second, *_ = weights(several)
    assert torch.equal(first["edges"], second["edges"])  # of the same training rows
    assert not torch.equal(first["head.0.weight"], second["head.0.weight"])


def test_the_log_names_fold_and_network_of_every_epoch(several: Path) -> None:
    log = pd.read_csv(several / "log.csv")
    expected = [list(place) for place in product(range(FOLDS), ("network-0", "network-1"), (1, 2))]
    assert log[["fold", "member", "epoch"]].to_numpy().tolist() == expected


def test_the_first_network_equals_a_single_network(
    several: Path, data, ok, tiny, tmp_path: Path
) -> None:
    ok("train", data / "train_data.csv", *tiny, "--folds", FOLDS, "--run", "alone")
    for alone, first in zip(weights(tmp_path / "alone"), weights(several)[::NETWORKS], strict=True):
        assert all(torch.equal(alone[name], first[name]) for name in first)
    names = ("id", "fold", "half", "measured", "prob_below_threshold")
    one, other = (pd.read_csv(run / "oof.csv") for run in (Path("alone"), several))
    assert one[[*names[:-1]]].equals(other[[*names[:-1]]])
    assert not one[names[-1]].equals(other[names[-1]])  # there the mixture of two

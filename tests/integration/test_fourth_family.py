"""A model family from outside the package: one class and one line in the registry."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import sirna
from sirna.cli import main
from sirna.config.config import Config
from sirna.features.fold import FoldTask
from sirna.members.base import CPU, FitCallbacks, Fitted, Member, Stored, fitted_without_choice
from sirna.members.registry import FAMILIES, register
from sirna.prediction.histogram import Histogram, bin_of
from sirna.prediction.mixture import mix
from sirna.table.check_table import read_table
from sirna.table.report import Purpose

TINY = (
    *("model.hidden=8", "model.embedding=4", "model.head_hidden=8", "train.batch_rows=32"),
    *("train.epochs=2", "gaussian_process.steps=5", "gaussian_process.step_rows=60"),
    *("trees.rounds=5", "trees.ensembles=1", "trees.folds=2", "split.few_groups=0"),
)
WEIGHTS = ("mixture.known_target.mean=0.25", "mixture.unseen_target.mean=0.25")


@dataclass(frozen=True)
class MeanMember(Member):
    """Predicts the mean of the training labels for every row."""

    family: ClassVar[str] = "mean"
    title: ClassVar[str] = "training mean"

    mean: float
    edges: np.ndarray

    @classmethod
    def fit(cls, task: FoldTask, index: int, callbacks: FitCallbacks) -> "Fitted[MeanMember]":
        return fitted_without_choice(cls(task.fold, float(task.labels.mean()), task.edges), task)

    @classmethod
    def seconds(cls, task: FoldTask, device: torch.device) -> float:
        return 60.0

    def predict(self, rows: pd.DataFrame, device: torch.device = CPU) -> Histogram:
        probs = np.zeros((len(rows), len(self.edges) - 1))
        probs[:, bin_of(self.edges, np.array([self.mean]))] = 1.0
        return Histogram(self.edges, probs)

    @property
    def reads(self) -> set[str]:
        return set()

    def tensors(self) -> dict[str, Tensor]:
        return {"mean": torch.tensor([self.mean]).double(), "edges": torch.from_numpy(self.edges)}

    def encoder(self) -> dict[str, object]:
        return {}

    @classmethod
    def restore(cls, stored: Stored, training: pd.DataFrame, config: Config) -> "MeanMember":
        return cls(stored.fold, float(stored.tensors["mean"]), stored.tensors["edges"].numpy())


@pytest.fixture(autouse=True)
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    register(MeanMember)
    try:
        yield
    finally:
        del FAMILIES["mean"]


def run_sirna(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    with monkeypatch.context() as patch:
        patch.setattr("sys.argv", ["sirna", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch):
    """Train on a small sample with the fourth family; further options may follow."""
    assert run_sirna(monkeypatch, "sample", "data", "--duplexes=30") == 0

    def start(run: str, *words: str) -> int:
        options = [f"--set={change}" for change in (*TINY, *WEIGHTS)]
        return run_sirna(
            monkeypatch, "train", "data/train_data.csv", f"--run={run}", *options, *words
        )

    return start


@pytest.mark.parametrize("protocol", ["rows", "target"])
def test_an_outside_family_is_trained_stored_and_mixed_by_its_weight(
    train, protocol, monkeypatch
) -> None:
    assert train("run", f"--protocol={protocol}") == 0
    assert "mean = 0.2" in Path("run/config.toml").read_text()
    bundle = sirna.load_bundle(Path("run/bundle"))
    (member,) = bundle.by_family["mean"]
    labels = pd.read_csv("data/train_data.csv")["mRNA_remaining_pct"]
    assert member.mean == pytest.approx(labels.mean())
    raw = json.loads(Path("run/bundle/bundle.json").read_text())
    assert [m["file"] for m in raw["members"] if m["family"] == "mean"] == ["mean-0.safetensors"]
    rows = read_table(Path("data/test.csv"), bundle.config, Purpose.TEST).rows
    found = bundle.predict(rows)
    parts = {
        name: bundle.widening.apply(type(members[0]).predict_together(members, rows), found.novelty)
        for name, members in bundle.by_family.items()
    }
    expected, _ = bundle.postprocess.apply(mix(parts, bundle.config))
    known = ~found.unseen_target
    np.testing.assert_allclose(found.distribution.probs[known], expected.probs[known], atol=1e-9)
    assert run_sirna(monkeypatch, "submit", "data/test.csv", "--run=run", "--out=out.csv") == 0
    assert len(pd.read_csv("out.csv")) == len(rows)


def test_an_interrupted_run_with_an_outside_family_resumes(train, monkeypatch) -> None:
    assert train("whole") == 0
    fit = MeanMember.fit.__func__

    def interrupted(cls, task: FoldTask, index: int, callbacks: FitCallbacks):
        os.kill(os.getpid(), signal.SIGTERM)
        return fit(cls, task, index, callbacks)

    with monkeypatch.context() as patch:
        patch.setattr(MeanMember, "fit", classmethod(interrupted))
        assert train("torn") == 0
    assert json.loads(Path("torn/metrics.json").read_text())["interrupted"]
    assert run_sirna(monkeypatch, "train", "--resume", "--run=torn") == 0
    for name in ("oof.csv", "bundle/mean-0.safetensors", "bundle/network-0.safetensors"):
        assert (Path("torn") / name).read_bytes() == (Path("whole") / name).read_bytes()


def test_a_check_estimates_its_time(train, capsys) -> None:
    assert train("run", "--check") == 0
    assert "2 min for the training mean" in capsys.readouterr().out  # the fold and all rows
    assert not Path("run").exists()


def test_a_bundle_with_a_family_that_is_not_registered_is_refused(train, monkeypatch) -> None:
    assert train("run") == 0
    with monkeypatch.context() as patch:
        patch.delitem(FAMILIES, "mean")
        with pytest.raises(sirna.SirnaError, match=r"no family 'mean'.*families: network"):
            sirna.load_bundle(Path("run/bundle"))
        assert (
            run_sirna(monkeypatch, "train", "data/train_data.csv", "--config=run/config.toml") == 2
        )

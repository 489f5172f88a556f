"""What every campaign starts from: a small competition, and finished runs on it."""

from pathlib import Path

import pytest
from child import run

import sirna.stages.score
import sirna.stages.submit
import sirna.stages.train
import sirna.stages.tune  # noqa: F401 - loaded once, before children are forked

SMALL = [
    *("model.hidden=8", "model.embedding=4", "model.head_hidden=8", "train.batch_rows=32"),
    *("train.epochs=2", "train.learning_rate=0.02", "train.schedule='constant'"),
    *("gaussian_process.steps=3", "gaussian_process.step_rows=60", "trees.rounds=3"),
    *("trees.ensembles=1", "trees.folds=2", "word_process.steps=3", "random_forest.trees=5"),
    "train.fewest_duplexes=1",
]
"""Quick fits of every family; by default so small a table would do without a network."""


@pytest.fixture(scope="session")
def small() -> list[str]:
    return [part for change in SMALL for part in ("--set", change)]


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("faults")
    result = run(["sample", folder / "data", "--duplexes", 30], folder)
    assert result.code == 0, result.err
    return folder / "data"


@pytest.fixture(scope="session")
def training(data, small) -> list[object]:
    """A training in one process, so that the file events of all its fits are seen."""
    return ["train", data / "train_data.csv", *small, "--workers", "1"]


@pytest.fixture(scope="session")
def finished(tmp_path_factory, training) -> Path:
    """A finished run; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    result = run([*training, "--run", "run"], folder)
    assert result.code == 0, result.err
    return folder / "run"

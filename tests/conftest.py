"""Small shared data; what is heavy is imported when a test first asks for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    import pandas as pd

    from sirna.config.load import Config
    from sirna.features.fold import Fold
    from sirna.table.check_table import Table

# sums run in another order on another number of threads: all tests, and what they start, use one
os.environ["OMP_NUM_THREADS"] = "1"

settings.register_profile("sirna", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("sirna")


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """A network that trains in a blink."""
    from sirna.config.load import Config, with_changes  # noqa: PLC0415

    changes = {
        "model.hidden": 8,
        "model.embedding": 4,
        "model.covariate_embedding": 2,
        "model.head_hidden": 8,
        "model.bins": 8,
        "gaussian_process.steps": 5,
        "gaussian_process.step_rows": 40,
        "trees.rounds": 5,
        "train.epochs": 2,
        "train.batch_rows": 24,
        "split.valid": 0.3,
    }
    return with_changes(Config(), changes)


@pytest.fixture(scope="session")
def tiny_text() -> pd.DataFrame:
    """A simulated training table of some seventy rows, as its CSV file would read."""
    from sirna.simulate.simulate import simulate  # noqa: PLC0415
    from sirna.table.training_source import as_text  # noqa: PLC0415

    return as_text(simulate(duplexes=30, seed=1).train)


@pytest.fixture(scope="session")
def tiny_table(tiny_text: pd.DataFrame, tiny_config: Config) -> Table:
    """The same table, checked."""
    from sirna.table.check_table import check_table  # noqa: PLC0415

    return check_table(tiny_text, "tiny", tiny_config)


@pytest.fixture(scope="session")
def tiny_fold(tiny_table: Table, tiny_config: Config) -> Fold:
    """Its training and validation rows, encoded."""
    from sirna.features.fold import make_fold  # noqa: PLC0415
    from sirna.table.splits import make_split  # noqa: PLC0415

    split = make_split(tiny_table.rows, tiny_config.split, "tiny")
    return make_fold(tiny_table.rows, split, 0, tiny_config)

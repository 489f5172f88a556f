"""Small data that tests share; slow modules are imported when a test first needs them."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from sirna.cli import GC_THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

    from sirna.config.config import Config
    from sirna.features.encoded_fold import EncodedFold
    from sirna.features.fold import FoldTask
    from sirna.table.check_table import Table

# the order of sums depends on the number of threads: all tests, and what they start, use one
os.environ["OMP_NUM_THREADS"] = "1"
gc.set_threshold(*GC_THRESHOLDS)  # as in every command

settings.register_profile("sirna", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("sirna")


@pytest.fixture(scope="session")
def tiny_config() -> Config:
    """A configuration whose members are fitted very quickly."""
    from sirna.config.config import Config  # noqa: PLC0415
    from sirna.config.load import with_changes  # noqa: PLC0415

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
        "train.fewest_duplexes": 1,
        "mixture.learn": False,
        "split.few_groups": 0,
        "word_process.steps": 5,
        "random_forest.trees": 20,
        "train.batch_rows": 24,
        "split.valid": 0.3,
    }
    return with_changes(Config(), changes)


@pytest.fixture(scope="session")
def tiny_text() -> pd.DataFrame:
    """A simulated training table of some seventy rows, as it is read from its CSV file."""
    from sirna.simulate.simulate import simulate  # noqa: PLC0415
    from sirna.table.training_source import as_text  # noqa: PLC0415

    return as_text(simulate(duplexes=30, seed=1).train)


@pytest.fixture(scope="session")
def tiny_table(tiny_text: pd.DataFrame, tiny_config: Config) -> Table:
    """The same table, checked."""
    from sirna.table.check_table import check_table  # noqa: PLC0415

    return check_table(tiny_text, "tiny", tiny_config)


@pytest.fixture(scope="session")
def tiny_task(tiny_table: Table, tiny_config: Config) -> FoldTask:
    """One fold of it: 30 % of the rows are held out."""
    from sirna.features.fold import FoldTask  # noqa: PLC0415
    from sirna.table.splits import make_split  # noqa: PLC0415

    split = make_split(tiny_table.rows, tiny_config.split, "tiny")
    return FoldTask(tiny_table.rows, split, 0, tiny_config)


@pytest.fixture(scope="session")
def tiny_fold(tiny_task: FoldTask) -> EncodedFold:
    """Its training and validation rows, encoded."""
    from sirna.features.encoded_fold import encode_fold  # noqa: PLC0415

    return encode_fold(tiny_task)


@pytest.fixture(scope="session")
def task_of() -> Callable[..., FoldTask]:
    """Make a task of rows of which some positions train and the others are held out."""
    import numpy as np  # noqa: PLC0415

    from sirna.features.fold import FoldTask  # noqa: PLC0415
    from sirna.table.splits import NOT_HELD_OUT, Split  # noqa: PLC0415

    def make(
        rows: pd.DataFrame, config: Config, training: np.ndarray | None = None, fold: int = 0
    ) -> FoldTask:
        where = np.full(len(rows), NOT_HELD_OUT if training is None else fold)
        if training is not None:
            where[training] = NOT_HELD_OUT
        ids = rows["id"].to_numpy().astype(str)
        half = np.where(where == NOT_HELD_OUT, NOT_HELD_OUT, np.arange(len(rows)) % 2)
        return FoldTask(rows, Split(ids, config.protocol.groups(rows), where, half), fold, config)

    return make

"""Train the members of every fold in worker processes, and store their held-out predictions."""

import hashlib
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sirna import __version__
from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.members.base import Watch
from sirna.members.registry import FAMILIES
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut
from sirna.table.splits import Split, make_split
from sirna.table.training_source import training_source

PARTS = 3
"""Number of predictions in a `HeldOut`."""
IRRELEVANT = {
    "network": {"decision", "gaussian_process", "mixture", "predict", "trees"},
    "gaussian_process": {
        *("covariates", "decision", "mixture", "model", "predict", "siblings", "streams"),
        *("train", "trees", "vocab"),
    },
    "trees": {
        *("covariates", "decision", "gaussian_process", "mixture", "model", "predict"),
        *("siblings", "streams", "train", "vocab"),
    },
}
"""Sections of the configuration that a family's held-out predictions do not depend on."""


@dataclass(frozen=True)
class Data:
    """A training table, and the share of its rows that is used."""

    train: Path
    digest: str
    share: float


@dataclass(frozen=True)
class Work:
    """Data, configuration and split for training, and the folder that stores predictions.

    Attributes
    ----------
    config : Config
    split : Split
    folder : Path
    jobs : int
        Worker processes, each with one thread.
    """

    data: Data
    config: Config
    split: Split
    folder: Path
    jobs: int


@dataclass(frozen=True)
class Unit:
    """One member of one fold, whose held-out predictions are stored in a file."""

    data: Data
    config: str
    fold: int
    seed: int
    folder: Path
    family: str

    @property
    def path(self) -> Path:
        """The file with its held-out predictions."""
        config = Config.model_validate_json(self.config)
        settings = json.loads(self.config)
        del settings["train"]["refit"]
        for section in IRRELEVANT.get(self.family, {"mixture", "decision", "predict"}):
            del settings[section]
        facts = [self.data.digest, self.data.share, settings, __version__]
        facts += [config.model.bins, sorted(config.sequences)]
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
        return self.folder / self.family / f"{key}-{self.seed}-fold-{self.fold}.npz"


@cache
def table(data: Data, config: str) -> pd.DataFrame:
    """Read the table, once in each process; return the same share of its rows in all processes."""
    rows = training_source(data.train, Config.model_validate_json(config)).table.rows
    chosen = np.random.default_rng(0).random(len(rows)) < data.share
    return rows[chosen].reset_index(drop=True)


def held_out(work: Work, family: str, seeds: list[int]) -> dict[int, list[HeldOut]]:
    """Return the held-out predictions of one family: for each seed, a list with all folds."""
    found: dict[int, list[HeldOut]] = {seed: [] for seed in seeds}
    for unit in _trained(work, family, seeds):
        with np.load(unit.path) as file:
            parts = [Histogram(file["edges"], file[f"part_{n}"]) for n in range(PARTS)]
        positions = np.flatnonzero(work.split.fold == unit.fold)
        found[unit.seed].append(HeldOut(positions, *parts))
    return found


def _trained(work: Work, family: str, seeds: list[int]) -> list[Unit]:
    """Train the units without stored predictions in worker processes; return all units."""
    one = with_changes(work.config, {"train.networks": 1, "train.seed": 0}).model_dump_json()
    units = [
        Unit(work.data, one, fold, seed, work.folder, family)
        for seed in seeds
        for fold in work.split.folds
    ]
    missing = [unit for unit in units if not unit.path.exists()]
    if missing:
        context = get_context("spawn")
        with ProcessPoolExecutor(work.jobs, context, torch.set_num_threads, (1,)) as pool:
            for unit, seconds in zip(missing, pool.map(_train, missing), strict=True):
                name = f"{work.config.split.protocol} fold {unit.fold} seed {unit.seed} {family}"
                print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return units


def _train(unit: Unit) -> float:
    """Train one unit and store its held-out predictions; return the seconds that it took."""
    config = with_changes(Config.model_validate_json(unit.config), {"train.seed": unit.seed})
    rows = table(unit.data, unit.config)
    split = make_split(rows, config.split, str(unit.data.train))
    began = time.perf_counter()
    task = FoldTask(rows, split, unit.fold, config)
    fitted = FAMILIES[unit.family].fit(task, 0, Watch())
    if fitted is None:
        raise RuntimeError(f"{unit}: nothing was fitted")
    parts = fitted.held_out.parts
    arrays = {"edges": parts[0].edges} | {f"part_{n}": part.probs for n, part in enumerate(parts)}
    unit.path.parent.mkdir(parents=True, exist_ok=True)
    draft = unit.path.with_suffix(".draft.npz")
    np.savez_compressed(draft, **arrays)
    draft.replace(unit.path)
    return time.perf_counter() - began

"""All models of every fold: trained once in worker processes, and kept."""

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
from sirna.config.load import Config, with_changes
from sirna.features.fold import make_fold
from sirna.members.gaussian_process.member import RowProcess
from sirna.members.network.fit import fit, start
from sirna.members.trees.member import RowTrees
from sirna.prediction.histogram import Histogram
from sirna.stages.evaluation import HeldOut
from sirna.table.splits import Split, make_split
from sirna.table.training_source import training_source

PARTS = ("predicted", "own", "best")
"""Of `HeldOut`: the distributions of a fold's held-out rows."""
NO_NETWORK = {"decision", "gaussian_process", "predict", "trees"}
NO_ROWS = {"covariates", "decision", "known", "predict", "train", "vocab"}
"""Sections that networks, and what stands beside them, do not depend on."""
OWN = {"process": "gaussian_process", "trees": "trees"}
OTHER = {"process": "trees", "trees": "gaussian_process"}
BESIDE = {"process": RowProcess, "trees": RowTrees}


@dataclass(frozen=True)
class Data:
    """The table and which part of its rows is used."""

    train: Path
    digest: str
    share: float


@dataclass(frozen=True)
class Unit:
    """One model of one fold, to be trained or found in the cache: its `kind` is its folder."""

    data: Data
    config: str
    fold: int
    seed: int
    folder: Path
    kind: str

    @property
    def path(self) -> Path:
        """The file with its held-out predictions."""
        settings = json.loads(self.config)
        del settings["train"]["refit"]
        unused = NO_NETWORK if self.kind == "network" else NO_ROWS | {OTHER[self.kind]}
        for section in unused:
            del settings[section]
        if self.kind != "network":
            settings["model"] = settings["model"]["bins"]
            settings["streams"] = sorted(Config.model_validate_json(self.config).sequence_roles)
            del settings[OWN[self.kind]]["share"]
        facts = [self.data.digest, self.data.share, settings, __version__]
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
        return self.folder / self.kind / f"{key}-{self.seed}-fold-{self.fold}.npz"


@cache
def table(data: Data, config: str) -> pd.DataFrame:
    """Read the table once in each process; a share of its rows, the same for everyone."""
    rows = training_source(data.train, Config.model_validate_json(config)).table.rows
    chosen = np.random.default_rng(0).random(len(rows)) < data.share
    return rows[chosen].reset_index(drop=True)


def networks(
    data: Data, config: Config, split: Split, seeds: list[int], folder: Path, jobs: int
) -> dict[int, list[HeldOut]]:
    """Return the networks' held-out predictions: by seed, a list over folds."""
    found: dict[int, list[HeldOut]] = {seed: [] for seed in seeds}
    for unit in _trained(data, config, split, seeds, folder, jobs, "network"):
        with np.load(unit.path) as file:
            parts = [Histogram(file["edges"], file[key]) for key in PARTS]
        found[unit.seed].append(HeldOut(np.flatnonzero(split.fold == unit.fold), *parts))
    return found


def beside(
    data: Data, config: Config, split: Split, seed: int, folder: Path, jobs: int, kind: str
) -> list[Histogram | None]:
    """Return the held-out predictions of processes or trees over folds; None without a share.

    Trees are for new targets, and so for the held-out rows of `target` alone.
    """
    share = config.model_dump()[OWN[kind]]["share"]
    if not share or (kind == "trees" and config.split.protocol != "target"):
        return [None] * len(split.folds)
    found: list[Histogram | None] = []
    for unit in _trained(data, config, split, [seed], folder, jobs, kind):
        with np.load(unit.path) as file:
            found.append(Histogram(file["edges"], file["predicted"]))
    return found


def _trained(
    data: Data,
    config: Config,
    split: Split,
    seeds: list[int],
    folder: Path,
    jobs: int,
    kind: str,
) -> list[Unit]:
    """Train what the cache lacks in worker processes of one thread each; return all units."""
    one = with_changes(config, {"train.members": 1, "train.seed": 0}).model_dump_json()
    units = [Unit(data, one, fold, seed, folder, kind) for seed in seeds for fold in split.folds]
    missing = [unit for unit in units if not unit.path.exists()]
    if missing:
        context = get_context("spawn")
        with ProcessPoolExecutor(jobs, context, torch.set_num_threads, (1,)) as pool:
            for unit, seconds in zip(missing, pool.map(_train, missing), strict=True):
                told = f"{config.split.protocol} fold {unit.fold} seed {unit.seed} {kind}"
                print(f"{told}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return units


def _train(unit: Unit) -> float:
    """Train one unit and keep what it predicts for its held-out rows; return the seconds."""
    config = Config.model_validate_json(unit.config)
    rows = table(unit.data, unit.config)
    split = make_split(rows, config.split, str(unit.data.train))
    began = time.perf_counter()
    if unit.kind in BESIDE:
        training = np.flatnonzero(split.fold != unit.fold)
        seeded = with_changes(config, {"train.seed": unit.seed})
        fitted = BESIDE[unit.kind].fit(rows, training, split.groups, seeded, unit.fold)
        histogram = fitted.predict(rows[split.fold == unit.fold])
        arrays = {"edges": histogram.edges, "predicted": histogram.probs}
    else:
        fold = make_fold(rows, split, unit.fold, config)
        seed = unit.seed + unit.fold
        device = torch.device("cpu")
        progress = start(fold.encoding, fold.train, config, seed, device)
        fit(progress, fold, config, seed, device)
        predicted, own = (progress.held_out(fold.half, own=own) for own in (False, True))
        histograms = predicted.probs, own.probs, progress.best.probs
        arrays = {"edges": predicted.edges, **dict(zip(PARTS, histograms, strict=True))}
    unit.path.parent.mkdir(parents=True, exist_ok=True)
    draft = unit.path.with_suffix(".draft.npz")
    np.savez_compressed(draft, **arrays)
    draft.replace(unit.path)
    return time.perf_counter() - began

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
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from sirna import __version__
from sirna.config.config import Config
from sirna.config.load import with_changes
from sirna.features.fold import FoldTask
from sirna.members.base import FitCallbacks
from sirna.members.registry import FAMILIES, settings_of
from sirna.prediction.histogram import Histogram
from sirna.prediction.mixture import HeldOut, average
from sirna.prediction.widening import Widening
from sirna.table.splits import Split, make_split
from sirna.table.training_source import training_source

PARTS = 3
"""Number of predictions in a `HeldOut`."""


@dataclass(frozen=True)
class DataSource:
    """A training table, and the share of its rows that is used."""

    train: Path
    digest: str
    share: float


@dataclass(frozen=True)
class TrainingJob:
    """Data, configuration and split for training, and the folder that stores predictions.

    Attributes
    ----------
    config : Config
    split : Split
    folder : Path
    jobs : int
        Worker processes, each with one thread.
    """

    data: DataSource
    config: Config
    split: Split
    folder: Path
    jobs: int


@dataclass(frozen=True)
class MemberJob:
    """One member of one fold, whose held-out predictions are stored in a file."""

    data: DataSource
    config: str
    fold: int
    seed: int
    folder: Path
    family: str

    @property
    def path(self) -> Path:
        """The file with its held-out predictions."""
        config = Config.model_validate_json(self.config)
        settings = settings_of(self.family, config)
        settings.get("train", {}).pop("refit", None)
        key_parts = [self.data.digest, self.data.share, settings, __version__]
        key_parts += [config.model.bins, sorted(config.sequences)]
        key = hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()[:12]
        return self.folder / self.family / f"{key}-{self.seed}-fold-{self.fold}.npz"


@cache
def table(data: DataSource, config: str) -> pd.DataFrame:
    """Read the table, once in each process; return the same share of its rows in all processes."""
    rows = training_source(data.train, Config.model_validate_json(config)).table.rows
    chosen = np.random.default_rng(0).random(len(rows)) < data.share
    return rows[chosen].reset_index(drop=True)


class Predicted(NamedTuple):
    """What a member predicts for the held-out rows, and how it widens those of new guides."""

    held_out: HeldOut
    widening: Widening | None


def held_out(
    training_job: TrainingJob, family: str, seeds: list[int]
) -> dict[int, list[Predicted]]:
    """Return the held-out predictions of one family: for each seed, a list with all folds."""
    found: dict[int, list[Predicted]] = {seed: [] for seed in seeds}
    for job in _trained(training_job, family, seeds):
        with np.load(job.path) as file:
            parts = [Histogram(file["edges"], file[f"part_{n}"]) for n in range(PARTS)]
            factors = file["widening"].tolist()
        positions = np.flatnonzero(training_job.split.fold == job.fold)
        widening = Widening(*factors) if factors else None
        found[job.seed].append(Predicted(HeldOut(positions, *parts), widening))
    return found


def mixed_fold(by_family: dict[str, list[Predicted]], novelty: np.ndarray) -> dict[str, HeldOut]:
    """Average the members of each family in one fold, and widen what they predict for new guides.

    Parameters
    ----------
    by_family : dict of str to list of Predicted
        The members of each family.
    novelty : array of int, shape (held-out rows,)
        See `KnownGuides.novelty`.
    """
    widening = Widening.mean(one.widening for members in by_family.values() for one in members)
    return {
        family: average([one.held_out for one in members]).changed(
            lambda predicted: widening.apply(predicted, novelty)
        )
        for family, members in by_family.items()
    }


def _trained(training_job: TrainingJob, family: str, seeds: list[int]) -> list[MemberJob]:
    """Train the members without stored predictions in worker processes; return all jobs."""
    one = with_changes(
        training_job.config, {"train.networks": 1, "train.seed": 0}
    ).model_dump_json()
    jobs = [
        MemberJob(training_job.data, one, fold, seed, training_job.folder, family)
        for seed in seeds
        for fold in training_job.split.folds
    ]
    missing = [job for job in jobs if not job.path.exists()]
    if missing:
        context = get_context("spawn")
        with ProcessPoolExecutor(training_job.jobs, context, torch.set_num_threads, (1,)) as pool:
            for job, seconds in zip(missing, pool.map(_train, missing), strict=True):
                name = (
                    f"{training_job.config.split.protocol} fold {job.fold} seed {job.seed} {family}"
                )
                print(f"{name}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return jobs


def _train(job: MemberJob) -> float:
    """Train one member and store its held-out predictions; return the seconds that it took."""
    config = with_changes(Config.model_validate_json(job.config), {"train.seed": job.seed})
    rows = table(job.data, job.config)
    split = make_split(rows, config.split, str(job.data.train))
    began = time.perf_counter()
    task = FoldTask(rows, split, job.fold, config)
    fitted = FAMILIES[job.family].fit(task, 0, FitCallbacks())
    if fitted is None:
        raise RuntimeError(f"{job}: nothing was fitted")
    parts = fitted.held_out.parts
    arrays = {"edges": parts[0].edges} | {f"part_{n}": part.probs for n, part in enumerate(parts)}
    widening = fitted.member.widening()
    arrays["widening"] = np.array(list(widening.to_dict().values()) if widening else [])
    job.path.parent.mkdir(parents=True, exist_ok=True)
    draft = job.path.with_suffix(".draft.npz")
    np.savez_compressed(draft, **arrays)
    draft.replace(job.path)
    return time.perf_counter() - began

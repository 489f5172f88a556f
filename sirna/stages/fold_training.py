"""The models of a fold or of all rows: trained, or as an interrupted run left them."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import torch

from sirna.bundle.bundle import Member
from sirna.config.load import Config
from sirna.features.fold import Fold
from sirna.members.gaussian_process.member import RowProcess, known_targets
from sirna.members.network.fit import fit, start
from sirna.members.network.state import Progress
from sirna.members.trees.member import RowTrees
from sirna.prediction.histogram import Histogram
from sirna.runs import checkpoint
from sirna.runs.run import Run
from sirna.stages.console import Console
from sirna.stages.evaluation import HeldOut, blended
from sirna.system.files import write_csv
from sirna.system.signals import StopRequest
from sirna.table.splits import Split

Kind = TypeVar("Kind", RowProcess, RowTrees)


@dataclass(frozen=True)
class Trained:
    """What was trained; a process or trees without a share, a use, or time, are None."""

    networks: list[Progress]
    process: RowProcess | None
    trees: RowTrees | None


def folds_of_trees(split: Split, config: Config) -> list[int]:
    """Return the folds whose models have trees, for rows of new targets.

    Where held-out rows are of known targets, these are the folds whose models the bundle keeps.
    """
    whole = [split.whole] * config.train.refit
    if not config.trees.share:
        return []
    return [*split.folds, *whole] if config.split.protocol == "target" else whole or split.folds


def targets_of_trees(rows: pd.DataFrame, split: Split, config: Config) -> np.ndarray | None:
    """Return the targets of n rows as trees are told them; None where no row counts as new."""
    return split.groups if config.split.protocol == "target" else known_targets(rows, config)


@dataclass(frozen=True)
class FoldModels:
    """Trains the models of one fold, and says what they predict together.

    A fold that holds nothing out gives the models of all rows.
    """

    run: Run
    rows: pd.DataFrame
    split: Split
    fold: Fold
    config: Config
    device: torch.device
    request: StopRequest
    console: Console

    def train(self, log: list[dict[str, float]], epochs: int | None = None) -> Trained:
        """Train every network, then what stands beside them, until a stop is asked for.

        Parameters
        ----------
        log : list of dict
            The run's; extended.
        epochs : int, optional
            Of each network; see `fit`.
        """
        networks: list[Progress] = []
        for member in range(self.config.train.members):
            progress = self._train_network(member, log, epochs)
            networks += [progress] if progress.best_weights else []
            if self.request.asked:
                break
        if not networks:
            return Trained([], None, None)
        process = self._fit_process()
        return Trained(networks, process, self._fit_trees(process))

    def _train_network(
        self, member: int, log: list[dict[str, float]], epochs: int | None
    ) -> Progress:
        fold, config = self.fold, self.config
        folder = self.run.last(fold.number, member)
        place = {"fold": fold.number, "member": member}
        seed = fold.seed_of(member)
        progress = start(fold.encoding, fold.train, config, seed, self.device)
        finished = checkpoint.exists(folder) and checkpoint.load_progress(folder, progress)
        log += [{**place, **record.as_dict()} for record in progress.log]
        if finished or self.request.asked:
            return progress

        def on_epoch(now: Progress) -> None:
            log.append({**place, **now.log[-1].as_dict()})
            checkpoint.save_progress(folder, now, finished=False)
            write_csv(self.run.log, pd.DataFrame(log))
            show.epoch(now.log[-1], now.best.epoch)

        def on_batch(rows: int) -> bool:
            show.rows(rows)
            return self.request.asked

        if config.train.members > 1:
            self.console.line(f"{self._name}, member {member + 1} of {config.train.members}")
        last = config.train.epochs if epochs is None else epochs
        with self.console.training(last, progress.epoch, len(fold.train)) as show:
            fit(progress, fold, config, seed, self.device, on_epoch, on_batch, last)
        if not self.request.asked:
            checkpoint.save_progress(folder, progress, finished=True)
        return progress

    def members(self, networks: list[Progress]) -> list[Member]:
        """Return what the bundle keeps of trained networks."""
        fold = self.fold
        told = {"fold": fold.number, "rows": len(fold.train)}
        return [
            Member(
                fold.encoding,
                progress.best_weights,
                told | {"seed": fold.seed_of(number), "epoch": progress.best.epoch},
            )
            for number, progress in enumerate(networks)
        ]

    @property
    def _name(self) -> str:
        return f"fold {self.fold.number}" if len(self.fold.held) else "all rows"

    def _fit_process(self) -> RowProcess | None:
        number, config = self.fold.number, self.config
        if not config.gaussian_process.share:
            return None
        path = self.run.last_process(number)
        if path.is_file() and not self.request.asked:
            return checkpoint.load_process(path, self.rows, config, number)
        most = min(self._training.size, config.gaussian_process.most_rows)
        name = f"Gaussian process on {most:,} rows"
        return self._fitted(RowProcess, path, name, self.split.groups)

    def _fit_trees(self, process: RowProcess | None) -> RowTrees | None:
        number, config = self.fold.number, self.config
        told = config.split.protocol == "target" or (process and process.knows_targets)
        if number not in folds_of_trees(self.split, config) or not told:
            return None
        targets = targets_of_trees(self.rows, self.split, config)
        if targets is None:
            return None
        path = self.run.last_trees(number)
        if path.is_file() and not self.request.asked:
            return checkpoint.load_trees(path, number)
        return self._fitted(RowTrees, path, f"trees on {self._training.size:,} rows", targets)

    def _fitted(self, kind: type[Kind], path: Path, name: str, groups: np.ndarray) -> Kind | None:
        """Fit and keep; None where there was no time for it."""
        if self.request.asked:
            return None
        began = time.perf_counter()
        try:
            fitted = kind.fit(
                self.rows,
                self._training,
                groups,
                self.config,
                self.fold.number,
                lambda: self.request.asked,
            )
        except InterruptedError:
            return None
        checkpoint.save_fitted(path, fitted)
        self.console.line(f"{self._name}: {name}, {time.perf_counter() - began:.0f} s")
        return fitted

    @property
    def _training(self) -> np.ndarray:
        return np.flatnonzero(self.split.fold != self.fold.number)

    def held_out(self, trained: Trained) -> HeldOut:
        """Return what the models predict together for the fold's held-out rows."""
        fold, parts = self.fold, []
        for progress in trained.networks:
            predicted, own = (progress.held_out(fold.half, own=own) for own in (False, True))
            best = Histogram(predicted.edges, progress.best.probs)
            parts.append(HeldOut(fold.held, predicted, own, best))
        rows = self.rows.iloc[fold.held]
        process = trained.process.predict(rows) if trained.process else None
        all_new = self.config.split.protocol == "target"
        trees = trained.trees.predict(rows) if trained.trees and all_new else None
        return blended(parts, process, trees, self.config)

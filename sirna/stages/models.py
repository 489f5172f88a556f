"""The models of a fold or of all rows: trained, or as an interrupted run left them."""

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from sirna import checkpoint
from sirna.bundle import Member
from sirna.config import Config
from sirna.console import Console
from sirna.data.splits import Split
from sirna.distribution import Histogram
from sirna.evaluate import HeldOut, blended
from sirna.files import write_csv
from sirna.fit import fit, start
from sirna.folds import Fold
from sirna.process import RowProcess
from sirna.progress import Progress
from sirna.runs import Run
from sirna.signals import StopRequest


@dataclass(frozen=True)
class FoldModels:
    """Trains the networks and the process of one fold, and says what they predict together.

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

    def train(
        self, log: list[dict[str, float]], epochs: int | None = None
    ) -> tuple[list[Progress], RowProcess | None]:
        """Train every network, then the process, until all is done or a stop is asked for.

        Parameters
        ----------
        log : list of dict
            The run's; extended.
        epochs : int, optional
            Of each network; see `fit`.

        Returns
        -------
        networks : list of Progress
            Those that have finished an epoch.
        process : RowProcess, optional
            None where it has no share or there was no time for it.
        """
        networks: list[Progress] = []
        for member in range(self.config.train.members):
            progress = self._train_network(member, log, epochs)
            networks += [progress] if progress.best_weights else []
            if self.request.asked:
                break
        return networks, self._fit_process() if networks else None

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
        number = self.fold.number
        if not self.config.gaussian_process.share or self.request.asked:
            return None
        path = self.run.last_process(number)
        if path.is_file():
            return checkpoint.load_process(path, self.rows, self.config, number)
        began = time.perf_counter()
        training = np.flatnonzero(self.split.fold != number)
        try:
            process = RowProcess.fit(
                self.rows,
                training,
                self.split.groups,
                self.config,
                number,
                lambda: self.request.asked,
            )
        except InterruptedError:
            return None
        checkpoint.save_process(path, process)
        seconds = time.perf_counter() - began
        self.console.line(
            f"{self._name}: Gaussian process on {len(process.chosen):,} rows, {seconds:.0f} s"
        )
        return process

    def held_out(self, networks: list[Progress], process: RowProcess | None) -> HeldOut:
        """Return what the models predict together for the fold's held-out rows."""
        fold, parts = self.fold, []
        for progress in networks:
            predicted, own = (progress.held_out(fold.half, own=own) for own in (False, True))
            best = Histogram(predicted.edges, progress.best.probs)
            parts.append(HeldOut(fold.held, predicted, own, best))
        compared = process.predict(self.rows.iloc[fold.held]) if process else None
        return blended(parts, compared, self.config.gaussian_process.share)

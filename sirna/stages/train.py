"""`sirna train`: read and split a table, train members, write scores and a bundle to a run."""

import contextlib
import json
import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sirna import __version__
from sirna.bundle.build import build_bundle
from sirna.bundle.store import save_bundle
from sirna.config.config import Config
from sirna.config.load import load_config, with_changes
from sirna.errors import SirnaError, StoppedError, reason
from sirna.features.fold import FoldTask
from sirna.members.fold_members import FoldMembers
from sirna.members.registry import FAMILIES, check_families, config_for_table
from sirna.prediction.earned_weights import Likelihoods
from sirna.prediction.mixture import HeldOut, family_weights, mix_held_out
from sirna.report.write import write_report
from sirna.runs.run import Run, new_run, resume_hint, run_to_resume
from sirna.stages.console import Console
from sirna.stages.earlier_workers import wait_for_earlier_workers
from sirna.stages.evaluation import metrics, oof_table
from sirna.stages.fold_training import FoldTraining
from sirna.stages.run_description import (
    count_members,
    describe_fold,
    describe_learned,
    describe_outcome,
    describe_run,
)
from sirna.stages.time_estimate import tasks_of
from sirna.stages.train_request import TrainRequest
from sirna.stages.training_data import open_training, split_of
from sirna.stages.training_jobs import choose_workers, fits_of
from sirna.system.device import choose_device
from sirna.system.files import settle, write_csv, write_text
from sirna.system.locks import locked
from sirna.system.signals import StopRequest, stop_on_signals
from sirna.system.threads import one_thread
from sirna.table.splits import Split
from sirna.table.training_source import Source


@dataclass(frozen=True)
class TrainOutcome:
    """The result of a training."""

    run: Run
    metrics: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the paths of what was written, and the metrics, as plain data."""
        paths = {"run": self.run.folder, "bundle": self.run.bundle, "report": self.run.report}
        return {name: str(path) for name, path in paths.items()} | {"metrics": self.metrics}


def train(request: TrainRequest, console: Console) -> TrainOutcome:
    """Start a new run and train it to its end, or until a signal."""
    config, protocol = request.config, request.config.split.protocol
    check_families(config)
    device = choose_device(request.device)
    new_run(request.run, protocol)
    source = open_training(request.table, config, console)
    config = with_changes(config, {"data.train": source.name})
    split = split_of(source, config, request.splits, console)
    run = new_run(request.run, protocol)  # checked again: another process may have used the name
    with _owned(run, console):
        new_run(run.folder, protocol)
        run.config.unlink(missing_ok=True)
        write_text(run.digest, source.digest)
        split.save(run.splits)
        write_text(run.started, json.dumps(_start(request.command), indent=1))
        write_text(run.config, config.to_toml())
        fitted = config_for_table(config, source.table.rows)
        training = _Training(
            run, source, split, fitted, device, console, request.workers, request.report
        )
        try:
            outcome = training.work()
        except Exception as error:
            if run.folder.is_dir() and not run.begun and not isinstance(error, StoppedError):
                run.discard()
            raise
    describe_outcome(run, outcome.metrics, console)
    return outcome


def resume(
    folder: Path | None, device: str, console: Console, workers: int | None = 1
) -> TrainOutcome:
    """Resume an interrupted run; its result is the same as without the interruption."""
    run = run_to_resume(folder)
    config = load_config(run.config)
    figures = run.figures()
    if figures is not None and not figures["interrupted"]:
        console.result(f"run: {run.folder} has finished; nothing is left to do")
        with _owned(run, console):
            pass
        if not run.report.exists():
            console.note(f"sirna report {shlex.quote(str(run.folder))} makes its page")
        describe_outcome(run, figures, console)
        return TrainOutcome(run, figures)
    check_families(config)
    source = open_training(None, config, console)
    if not run.digest.is_file() or run.digest.read_text(encoding="utf-8") != source.digest:
        raise SirnaError(f"{source.name}: has changed since {run.folder} began; start a new run.")
    split = split_of(source, config, run.splits, console)
    with _owned(run, console):
        fitted = config_for_table(config, source.table.rows)
        training = _Training(run, source, split, fitted, choose_device(device), console, workers)
        outcome = training.work()
    describe_outcome(run, outcome.metrics, console)
    return outcome


@dataclass(frozen=True)
class _HeldOutResults:
    """The predictions and scores of the held-out rows.

    Attributes
    ----------
    config : Config
        The configuration with the weights that these rows earned for the families.
    held_out : list of HeldOut
        The mixture in each fold.
    oof : DataFrame
    best_epochs : list of int
    """

    config: Config
    held_out: list[HeldOut]
    oof: pd.DataFrame
    best_epochs: list[int]


@dataclass(frozen=True)
class _Training:
    """One run, from its folds to its bundle."""

    run: Run
    source: Source
    split: Split
    config: Config
    device: torch.device
    console: Console
    workers: int | None = 1
    report: bool = True

    def work(self) -> TrainOutcome:
        """Do the whole training; if it stops early, say so in the run's `messages.txt`."""
        self.console.copy = self.run.messages
        try:
            return self._work()
        except Exception as error:
            self.console.record(f"error: {error}; {resume_hint(self.run)}")
            raise
        finally:
            self.console.copy = None

    def _work(self) -> TrainOutcome:
        """Train and score the folds and write a bundle; then train again on all rows."""
        began = time.perf_counter()
        self.console.line(f"run: {self.run.folder} on {self.device}")
        tasks = tasks_of(self.source.table.rows, self.split, self.config)
        describe_run(self.source.table.rows, self.config, tasks, self.console)
        fits, all_tasks = fits_of(self.run, tasks), [*tasks]
        on_all_rows = tasks.pop() if self.config.train.refit else None
        open_fits = [fit for fit in fits if not fit.checkpoint.finished]
        at_once = choose_workers(self.workers, open_fits, self.device)
        with (
            one_thread(),
            stop_on_signals() as stop,
            FoldTraining(self.run, self.device, stop, self.console, fits, at_once) as training,
        ):
            if at_once > 1:
                for task in all_tasks:
                    describe_fold(task, self.console)
            folds = self._train_folds(tasks, training)
            results = self._evaluate(folds)
            training.refresh()
            unfinished = stop.requested or on_all_rows is not None
            outcome = self._write(folds, results, training, began, unfinished)
            if on_all_rows is not None and not stop.requested:
                if at_once == 1:
                    describe_fold(on_all_rows, self.console)
                again = training.train(replace(on_all_rows, config=results.config), folds)
                if not stop.requested:
                    outcome = self._write([again], results, training, began, False)
        if not outcome.metrics["interrupted"]:
            shutil.rmtree(self.run.scratch, ignore_errors=True)
        if self.report:
            self._write_report()
        return outcome

    def _write_report(self) -> None:
        """Write the run's page; a failure is only noted, since the run itself is complete."""
        try:
            write_report(self.run, self.source.table.rows)
        except Exception as error:
            self.console.note(
                f"{self.run.report.name} was not written ({reason(error)}); "
                f"sirna report {shlex.quote(str(self.run.folder))} makes it"
            )

    def _train_folds(self, tasks: list[FoldTask], training: FoldTraining) -> list[FoldMembers]:
        """Train the folds; after a stop, return those that can predict with what is finished."""
        folds: list[FoldMembers] = []
        for task in tasks:
            if training.stop.requested and not training.has_results(task):
                continue
            if training.at_once == 1:
                describe_fold(task, self.console)
            trained = training.train(task)
            training.refresh()
            if trained.can_predict(self.config):
                folds.append(trained)
        if not folds:
            raise StoppedError(
                f"{self.run.folder}: stopped before any member was trained, so there is no bundle; "
                f"{resume_hint(self.run)}."
            )
        if training.stop.requested:
            members = count_members(folds, self.config).items()
            counts = ", ".join(f"{name}: {count}" for name, count in members)
            self.console.note(f"stopped; the bundle predicts with what is finished ({counts})")
        return folds

    def _evaluate(self, folds: list[FoldMembers]) -> _HeldOutResults:
        """Predict and score the held-out rows of the folds."""
        parts, rows = [fold.held_out(self.config) for fold in folds], self.source.table.rows
        labels = rows["label"].to_numpy()
        config = Likelihoods(parts, labels, self.split.groups, self.config).for_bundle()
        facts = (member.facts for fold in folds for member in fold.members)
        epochs = [fact["epoch"] for fact in facts if "epoch" in fact]
        mixed = [mix_held_out(part, config) for part in parts]
        oof = oof_table(parts, rows, self.split, self.config)
        return _HeldOutResults(config, mixed, oof, epochs)

    def _write(
        self,
        folds: Sequence[FoldMembers],
        results: _HeldOutResults,
        training: FoldTraining,
        began: float,
        interrupted: bool,
    ) -> TrainOutcome:
        """Write all results so far, so that a later failure does not lose them."""
        rows, log = self.source.table.rows, training.log
        rates = [float(row["rows_per_second"]) for row in log if "rows_per_second" in row]
        figures = metrics(results.oof, self.config) | {
            "best_epochs": results.best_epochs,
            "weights": family_weights(results.config, False, FAMILIES),
            "table_rows": len(rows),
            "seconds": round(time.perf_counter() - began, 1),
            "rows_per_second": round(float(np.mean(rates))) if rates else None,
            "peak_memory_mb": training.peak_memory_mb,
            "interrupted": interrupted,
        }
        about = {
            "protocol": self.config.split.protocol,
            "scores": figures["pooled"],
            "seed": self.config.train.seed,
            "training": {
                "name": Path(self.source.name).name,
                "rows": len(rows),
                "sha256": self.source.digest,
            },
        }
        self.run.check_present()
        write_csv(self.run.log, pd.DataFrame(log))
        write_csv(self.run.oof, results.oof)
        bundle = build_bundle(folds, results.held_out, rows, results.config, about)
        describe_learned(bundle.config, bundle.unseen_postprocess is not None, self.console)
        save_bundle(self.run.bundle, bundle)
        write_text(self.run.metrics, json.dumps(figures, indent=1))
        return TrainOutcome(self.run, figures)


@contextlib.contextmanager
def _owned(run: Run, console: Console) -> Iterator[None]:
    """Lock the folder of a run, and remove what a killed training left in it."""
    with locked(run.folder):
        wait_for_earlier_workers(run.folder, console, StopRequest())
        settle(run.folder)
        yield


def _start(command: str) -> dict[str, str]:
    """Return what `started.json` records."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"command": command, "started": now, "sirna": __version__, "torch": torch.__version__}

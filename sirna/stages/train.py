"""`sirna train`: table -> split -> folds -> fit -> bundle and figures, in one run folder."""

import json
import resource
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sirna.bundle.bundle import Bundle, Member
from sirna.bundle.store import save_bundle
from sirna.config.load import Config, load_config, with_changes
from sirna.errors import SirnaError
from sirna.features.dataset import tokenizer_of
from sirna.features.fold import Fold, make_fold
from sirna.members.gaussian_process.member import RowProcess, known_targets
from sirna.members.network.fit import start
from sirna.members.trees.member import RowTrees
from sirna.prediction.histogram import Histogram
from sirna.prediction.postprocess import fit_new_target_rule, fit_rule
from sirna.runs.run import Run, new_run, resuming, run_to_resume
from sirna.stages.console import Console
from sirna.stages.evaluation import HeldOut, metrics, mixed, oof_table
from sirna.stages.fold_training import FoldModels, folds_of_trees, targets_of_trees
from sirna.stages.time_estimate import epoch_seconds, process_seconds, trees_seconds
from sirna.system.device import choose_device
from sirna.system.files import held, write_csv, write_text
from sirna.system.signals import stop_on_signals
from sirna.table.ranges import SOURCES, ranges_of
from sirna.table.splits import NEVER, Split, group_rows, make_split
from sirna.table.training_source import Source, training_source

LEAST_DROPOUT = 0.2
"""Of covariates, where they name training targets: below it the user is told."""
FAR_OFF = 2.0
"""Times the wanted share of held-out rows, or one over it: beyond, the user is told."""


@dataclass(frozen=True)
class TrainOutcome:
    """What a training left."""

    run: Run
    metrics: dict[str, Any]


def train(
    argument: Path | None,
    config: Config,
    folder: Path | None,
    splits: Path | None,
    device: str,
    console: Console,
) -> TrainOutcome:
    """Start a new run and train it to its end, or to a signal."""
    chosen = choose_device(device)
    new_run(folder, config.split.protocol)
    source = _open(argument, config, console)
    config = with_changes(config, {"data.train": source.name})
    split = _split(source, config, splits, console)
    run = new_run(folder, config.split.protocol)  # another may have begun in the meantime
    with held(run.folder):
        new_run(run.folder, config.split.protocol)
        write_text(run.digest, source.digest)
        split.save(run.splits)
        write_text(run.config, config.to_toml())
        return _work(run, source, split, config, chosen, console)


def resume(folder: Path | None, device: str, console: Console) -> TrainOutcome:
    """Go on with a run that was interrupted; it ends as it would have without."""
    run = run_to_resume(folder)
    config = load_config(run.config)
    figures = run.figures()
    if figures is not None and not figures["interrupted"]:
        console.line(f"run: {run.folder} has finished; nothing is left to do")
        return TrainOutcome(run, figures)
    source = _open(None, config, console)
    if not run.digest.is_file() or run.digest.read_text(encoding="utf-8") != source.digest:
        raise SirnaError(f"{source.name}: has changed since {run.folder} began; start a new run.")
    split = _split(source, config, run.splits, console)
    with held(run.folder):
        return _work(run, source, split, config, choose_device(device), console)


def check(
    argument: Path | None,
    config: Config,
    folder: Path | None,
    splits: Path | None,
    device: str,
    console: Console,
) -> None:
    """Do all that training does up to its first steps, and write nothing."""
    chosen = choose_device(device)
    new_run(folder, config.split.protocol)
    source = _open(argument, config, console)
    split = _split(source, config, splits, console)
    rows = source.table.rows
    fold = make_fold(rows, split, split.folds[0], config)
    _describe(fold, rows, split, config, console)
    progress = start(fold.encoding, fold.train, config, fold.seed, chosen)
    seconds = epoch_seconds(progress, fold, config, chosen)
    whole = [split.whole] * config.train.refit
    trained = len(split.folds) + len(whole) * len(rows) / len(fold.train)
    networks = seconds * config.train.epochs * config.train.members * trained
    parameters = sum(p.numel() for p in progress.model.parameters())
    folds = f"{len(split.folds)} fold{'s' * (len(split.folds) > 1)}{' and all rows' * len(whole)}"
    told = f"{folds} on {chosen}: {networks / 60:.0f} min for the networks"
    if config.gaussian_process.share:
        first, *others = (
            process_seconds(rows, np.flatnonzero(split.fold != number), config, number)
            for number in [fold.number, *whole]
        )
        processes = first * len(split.folds) + sum(others)
        told += f", {processes / 60:.0f} min for the Gaussian processes"
    targets = targets_of_trees(rows, split, config)
    numbers = folds_of_trees(split, config)
    if numbers and targets is not None:
        first, *others = (
            trees_seconds(rows, np.flatnonzero(split.fold != number), targets, config, number)
            for number in dict.fromkeys([numbers[0], *whole])
        )
        trees = first * (len(numbers) - len(others)) + sum(others)
        told += f", {trees / 60:.0f} min for the trees"
    console.line(f"check: ok; {parameters:,} parameters, about {seconds:.0f} s an epoch; {told}")


def _open(argument: Path | None, config: Config, console: Console) -> Source:
    source = training_source(argument, config)
    console.line(f"data: {source.name} ({source.why}): {len(source.table):,} rows")
    for notice in (*source.table.notices, *_lost_bases(source.table.rows, config)):
        console.note(notice)
    return source


def _lost_bases(rows: pd.DataFrame, config: Config) -> list[str]:
    """Say which streams leave bases at the 3' end in no token."""
    notices = []
    for name, stream in config.streams.items():
        if stream.kind == "bases" and stream.role in rows:
            lost = rows[stream.role].dropna().map(tokenizer_of(stream).lost)
            if lost.any():
                notices.append(
                    f"stream {name}: up to {lost.max()} bases at the 3' end of "
                    f"{(lost > 0).sum():,} rows are in no token (tail = 'drop')"
                )
    return notices


def _split(source: Source, config: Config, splits: Path | None, console: Console) -> Split:
    rows = source.table.rows
    if splits is not None:
        ids = rows["id"].to_numpy().astype(str)
        return Split.load(splits, ids, group_rows(rows, config.split.protocol))
    split = make_split(rows, config.split, source.name)
    share, wanted = float((split.fold != NEVER).mean()), config.split.valid
    if config.split.folds < 2 and not wanted / FAR_OFF <= share <= wanted * FAR_OFF:
        console.note(f"{share:.0%} of the rows are held out, not {wanted:.0%}: few, large groups")
    return split


def _work(
    run: Run,
    source: Source,
    split: Split,
    config: Config,
    device: torch.device,
    console: Console,
) -> TrainOutcome:
    console.line(f"run: {run.folder} on {device}")
    rows = source.table.rows
    began = time.perf_counter()
    members: list[Member] = []
    processes: list[RowProcess] = []
    trees: list[RowTrees] = []
    parts: list[HeldOut] = []
    log: list[dict[str, float]] = []
    with stop_on_signals() as request:
        for number in split.folds:
            fold = make_fold(rows, split, number, config)
            _describe(fold, rows, split, config, console)
            models = FoldModels(run, rows, split, fold, config, device, request, console)
            trained = models.train(log)
            if trained.networks:
                members += models.members(trained.networks)
                processes += [trained.process] if trained.process else []
                trees += [trained.trees] if trained.trees else []
                parts.append(models.held_out(trained))
            if request.asked:
                break
        if not members:
            raise SirnaError(
                f"{run.folder}: stopped before the first epoch's end: no bundle; {resuming(run)}."
            )
        if request.asked:
            console.note(
                f"stopped; the bundle predicts with what is finished: networks {len(members)}, "
                f"Gaussian processes {len(processes)}, fits of trees {len(trees)}"
            )
        oof = oof_table(parts, rows, split, config)
        best_epochs = [member.facts["epoch"] for member in members]

        def keep(interrupted: bool) -> TrainOutcome:
            """Write all that there is so far: a failure later on takes nothing of it away."""
            figures = metrics(oof, config) | {
                "best_epochs": best_epochs,
                "table_rows": len(rows),
                "seconds": round(time.perf_counter() - began, 1),
                "rows_per_second": round(float(np.mean([row["rows_per_second"] for row in log]))),
                "peak_memory_mb": _peak_memory_mb(),
                "interrupted": interrupted,
            }
            write_csv(run.log, pd.DataFrame(log))
            write_csv(run.oof, oof)
            fitted = members, processes, trees
            save_bundle(run.bundle, _bundle(*fitted, parts, source, config, figures))
            write_text(run.metrics, json.dumps(figures, indent=1))
            return TrainOutcome(run, figures)

        outcome = keep(request.asked or config.train.refit)
        if config.train.refit and not request.asked:
            epochs = round(float(np.median(best_epochs)))
            fold = make_fold(rows, split, split.whole, config)
            console.line(
                f"all rows: {len(fold.train):,} train the bundle's models; epochs: {epochs}"
            )
            models = FoldModels(run, rows, split, fold, config, device, request, console)
            trained = models.train(log, epochs)
            if not request.asked:
                members = models.members(trained.networks)
                processes = [trained.process] if trained.process else []
                trees = [trained.trees] if trained.trees else []
                outcome = keep(interrupted=False)
    return outcome


def _bundle(
    members: list[Member],
    processes: list[RowProcess],
    trees: list[RowTrees],
    parts: list[HeldOut],
    source: Source,
    config: Config,
    figures: dict[str, Any],
) -> Bundle:
    """Fit the rules on all held-out predictions and put the bundle together."""
    rows = source.table.rows
    labels = rows["label"].to_numpy()
    members = [replace(one, encoding=one.encoding.knowing(rows)) for one in members]
    rule = fit_rule(
        Histogram.stacked([part.best for part in parts]),
        np.concatenate([labels[part.held] for part in parts]),
        config,
    )
    if config.split.protocol != "target" and len(trees) < len(processes):
        trees = []  # not there yet, or interrupted: the rule is fitted to what each pair says
    knowing = [one for one in processes if one.knows_targets]
    new_target_rule = None
    if processes and len(knowing) == len(processes):
        left_out = [one.process.with_new_targets() for one in processes]
        if trees:
            left_out = [
                mixed(told, None, one.with_new_targets(process.chosen), config)
                for told, one, process in zip(left_out, trees, processes, strict=True)
            ]
        new_target_rule = fit_new_target_rule(
            rule,
            Histogram.stacked(left_out),
            np.concatenate([labels[one.chosen.numpy()] for one in processes]),
            config,
        )
    about = {
        "protocol": config.split.protocol,
        "scores": figures["pooled"],
        "seed": config.train.seed,
        "training": {
            "name": Path(source.name).name,
            "rows": len(labels),
            "sha256": source.digest,
        },
    }
    shared = with_changes(config, {"data.train": ""})  # no path of this machine
    bundle = Bundle(shared, members, processes, trees, rule, new_target_rule, {}, about)
    read = {k: ends for k, ends in ranges_of(rows).items() if SOURCES.get(k, k) in bundle.roles}
    return replace(bundle, ranges=read)


def _describe(
    fold: Fold, rows: pd.DataFrame, split: Split, config: Config, console: Console
) -> None:
    """Say what a fold holds, and what it lacks."""
    groups = len(np.unique(split.groups[fold.held]))
    console.line(
        f"fold {fold.number}: {len(fold.train):,} rows train, {len(fold.valid):,} held out "
        f"({config.split.protocol}: {groups:,} groups)"
    )
    if fold.number != split.folds[0]:
        return
    if config.split.protocol != "target" and known_targets(rows, config) is None:
        console.note(
            "rows of new targets will be predicted like all others: to tell them takes a Gaussian "
            "process that reads five targets by name, none with more than a third of the rows"
        )
    absent = sorted(set(config.streams) - set(fold.encoding.streams))
    if absent:
        console.note(f"streams without a column are left out: {', '.join(absent)}")
    names, dropped = fold.encoding.covariates.groups, config.model.covariate_dropout
    if names and dropped < LEAST_DROPOUT:
        console.note(
            f"the network reads {' and '.join(names)} of training rows and must learn to do "
            f"without; model.covariate_dropout = {dropped:g} is little (default 0.4)"
        )


def _peak_memory_mb() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))

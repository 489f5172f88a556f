"""`sirna tune`: search for the best settings; write `best.toml`, `trials.csv` and `tune.html`."""

import itertools
import multiprocessing
import re
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import optuna
import tomli_w
import torch
from optuna.trial import FrozenTrial, TrialState

from sirna.config.config import Config
from sirna.config.leaves import leaves_of
from sirna.config.load import config_from_dict, load_config, with_changes
from sirna.errors import SirnaError, StoppedError, UsageError
from sirna.runs.run import RUNS
from sirna.stages.console import Console
from sirna.stages.table_description import describe_rows
from sirna.system.device import choose_device
from sirna.system.files import settle, write_csv, write_text
from sirna.system.limits import quoted
from sirna.system.locks import locked, shared_lock, wait_for_sharers
from sirna.system.signals import stop_on_signals
from sirna.table.splits import make_split
from sirna.table.training_source import Source, training_source
from sirna.tuning.default_space import DEFAULT_SEARCH
from sirna.tuning.display import TuneDisplay
from sirna.tuning.objective import Objective
from sirna.tuning.page import importances, plain, study_page
from sirna.tuning.space import SearchConfig, load_search
from sirna.tuning.study import (
    POLL_SECONDS,
    do_trials,
    finished_trials,
    open_storage,
    open_study,
    prepare,
    requeue_interrupted,
)

TUNE = RUNS / "tune"
LEAST_SHARE = 0.01
STUDY_NAME = re.compile(r"\w[\w .-]{0,99}")
WORKERS_LOCK = "workers"
"""The file that every worker process locks while it lives."""


@dataclass(frozen=True)
class TuneRequest:
    """The options of `sirna tune`.

    Attributes
    ----------
    table : Path, optional
        The training table; see `training_source`.
    config : Config
        The configuration that trials change.
    space : Path, optional
        A TOML file with the search space.
    study : str
        The name of the study.
    total : int
        Number of finished trials of the study, including those of earlier commands.
    timeout : float, optional
        After so many seconds no further trial begins and the running one is stopped.
    storage : str, optional
        URL of a shared database.
    jobs : int
        Worker processes on this machine.
    device : str
    """

    table: Path | None
    config: Config
    space: Path | None
    study: str
    total: int
    timeout: float | None
    storage: str | None
    jobs: int
    device: str


@dataclass(frozen=True)
class TuneOutcome:
    """The result of a search."""

    folder: Path
    source: str
    best: FrozenTrial
    default: float | None
    importances: dict[str, float]

    @property
    def important_parameters(self) -> list[tuple[str, str, float]]:
        """Key, best value and share of the score's variance, for shares of 1 % or more."""
        ranked = sorted(self.importances.items(), key=lambda item: -item[1])
        values = self.best.params
        return [
            (key, plain(values[key]), share)
            for key, share in ranked
            if key in values and share >= LEAST_SHARE
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        best = {"trial": self.best.number, "score": self.best.value, "settings": self.best.params}
        paths = {"toml": str(self.toml), "report": str(self.folder / "tune.html")}
        return {"best": best, "default": self.default, "importances": self.importances, **paths}

    @property
    def toml(self) -> Path:
        """The best configuration, as `sirna train --config` takes it."""
        return self.folder / "best.toml"


@dataclass(frozen=True)
class SearchCallbacks:
    """Callbacks: whether a search must stop, and how its display is refreshed."""

    stop: Callable[[], bool]
    refresh: Callable[[], None]


def tune(request: TuneRequest, console: Console) -> TuneOutcome:
    """Search until the study has `total` trials, the timeout is reached, or a signal arrives.

    Raises
    ------
    UsageError
        If the space or the storage cannot be used; it is raised before the first trial.
    SirnaError
        If no trial was completed.
    """
    if not STUDY_NAME.fullmatch(request.study):
        raise UsageError(
            f"--study {quoted(request.study)}: is a name, not a path: letters, digits, blanks, "
            "'.', '_' and '-', at most 100, the first a letter or digit."
        )
    search = load_search(request.space, DEFAULT_SEARCH)
    search.check(request.config, str(request.space or "built-in space"))
    source = training_source(request.table, request.config)
    console.line(f"data: {source.name} ({source.origin}): {describe_rows(source.table.rows)}")
    for note in source.table.notes:
        console.note(note)
    folder = TUNE / request.study
    deadline = time.monotonic() + (request.timeout or float("inf"))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    lock = nullcontext() if request.storage else locked(folder)
    with lock, stop_on_signals() as stop:
        if not request.storage:
            settle(folder)
            _wait_for_workers(folder, console, lambda: stop.requested)
        storage = open_storage(folder, request.storage, request.jobs)
        study = open_study(storage, request.study, search, _worker_id(request, 0))
        prepare(study, search.defaults(request.config), _data_and_config(request, source))
        if not request.storage and (again := requeue_interrupted(study)):
            console.line(
                f"{again} trials were interrupted when their process was killed; they are repeated"
            )
        console.line(
            f"study: {request.study}, {len(finished_trials(study))} of {request.total} trials"
        )
        where = _dashboard(folder, request.storage)
        console.line(f"live view (needs optuna-dashboard): optuna-dashboard {where}")
        live = not (console.quiet or console.as_json)
        display = TuneDisplay(study, request.total, console.line, live)
        callbacks = SearchCallbacks(
            lambda: stop.requested or time.monotonic() > deadline, display.refresh
        )
        try:
            if request.jobs > 1:
                _in_processes(request, source, search, study, callbacks)
            else:
                _do_trials(request, source, search, study, callbacks)
        finally:
            display.close()
    return _write(folder, source, study, request)


def _wait_for_workers(folder: Path, console: Console, stop: Callable[[], bool]) -> None:
    """Wait until workers whose parent was killed have ended, so that no trial is done twice."""
    waits = itertools.count()

    def wait() -> None:
        if stop():
            raise StoppedError(f"{folder}: stopped while workers of an earlier command still ran.")
        if next(waits) == 0:
            console.note("waiting for workers of an earlier command, which was killed, to end")
        time.sleep(POLL_SECONDS)

    wait_for_sharers(folder / WORKERS_LOCK, wait)


def _worker_id(request: TuneRequest, worker: int) -> int:
    """Return an id that no other worker has, so that no two workers draw the same parameters.

    Without a shared database it is the worker's index. With one it is random, since workers on
    different machines may start at the same moment.
    """
    return secrets.randbits(32) if request.storage else worker


def _data_and_config(request: TuneRequest, source: Source) -> dict[str, Any]:
    """Return the data and settings that must be the same in all trials of a study."""
    data = {"data": {"train": ""}}
    fixed = {**request.config.model_dump(mode="json"), **data}
    return {"training_sha256": source.digest, "config": fixed}


def _do_trials(
    request: TuneRequest,
    source: Source,
    search: SearchConfig,
    study: optuna.Study,
    callbacks: SearchCallbacks,
) -> None:
    """Do trials in this process."""
    rows = source.table.rows
    split = make_split(rows, request.config.split, source.name)
    device = choose_device(request.device)
    objective = Objective(rows, split, request.config, search, device, callbacks.stop)
    objective.on_epoch = callbacks.refresh
    do_trials(study, objective, request.total, callbacks.stop, callbacks.refresh)


def _in_processes(
    request: TuneRequest,
    source: Source,
    search: SearchConfig,
    study: optuna.Study,
    callbacks: SearchCallbacks,
) -> None:
    """Start worker processes that do the trials, and show the progress."""
    context = multiprocessing.get_context("spawn")
    config = with_changes(request.config, {"data.train": source.name})
    plain = {**vars(request), "config": config.model_dump(mode="json"), "table": None}
    threads = max(1, torch.get_num_threads() // request.jobs)
    workers: list[BaseProcess] = [
        context.Process(target=_worker, args=(plain, search.model_dump(), index, threads))
        for index in range(1, request.jobs + 1)
    ]
    for worker in workers:
        worker.start()
    stopping = False
    while any(worker.is_alive() for worker in workers):
        if callbacks.stop() and not stopping:
            stopping = True
            for worker in workers:
                worker.terminate()  # SIGTERM: a worker prunes its trial and ends
        callbacks.refresh()
        time.sleep(POLL_SECONDS)
    codes = [worker.exitcode for worker in workers]
    if any(codes) and len(finished_trials(study)) < request.total and not stopping:
        raise SirnaError(f"workers ended with {codes}; run the same command again to go on.")


def _worker(plain: dict[str, Any], search: dict[str, Any], worker: int, threads: int) -> None:
    """Do trials in a worker process, until they are done or its parent has died."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and sends SIGTERM
    torch.set_num_threads(threads)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    config = config_from_dict(plain.pop("config"), source="worker")
    request = TuneRequest(config=config, **plain)
    space = SearchConfig.model_validate(search)
    parent = multiprocessing.parent_process()
    (TUNE / request.study).mkdir(parents=True, exist_ok=True)
    storage = open_storage(TUNE / request.study, request.storage, request.jobs)
    study = open_study(storage, request.study, space, _worker_id(request, worker))
    source = training_source(None, config)
    lock = shared_lock(TUNE / request.study / WORKERS_LOCK)
    with lock, stop_on_signals(signal.SIGTERM) as stop:
        alive = parent.is_alive if parent else lambda: True
        callbacks = SearchCallbacks(lambda: stop.requested or not alive(), lambda: None)
        _do_trials(request, source, space, study, callbacks)


def _write(folder: Path, source: Source, study: optuna.Study, request: TuneRequest) -> TuneOutcome:
    """Write the trials, the best configuration and the page."""
    complete = [trial for trial in finished_trials(study) if trial.state == TrialState.COMPLETE]
    if not complete:
        raise SirnaError(f"{folder}: no trial was completed; run the same command again.")
    best = max(complete, key=lambda trial: (trial.value or 0.0, -trial.number))
    default = next((trial.value for trial in complete if trial.user_attrs.get("default")), None)
    config = with_changes(request.config, dict(best.params))
    outcome = TuneOutcome(folder, source.name, best, default, importances(study))
    write_text(outcome.toml, _best_toml(config, best, study.study_name))
    write_csv(folder / "trials.csv", study.trials_dataframe(multi_index=False))
    write_text(folder / "tune.html", study_page(study, best, default))
    return outcome


def _best_toml(config: Config, best: FrozenTrial, study: str) -> str:
    """Return the values that differ from the defaults, with their origin in comments."""
    protocol = config.split.protocol
    usual = leaves_of(load_config(flags={"split.protocol": protocol}))
    tables: dict[str, Any] = {}
    for key, value in leaves_of(config).items():
        if value != usual.get(key) or key == "split.protocol" or key.startswith("streams."):
            *sections, last = key.split(".")
            table = tables
            for section in sections:
                table = table.setdefault(section, {})
            table[last] = value
    tables.get("data", {}).pop("train", None)
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    head = (
        f"# Best of study {study!r}: trial {best.number}, score {best.value:.4f} on the rows that "
        f"the study held out\n# under protocol {protocol!r}, {now}. All other keys are defaults.\n"
    )
    return f"{head}\n{tomli_w.dumps({key: table for key, table in tables.items() if table})}"


def _dashboard(folder: Path, url: str | None) -> str:
    if url:
        return f"'{url}'"
    journal = folder / "journal.log"
    return str(journal) if journal.exists() else f"sqlite:///{folder / 'study.db'}"

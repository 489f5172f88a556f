"""`sirna tune`: search for better settings and confirm them; write best.toml and tune.html."""

import os
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from sirna.errors import SirnaError, UsageError
from sirna.members.registry import config_for_table
from sirna.stages.console import Console
from sirna.stages.earlier_workers import wait_for_earlier_workers
from sirna.stages.table_description import describe_rows
from sirna.stages.tune_workers import (
    SearchCallbacks,
    TuneRequest,
    Workers,
    worker_id,
)
from sirna.system.files import settle, write_csv, write_text
from sirna.system.limits import quoted
from sirna.system.locks import locked
from sirna.system.signals import StopRequest, stop_on_signals
from sirna.system.threads import one_thread
from sirna.table.training_source import Source, training_source
from sirna.tuning.confirmation import (
    CONFIRMATION,
    INTERVAL,
    Candidate,
    Confirmation,
    candidates_of,
    confirm,
    files_of_folds,
)
from sirna.tuning.default_space import DEFAULT_SEARCH
from sirna.tuning.display import ConfirmationDisplay, TuneDisplay
from sirna.tuning.importance import Importances, importances
from sirna.tuning.page import study_page
from sirna.tuning.recommendation import Recommendation, recommend
from sirna.tuning.space import SearchConfig, load_search
from sirna.tuning.study import (
    FIDELITY,
    OBJECTIVE,
    SECONDS,
    completed_trials,
    default_trial,
    finished_trials,
    noise_of,
    open_storage,
    open_study,
    prepare,
    requeue_interrupted,
)

LEAST_SHARE = 0.01
OBJECTIVE_VERSION = 3
"""Version of what a trial scores; trials of different versions are never compared."""
STUDY_NAME = re.compile(r"\w[\w .-]{0,99}")
LARGEST_RESERVE = 0.5
"""Largest share of a timeout that is reserved for the confirmation."""


@dataclass(frozen=True)
class TuneOutcome:
    """The result of a command.

    Attributes
    ----------
    toml : Path
        The recommended configuration, as `sirna train --config` takes it.
    command : str
        The command that trains with it.
    reason : str
        Why it is recommended.
    figures : dict
        The outcome as plain data.
    """

    toml: Path
    command: str
    reason: str
    figures: dict[str, Any]


def tune(request: TuneRequest, console: Console) -> TuneOutcome:
    """Search until the study has `total` trials, the timeout is reached, or a signal arrives.

    Then compare the best trials with the default on other folds and seeds.

    Returns
    -------
    TuneOutcome

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
    search, idle = search.for_table(config_for_table(request.config, source.table.rows))
    if idle:
        console.note(
            f"{', '.join(idle)} do not vary: their families predict no held-out row of this table"
        )
    for note in source.table.notes:
        console.note(note)
    folder = request.folder
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    lock = nullcontext() if request.storage else locked(folder)
    with lock, stop_on_signals() as stop:
        if not request.storage:
            settle(folder)
            wait_for_earlier_workers(folder, console, stop)
        storage = open_storage(folder, request.storage, request.jobs)
        study = open_study(storage, request.study, search, worker_id(request, 0))
        prepare(study, search.defaults(request.config), _fixed(request, source, search))
        if not request.storage and (again := requeue_interrupted(study)):
            console.line(
                f"{again} trials were interrupted when their process was killed; they are repeated"
            )
        done = len(finished_trials(study))
        console.line(f"study: {request.study}, {done} of {request.total} trials")
        if not done:
            console.line(
                "trial 0 is the default; it takes longest: its network is trained with "
                f"{search.repeats} seeds, to show the noise of a score"
            )
        where = _dashboard(folder, request.storage)
        console.line(f"live view (needs optuna-dashboard): optuna-dashboard {where}")
        if (cores := os.cpu_count() or 1) > request.jobs == 1 and done < request.total:
            console.line(f"a worker uses one of {cores} cores; --jobs {cores} uses all")
        work = _Tuning(Workers(request, source, search, study), console, stop)
        return work.do()


@dataclass
class _Tuning:
    """One command: search, confirmation and results."""

    workers: Workers
    console: Console
    stop: StopRequest

    def __post_init__(self) -> None:
        self.request, self.study = self.workers.request, self.workers.study
        self._seconds: float | None = None  # of the default's training; unknown
        self.deadline = time.monotonic() + (self.request.timeout or float("inf"))

    def do(self) -> TuneOutcome:
        """Search, confirm and write the results."""
        with self._display(lambda: self._late(self._reserve())) as callbacks:
            self.workers.do("search", callbacks)
        if not completed_trials(self.study):
            raise SirnaError(
                f"{self.request.folder}: no trial was completed; run the same command again."
            )
        config, search = self.request.config, self.workers.search
        candidates = candidates_of(self.study, search.candidates)
        confirmation = self._confirmed(candidates) if self.request.confirm else None
        best = candidates[0] if candidates else None
        recommendation = recommend(config, best, confirmation, self.request.confirm)
        found = importances(self.study)
        folder = self.request.folder
        write_text(folder / "best.toml", recommendation.toml(self.study.study_name))
        write_csv(folder / "trials.csv", self.study.trials_dataframe(multi_index=False))
        page = study_page(self.study, recommendation, confirmation, found)
        write_text(folder / "tune.html", page)
        return self._outcome(recommendation, confirmation, found)

    def _late(self, reserve: float = 0.0) -> bool:
        return self.stop.requested or time.monotonic() > self.deadline - reserve

    def _reserve(self) -> float:
        """Return the seconds of the timeout that the confirmation will need.

        They are those of the default, as if the time grew with rows and epochs.
        """
        if not (self.request.timeout and self.request.confirm):
            return 0.0
        if self._seconds is None and (default := default_trial(self.study)) is not None:
            self._seconds = default.user_attrs[SECONDS] / default.user_attrs[FIDELITY]
        trainings = self.workers.search.candidates + 1
        seconds = trainings * (self._seconds or 0.0) / self.request.jobs
        return min(seconds, LARGEST_RESERVE * self.request.timeout)

    @contextmanager
    def _display(self, late: Any) -> Iterator[SearchCallbacks]:
        live = not (self.console.quiet or self.console.as_json)
        display = TuneDisplay(self.study, self.request.total, self.console.line, live)
        try:
            yield SearchCallbacks(late, display.refresh)
        finally:
            display.close()

    def _confirmed(self, candidates: list[Candidate]) -> Confirmation | None:
        """Return the confirmation of these candidates, or the latest one if it is not finished."""
        raw = self.study.user_attrs.get(CONFIRMATION)
        latest = Confirmation.from_dict(raw) if raw else None
        if not candidates or (latest and latest.is_of(candidates)):
            return latest
        if not self._late():
            names = ", ".join(str(one.number) for one in candidates)
            self.console.line(
                f"confirmation: the default and trials {names} on other folds and seeds"
            )
            folds = files_of_folds(self.workers.work(SearchCallbacks(self._late)), candidates)
            callbacks = SearchCallbacks(
                self._late, ConfirmationDisplay(folds, self.console.line).refresh
            )
            self.workers.do("confirmation", callbacks)
            callbacks.refresh()
            with one_thread():
                found = confirm(self.workers.work(callbacks), self.study, candidates)
            if found is not None:
                self.study.set_user_attr(CONFIRMATION, found.to_dict())
                latest = found
                if found.is_of(candidates):
                    return found
        self.console.note("stopped before the confirmation was finished")
        return latest

    def _outcome(
        self,
        recommendation: Recommendation,
        confirmation: Confirmation | None,
        found: Importances,
    ) -> TuneOutcome:
        """Print the figures of search and confirmation, and return the outcome."""
        line = self.console.result
        best = max(completed_trials(self.study), key=lambda one: (one.value or 0.0, -one.number))
        default, noise = default_trial(self.study), noise_of(self.study)
        known = "not done" if default is None else f"{default.value:.4f}"
        spread = "" if noise is None else f"; noise of a score {noise:.4f}"
        line(f"best: trial {best.number}, {best.value:.4f}; default {known}{spread}")
        for key, share in sorted(found.shares.items(), key=lambda item: -item[1]):
            if share >= LEAST_SHARE:
                line(f"  {share:5.1%} of the variance of the first step: {key}")
        if not found.shares:
            line(f"  {found.why_none}")
        for one in confirmation.compared if confirmation else ():
            line(
                f"confirmation, trial {one.number}: {one.score:.4f}, gain {one.gain:+.4f} "
                f"({INTERVAL:.0%} interval {one.low:+.4f} to {one.high:+.4f}), better with "
                f"{one.confidence:.1%} confidence"
            )
        toml, page = self.request.folder / "best.toml", self.request.folder / "tune.html"
        line(f"written: {toml}, {page}")
        source = self.workers.source.name
        data = "" if source == "embedded" else f" {shlex.quote(source)}"
        figures = {
            "best": {"trial": best.number, "score": best.value, "settings": best.params},
            "default": default.value if default else None,
            "noise": noise,
            "importances": found.shares,
            "confirmation": confirmation.to_dict() if confirmation else None,
            "recommended": {"default": recommendation.is_default, "reason": recommendation.reason},
            "toml": str(toml),
            "report": str(page),
        }
        command = f"sirna train{data} --config {shlex.quote(str(toml))}"
        return TuneOutcome(toml, command, recommendation.reason, figures)


def _fixed(request: TuneRequest, source: Source, search: SearchConfig) -> dict[str, Any]:
    """Return the data and settings that must be the same in all trials of a study."""
    config = {**request.config.model_dump(mode="json"), "data": {"train": ""}}
    names = ("folds", "screening_rows", "screening_epochs")
    objective = {"version": OBJECTIVE_VERSION, **search.model_dump(include=set(names))}
    return {"training_sha256": source.digest, "config": config, OBJECTIVE: objective}


def _dashboard(folder: Path, url: str | None) -> str:
    if url:
        return f"'{url}'"
    journal = folder / "journal.log"
    return str(journal) if journal.exists() else f"sqlite:///{folder / 'study.db'}"

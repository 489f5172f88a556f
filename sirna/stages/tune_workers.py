"""The workers of `sirna tune`: in this process, or several processes of one thread each."""

import multiprocessing
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

import optuna

from sirna.config.config import Config
from sirna.config.load import config_from_dict, with_changes
from sirna.errors import SirnaError
from sirna.runs.run import RUNS
from sirna.system.device import choose_device
from sirna.system.processes import as_worker, start
from sirna.system.threads import one_thread
from sirna.table.training_source import Source, training_source
from sirna.tuning.confirmation import candidates_of, fill
from sirna.tuning.fits import Fits
from sirna.tuning.objective import Objective, Work
from sirna.tuning.space import SearchConfig
from sirna.tuning.study import POLL_SECONDS, do_trials, finished_trials, open_storage, open_study

TUNE = RUNS / "tune"
FITS = "fits"
"""The folder of a study with the predictions of its members."""
Part = Literal["search", "confirmation"]


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
        The command ends after about so many seconds, confirmation included.
    storage : str, optional
        URL of a shared database.
    jobs : int
        Worker processes on this machine.
    device : str
    confirm : bool
        Whether to confirm the best trials.
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
    confirm: bool = True

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return TUNE / self.study


@dataclass(frozen=True)
class SearchCallbacks:
    """Callbacks: whether the work must stop, and how its display is refreshed."""

    stop: Callable[[], bool]
    refresh: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Workers:
    """Does the parts of a search."""

    request: TuneRequest
    source: Source
    search: SearchConfig
    study: optuna.Study

    def work(self, callbacks: SearchCallbacks) -> Work:
        """Return what trials share in this process."""
        request = self.request
        fits = Fits(request.folder / FITS, self.source.digest)
        device = choose_device(request.device)
        return Work(
            self.source.table.rows,
            request.config,
            self.search,
            fits,
            device,
            callbacks.stop,
            callbacks.refresh,
        )

    def do(self, part: Part, callbacks: SearchCallbacks) -> None:
        """Do a part, in this process or, for several jobs, in worker processes."""
        if self.request.jobs > 1:
            self._in_processes(part, callbacks)
        else:
            with one_thread():
                self.do_here(part, callbacks)

    def do_here(self, part: Part, callbacks: SearchCallbacks) -> None:
        """Do a part in this process."""
        work, request = self.work(callbacks), self.request
        if part == "search":
            objective = Objective(work)
            do_trials(self.study, objective, request.total, callbacks.stop, callbacks.refresh)
        else:
            fill(work, candidates_of(self.study, self.search.candidates))

    def _in_processes(self, part: Part, callbacks: SearchCallbacks) -> None:
        """Start worker processes and show their progress."""
        context = multiprocessing.get_context("spawn")
        config = with_changes(self.request.config, {"data.train": self.source.name})
        plain = {**vars(self.request), "config": config.model_dump(mode="json"), "table": None}
        workers: list[BaseProcess] = [
            context.Process(target=_worker, args=(plain, self.search.model_dump(), index, part))
            for index in range(1, self.request.jobs + 1)
        ]
        for worker in workers:
            start(worker)
        stopping = False
        while any(worker.is_alive() for worker in workers):
            if callbacks.stop() and not stopping:
                stopping = True
                for worker in workers:
                    worker.terminate()  # SIGTERM: a worker prunes its trial and ends
            callbacks.refresh()
            time.sleep(POLL_SECONDS)
        codes = [worker.exitcode for worker in workers]
        unfinished = part == "confirmation" or (
            len(finished_trials(self.study)) < self.request.total
        )
        if any(codes) and unfinished and not stopping:
            raise SirnaError(f"workers ended with {codes}; run the same command again to go on.")


def worker_id(request: TuneRequest, worker: int) -> int:
    """Return an id that no other worker has, so that no two workers draw the same parameters.

    Without a shared database it is the worker's index. With one it is random, since workers on
    different machines may start at the same moment.
    """
    return secrets.randbits(32) if request.storage else worker


def _worker(plain: dict[str, Any], search: dict[str, Any], worker: int, part: Part) -> None:
    """Do a part in a worker process, until it is done or the parent has died."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    config = config_from_dict(plain.pop("config"), source="worker")
    request = TuneRequest(config=config, **plain)
    space = SearchConfig.model_validate(search)
    parent = multiprocessing.parent_process()
    request.folder.mkdir(parents=True, exist_ok=True)
    with as_worker(request.folder) as stop:
        storage = open_storage(request.folder, request.storage, request.jobs)
        study = open_study(storage, request.study, space, worker_id(request, worker))
        workers = Workers(request, training_source(None, config), space, study)
        alive = parent.is_alive if parent else lambda: True
        callbacks = SearchCallbacks(lambda: stop.requested or not alive())
        workers.do_here(part, callbacks)

"""The worker processes of `sirna train`, as their parent sees them; see `train_worker`."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

import pandas as pd

from sirna.errors import SirnaError
from sirna.runs.run import Run
from sirna.stages.console import Console
from sirna.stages.member_training import MemberFit, Watcher
from sirna.stages.progress import Job
from sirna.stages.train_worker import ENDED, FAILED, IDLE, Order, Shared, work_for
from sirna.stages.training_jobs import WORKER_BYTES, Plan
from sirna.system.memory import (
    available_memory,
    is_about_memory,
    memory_of,
    peak_memory_mb,
)
from sirna.system.processes import WORKERS_LOCK, start, worker_context
from sirna.system.signals import StopRequest
from sirna.table.splits import Split

LIBRARIES = ("scipy.linalg", "sklearn.ensemble", "torch._dynamo")
"""What fits load, besides the modules of the package, and takes long; optimizers load the last."""
POLL_SECONDS = 0.2
"""How often the parent looks whether a stop is requested."""
LOOK_SECONDS = 2.0
"""How often the parent looks how much memory all processes use."""
GRACE_SECONDS = 10.0
"""How long workers may take to end after an error of another one."""


@dataclass
class _Worker:
    """A worker process, as its parent sees it."""

    process: BaseProcess
    connection: Connection
    fit: MemberFit | None = None
    shares_sent: bool = False
    peak_mb: int = 0
    alive: bool = True


class TrainingWorkers:
    """Fits members in worker processes, as a context.

    Parameters
    ----------
    shared : (Run, DataFrame of m rows, Split)
    count : int
        Number of processes.
    stop : StopRequest
        It is passed on to all workers.
    watcher : Watcher
        Gets the news of all fits.
    console : Console
    """

    def __init__(
        self,
        shared: tuple[Run, pd.DataFrame, Split],
        count: int,
        stop: StopRequest,
        watcher: Watcher,
        console: Console,
    ) -> None:
        self._shared = Shared(*shared)
        self._stop = stop
        self._watcher = watcher
        self._console = console
        self._plan = Plan(available_memory() - count * WORKER_BYTES)
        self._known: set[Job] = set()
        self._over = False
        self._too_little_memory = False
        self._workers = [self._start() for _ in range(count)]
        self._peak_bytes, self._next_look = 0.0, 0.0

    def _start(self) -> _Worker:
        context = worker_context([work_for.__module__, *LIBRARIES])
        here, there = context.Pipe()
        process = context.Process(
            target=work_for, args=(there, self._shared.run), daemon=True, name="sirna train"
        )
        start(process)
        there.close()  # the end of the worker is then seen as the end of the pipe
        return _Worker(process, here)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._end()
        else:
            self._abort(0.0 if isinstance(error, KeyboardInterrupt) else GRACE_SECONDS)
        (self._shared.run.folder / WORKERS_LOCK).unlink(missing_ok=True)

    @property
    def peak_memory_mb(self) -> int:
        """The largest memory of this process and the workers together so far, in MB.

        Where the system does not say what they share, the sum of the largest memory of each.
        """
        if self._peak_bytes:
            return max(round(self._peak_bytes / 1e6), peak_memory_mb())
        return peak_memory_mb() + sum(worker.peak_mb for worker in self._workers)

    def add(self, fits: Iterable[MemberFit]) -> None:
        """Plan fits that are neither planned nor finished."""
        new = [one for one in fits if one.job not in self._known and not one.checkpoint.finished]
        self._known |= {one.job for one in new}
        self._plan.add(new)

    def wait_for(self, fit: MemberFit) -> None:
        """Return when a fit is complete, or when the workers have ended.

        They end after a stop, or if two fits at once need more memory than there is.

        Raises
        ------
        SirnaError
            If a worker was killed.
        Exception
            The error of a fit in a worker.
        """
        while self._plan.is_open(fit.job) and not self._over:
            if self._stop.requested:
                self._end()
            else:
                self._hand_out()
                self._listen()

    def refresh(self) -> None:
        """Read what workers have sent so far, and give idle ones their next fits."""
        if not (self._over or self._stop.requested):
            self._listen(0.0)
            self._hand_out()

    def _hand_out(self) -> None:
        """Give each idle worker a fit, if one can start."""
        running = [one.fit for one in self._workers if one.fit is not None]
        if self._too_little_memory:
            if not running:
                self._end()
            return
        for worker in self._workers:
            if worker.fit is not None or (fit := self._plan.take(running)) is None:
                continue
            worker.fit = fit
            running.append(fit)
            config = fit.task.config.model_dump(mode="json")
            if not worker.shares_sent:
                worker.shares_sent = self._send(worker, self._shared)
            self._send(worker, Order(fit.task.fold, fit.family, fit.index, config))

    def _send(self, worker: _Worker, message: object) -> bool:
        """Send a message; a worker that has ended is noticed by `_listen`."""
        try:
            worker.connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _listen(self, seconds: float = POLL_SECONDS) -> None:
        """Read what workers have sent, waiting for a moment if there is nothing."""
        self._look_at_memory()
        workers = {one.connection: one for one in self._workers if one.alive}
        for connection in wait(list(workers), seconds):
            worker = workers[connection]  # type: ignore[index]
            try:
                news = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                worker.alive = False
                worker.process.join()
                if not self._over:
                    raise self._killed(worker) from None
            else:
                self._read(worker, *news)

    def _look_at_memory(self) -> None:
        """Note now and then how much memory all processes use."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        workers = [worker.process.pid or 0 for worker in self._workers if worker.alive]
        self._peak_bytes = max(self._peak_bytes, memory_of([os.getpid(), *workers]))

    def _read(self, worker: _Worker, kind: str, *values: Any) -> None:
        """Act on a message of a worker."""
        fit = worker.fit
        if fit is None:
            return
        if kind == IDLE:
            worker.fit, (worker.peak_mb,) = None, values
        elif kind == FAILED:
            worker.fit = None
            self._failed(fit, *values)
        else:
            getattr(self._watcher, kind)(fit.job, *values)
            if kind == ENDED:
                self._plan.ended(fit)

    def _failed(self, fit: MemberFit, error: Exception, trace: str) -> None:
        if not is_about_memory(error):
            raise error from _WorkerTraceback(trace)
        if not self._too_little_memory:
            self._console.note(
                f"{fit.name}: too little memory beside other processes; one process does the rest"
            )
        self._too_little_memory = True
        for worker in self._workers:
            if worker.fit is not None and worker.fit.needs_folds:
                worker.process.terminate()  # it may be waiting for the fit that failed

    def _killed(self, worker: _Worker) -> SirnaError:
        code, run = worker.process.exitcode or 0, self._shared.run
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        what = f" during {worker.fit.name}" if worker.fit else ""
        return SirnaError(
            f"{run.folder}: a worker process {how}{what}; systems kill processes when memory runs "
            f"out; one process needs less: sirna train --resume --run {run.folder} --workers 1"
        )

    def _end(self) -> None:
        """Let the workers end; after a stop, they end their fits first."""
        self._over = True
        for worker in self._workers:
            if self._stop.requested and worker.process.is_alive():
                worker.process.terminate()
            self._send(worker, None)
        while any(worker.alive for worker in self._workers):
            self._listen()

    def _abort(self, seconds: float) -> None:
        """End the workers within so many seconds; what they have kept stays."""
        self._over = True
        for worker in self._workers:
            worker.process.terminate()
            worker.connection.close()
        end = time.monotonic() + seconds
        for worker in self._workers:
            worker.process.join(max(0.0, end - time.monotonic()))
            worker.process.kill()
            worker.process.join()


class _WorkerTraceback(Exception):  # noqa: N818 - the cause of an error, shown by --debug
    """The traceback of an error in a worker process."""

    def __str__(self) -> str:
        return f"in a worker process:\n{self.args[0]}"

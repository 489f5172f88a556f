"""The work of one worker process of `sirna train`.

It gets what all fits of a run share, and then one fit after another. It keeps a finished member in
the run's folder, where the parent reads it, and sends news of its fits through a pipe.
"""

import pickle
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, overload

import pandas as pd

from sirna.config.load import config_from_dict
from sirna.errors import SirnaError
from sirna.features.fold import FoldTask
from sirna.members.base import CPU, Member
from sirna.runs.run import Run
from sirna.stages.member_training import MemberFit, Watcher
from sirna.stages.progress import Job
from sirna.system.memory import peak_memory_mb
from sirna.system.processes import as_worker, end_with_parent
from sirna.system.signals import StopRequest
from sirna.table.splits import Split

SEND_SECONDS = 0.2
"""How often a worker sends its progress."""
STARTED, BEGUN, ADVANCED, LOGGED, REPORTED, ENDED = (
    "started",
    "begun",
    "advanced",
    "logged",
    "reported",
    "ended",
)
"""News that a worker sends: the methods of a `Watcher`."""
IDLE, FAILED = "idle", "failed"
"""A worker also sends that it waits for a fit, or that a fit raised an error."""


class Shared(NamedTuple):
    """What all fits of a run share."""

    run: Run
    rows: pd.DataFrame
    split: Split


class Order(NamedTuple):
    """A fit that a worker does."""

    fold: int
    family: type[Member]
    number: int
    config: dict[str, Any]


class _Sender:
    """Sends the news of a fit to the parent: progress now and then, the rest at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._next = 0.0

    def started(self, job: Job) -> None:
        self._connection.send((STARTED,))

    def begun(self, job: Job, share: float) -> None:
        self._connection.send((BEGUN, share))

    def advanced(self, job: Job, share: float) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SEND_SECONDS
            self._connection.send((ADVANCED, share))

    def logged(self, job: Job, row: dict[str, float]) -> None:
        self._connection.send((LOGGED, row))

    def reported(self, job: Job, line: str, short: str) -> None:
        self._connection.send((REPORTED, line, short))

    def ended(self, job: Job, seconds: float) -> None:
        self._connection.send((ENDED, seconds))


class _MembersOfFolds(Sequence[Member]):
    """The members of a family fitted on the folds, each read from the run when it is used."""

    def __init__(self, fits: Sequence[MemberFit]) -> None:
        self._fits = fits

    def __len__(self) -> int:
        return len(self._fits)

    @overload
    def __getitem__(self, index: int) -> Member: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Member]: ...
    def __getitem__(self, index: int | slice) -> Member | Sequence[Member]:
        if isinstance(index, slice):
            return _MembersOfFolds(self._fits[index])
        done = self._fits[index].restored()
        if done is None:
            raise SirnaError(f"{self._fits[index].checkpoint.folder}: is not finished.")
        return done[0].member


def work_for(connection: Connection, run: Run) -> None:
    """Do fits, in a worker process, until the parent sends None or closes the pipe."""
    end_with_parent()
    with as_worker(run.folder) as stop:
        try:
            shared: Shared | None = connection.recv()
            if shared is None:
                return
            while (order := connection.recv()) is not None:
                fit = partial(_do, order, shared, _Sender(connection), stop)
                connection.send(_outcome(fit))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # the parent aborts the training


def _do(order: Order, shared: Shared, watcher: Watcher, stop: StopRequest) -> None:
    """Do one fit."""
    config = config_from_dict(order.config, source="worker")
    task = FoldTask(shared.rows, shared.split, order.fold, config)
    fit = MemberFit(shared.run, task, order.family, order.number)
    folds = shared.split.folds if fit.on_all_rows else []
    earlier = [
        replace(fit, task=replace(task, fold=fold), index=index)
        for fold in folds
        for index in range(order.family.count(config))
    ]

    def on_folds() -> Sequence[Member] | None:
        finished = all(one.checkpoint.finished for one in earlier)
        return _MembersOfFolds(earlier) if finished else None

    fit.fit(on_folds, CPU, lambda: stop.requested, watcher)


def _outcome(work: Callable[[], None]) -> tuple[object, ...]:
    """Do some work; return the message that it is done, or that it raised an error."""
    try:
        work()
    except Exception as error:
        return FAILED, _portable(error), traceback.format_exc()
    return IDLE, peak_memory_mb()


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent; where it cannot, another one with the same text."""
    try:
        same = pickle.loads(pickle.dumps(error))  # noqa: S301 - read where it was written
    except Exception:
        same = None
    return error if type(same) is type(error) else RuntimeError(f"{type(error).__name__}: {error}")

"""Workers of a training that wait for something, which then happens at the wrong moment."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from sirna.members.base import State
from sirna.runs.checkpoint import Checkpoint
from sirna.runs.run import Run
from sirna.stages import train_worker
from sirna.stages.member_training import MemberFit
from sirna.system.signals import StopRequest

LIMIT_SECONDS = 120


def work_and_wait(connection: Connection, run: Run) -> None:
    """Do fits as workers do, and after a fit has kept its state wait for the request to stop."""
    as_worker, save = train_worker.as_worker, Checkpoint.save

    @contextmanager
    def as_waiting_worker(folder: Path) -> Iterator[StopRequest]:
        with as_worker(folder) as stop:

            def save_and_wait(checkpoint: Checkpoint, state: State) -> None:
                save(checkpoint, state)
                end = time.monotonic() + LIMIT_SECONDS
                while not stop.requested:
                    assert time.monotonic() < end
                    time.sleep(0.01)

            Checkpoint.save = save_and_wait  # type: ignore[method-assign]
            yield stop

    train_worker.as_worker = as_waiting_worker  # type: ignore[attr-defined]
    train_worker.work_for(connection, run)


def work_without_memory_for_a_fold(connection: Connection, run: Run) -> None:
    """Do fits as workers do; a fold's network finds no memory once that of all rows has begun."""
    fit = MemberFit.fit

    def fit_or_fail(one: MemberFit, *arguments: object) -> object:
        if one.family.family == "network" and not one.on_all_rows:
            end = time.monotonic() + LIMIT_SECONDS
            while not run.checkpoint(one.task.split.whole, "network", 0).exists:
                assert time.monotonic() < end
                time.sleep(0.01)
            raise MemoryError("there is too little memory")
        return fit(one, *arguments)  # type: ignore[arg-type]

    MemberFit.fit = fit_or_fail  # type: ignore[assignment,method-assign]
    train_worker.work_for(connection, run)

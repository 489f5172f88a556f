"""Workers of a training that wait, once a fit has kept its state, until they are ended."""

import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from sirna.members.base import State
from sirna.runs.checkpoint import Checkpoint
from sirna.runs.run import Run
from sirna.stages import train_worker

LIMIT_SECONDS = 120


def work_and_wait(connection: Connection, run: Run) -> None:
    """Do fits as workers do, and after a fit has kept its state wait for the request to stop."""
    do, save = train_worker._do, Checkpoint.save

    def patiently(order: Any, shared: Any, watcher: Any, stop: Any) -> None:
        Checkpoint.save = saving(lambda: stop.requested)  # type: ignore[method-assign]
        do(order, shared, watcher, stop)

    def saving(stopped: Callable[[], bool]) -> Callable[[Checkpoint, State], None]:
        def save_and_wait(checkpoint: Checkpoint, state: State) -> None:
            save(checkpoint, state)
            end = time.monotonic() + LIMIT_SECONDS
            while not stopped():
                assert time.monotonic() < end
                time.sleep(0.01)

        return save_and_wait

    train_worker._do = patiently
    train_worker.work_for(connection, run)

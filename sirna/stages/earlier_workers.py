"""Wait for workers of an earlier command that was killed."""

import itertools
import time
from pathlib import Path

from sirna.errors import StoppedError
from sirna.stages.console import Console
from sirna.system.processes import wait_for_workers
from sirna.system.signals import StopRequest

POLL_SECONDS = 0.2


def wait_for_earlier_workers(folder: Path, console: Console, stop: StopRequest) -> None:
    """Wait until workers whose parent was killed have ended, so that nothing is done twice.

    Only the holder of the folder's lock may call this.

    Raises
    ------
    StoppedError
        If a stop is requested meanwhile.
    """
    waits = itertools.count()

    def wait() -> None:
        if stop.requested:
            raise StoppedError(f"{folder}: stopped while workers of an earlier command still ran.")
        if next(waits) == 0:
            console.note("waiting for workers of an earlier command, which was killed, to end")
        time.sleep(POLL_SECONDS)

    wait_for_workers(folder, wait)

"""Worker processes: they compute with one thread, stop on SIGTERM, and end with their parent."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from sirna.system.locks import shared_lock, wait_for_sharers
from sirna.system.signals import StopRequest
from sirna.system.threads import one_thread

WORKERS_LOCK = "workers"
"""The file in a folder that every process working for the folder's owner locks while it lives."""


@contextmanager
def as_worker(folder: Path) -> Iterator[StopRequest]:
    """Make this process a worker for a folder; yield the request to stop, which SIGTERM makes.

    SIGINT is ignored, since Ctrl-C also reaches the parent, which then sends SIGTERM.
    """
    stop = StopRequest()

    def ask(*_: object) -> None:
        stop.requested = True

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, ask)
    with shared_lock(folder / WORKERS_LOCK), one_thread():
        yield stop


def worker_context(modules: Sequence[str]) -> SpawnContext | ForkServerContext:
    """Return how worker processes are made.

    On Linux a server process loads the modules that workers need once, and then forks; elsewhere
    libraries of the system do not bear a fork, and each worker loads them.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    return context


def preload(modules: Sequence[str]) -> None:
    """Begin to load the modules of `worker_context` now, in the background; else the first does."""
    if isinstance(worker_context(modules), ForkServerContext):
        with _sigint_blocked():
            forkserver.ensure_running()


def start(process: BaseProcess) -> None:
    """Start a worker process without SIGINT, which would show a traceback while it imports."""
    with _sigint_blocked():
        process.start()


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    resource_tracker.ensure_running()  # else it would be started now, and unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """End this process at once when its parent ends, even in the middle of a long computation."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    if not parent.is_alive():
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


def wait_for_workers(folder: Path, wait: Callable[[], object]) -> None:
    """Return once no worker of a folder lives; call `wait` until then.

    Only the holder of the folder's lock may call this. Workers are left where their parent was
    killed.
    """
    if (folder / WORKERS_LOCK).exists():
        wait_for_sharers(folder / WORKERS_LOCK, wait)

"""Workers that predict parts: this process, several processes of one thread each, or Ray's."""

import contextlib
import json
import os
import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

from sirna import __version__
from sirna.errors import SirnaError
from sirna.stages.console import Console
from sirna.stages.predictor import Predictor, SubmitRequest
from sirna.system.files import sha256
from sirna.system.memory import available_memory
from sirna.system.processes import end_with_parent, preload, start, worker_context
from sirna.system.remote import Remote
from sirna.system.threads import one_thread

MEMORY_OF_WORKER = 1.5e9
"""Bytes that a worker process needs."""
GRACE_SECONDS = 10.0
"""How long a worker may take to end."""
KILLED = "its worker process was killed, perhaps because the memory was full"


@dataclass(frozen=True)
class Task:
    """A part to write.

    Attributes
    ----------
    source, target : Path or Remote
        The test file and the file to write; paths are absolute.
    part : str
        The name of the part.
    key : str
        Stands for all that the part depends on.
    """

    source: Path | Remote
    target: Path | Remote
    part: str
    key: str


@dataclass(frozen=True)
class PartResult:
    """A part that was written."""

    source: Path | Remote
    part: str
    key: str
    rows: int
    bytes: int
    sha256: str
    unchanged: bool
    seconds: float
    notes: list[str]
    summary: dict[str, Any]

    def recorded(self) -> dict[str, Any]:
        """Return what is recorded of it, as plain data."""
        names = ("part", "key", "rows", "bytes", "sha256", "summary")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Failure:
    """A part that could not be written, and why."""

    source: Path | Remote
    reason: str


class Worker:
    """Predicts parts with one bundle.

    Parameters
    ----------
    request : SubmitRequest
        With absolute paths and the digest of the bundle.
    version : str
        The version of `sirna` that divides the work.
    """

    def __init__(self, request: SubmitRequest, version: str) -> None:
        self._fault = ""
        try:
            if version != __version__:
                raise SirnaError(
                    f"the machine {os.uname().nodename} has sirna {__version__}, not {version}; "
                    "install the same version on all machines."
                )
            self._predictor = Predictor.of(request)
        except SirnaError as error:
            self._fault = str(error)

    def write(self, task: Task) -> PartResult | Failure:
        """Write a part with one thread."""
        if self._fault:
            return Failure(task.source, self._fault)
        with one_thread():
            return write_part(self._predictor, task)


class _Collected(Console):
    """Collects notes, and prints nothing."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def write_part(predictor: Predictor, task: Task) -> PartResult | Failure:
    """Predict a test file and write its part; any error becomes a failure with its reason."""
    began, console = time.perf_counter(), _Collected()
    try:
        with _on_this_machine(task, predictor.request.force) as (source, target):
            written = predictor.write([source], str(task.source), target, console)
            if isinstance(task.target, Remote) and not written.unchanged:
                task.target.publish(target)
            return PartResult(
                task.source,
                task.part,
                task.key,
                written.rows,
                target.stat().st_size,
                sha256(target),
                written.unchanged,
                time.perf_counter() - began,
                [note.replace(str(source), str(task.source)) for note in console.notes],
                json.loads(json.dumps(written.summary.state())),
            )
    except SirnaError as error:
        return Failure(task.source, str(error).removeprefix(f"{task.source}: "))
    except MemoryError:
        return Failure(task.source, "there is too little memory")
    except Exception as error:
        return Failure(task.source, f"{type(error).__name__}: {error}; please report this bug")


@contextlib.contextmanager
def _on_this_machine(task: Task, force: bool) -> Iterator[tuple[Path, Path]]:
    """Yield the test file and the file to write; of those at addresses, temporary copies.

    A file to write that is at its address already is copied too, unless it may be replaced.
    """
    source, target = task.source, task.target
    if isinstance(source, Path) and isinstance(target, Path):
        yield source, target
        return
    with tempfile.TemporaryDirectory(prefix="sirna-part-") as name:
        copy, draft = Path(name) / "test" / source.name, Path(name) / "part" / target.name
        try:
            if isinstance(source, Remote):
                source.fetch(copy)
            if isinstance(target, Remote):
                draft.parent.mkdir()
                if not force and target.exists():
                    target.fetch(draft)
            yield (
                copy if isinstance(source, Remote) else source,
                draft if isinstance(target, Remote) else target,
            )
        except SirnaError as error:
            text = str(error).replace(str(copy), str(source)).replace(str(draft), str(target))
            raise type(error)(text) from error


def prepare(request: SubmitRequest, files: int) -> None:
    """Let libraries load for worker processes while this process reads the bundle.

    Parameters
    ----------
    request : SubmitRequest
    files : int
        The number of test files.
    """
    if request.engine == "local" and _count(request, files) > 1:
        preload([__name__])


def results(predictor: Predictor, tasks: Sequence[Task]) -> Iterator[PartResult | Failure]:
    """Write parts, and yield the result of each as soon as it has ended."""
    request = predictor.request
    if not tasks:
        return
    if request.engine == "ray":
        from sirna.stages.ray_workers import results_of_ray  # noqa: PLC0415 - Ray is an extra

        yield from results_of_ray(_complete(predictor), tasks)
        return
    workers = _count(request, len(tasks))
    if workers > 1:
        yield from _in_processes(_complete(predictor), tasks, workers)
        return
    for task in tasks:
        yield write_part(predictor, task)


def _complete(predictor: Predictor) -> SubmitRequest:
    """Return a request that means the same in another folder and process."""
    request = predictor.request

    def absolute(path: Path | None) -> Path | None:
        return None if path is None else path.resolve()

    return replace(
        request,
        run=predictor.run.folder.resolve(),
        config=absolute(request.config),
        transcripts=absolute(request.transcripts),
        expect=predictor.digest,
    )


def _count(request: SubmitRequest, files: int) -> int:
    """Return how many worker processes predict so many files.

    Default: as many as the cores and the free memory of this machine allow.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = available_memory() / MEMORY_OF_WORKER
    return min(request.workers or max(1, int(min(cores or 1, memory))), files)


def _in_processes(
    request: SubmitRequest, tasks: Sequence[Task], workers: int
) -> Iterator[PartResult | Failure]:
    """Write parts in worker processes; if one is killed, its part fails and another is started."""
    left, idle = deque(tasks), list[_Process]()
    running: dict[Connection, tuple[_Process, Task]] = {}
    try:
        while left or running:
            while left and len(running) < workers:
                process = idle.pop() if idle else _Process.started(request)
                running[process.connection] = process, left.popleft()
                with contextlib.suppress(OSError):  # one that was killed is found below
                    process.connection.send(running[process.connection][1])
            for ready in wait(list(running)):
                process, task = running.pop(cast("Connection", ready))
                try:
                    result = process.connection.recv()
                except (EOFError, OSError):
                    yield Failure(task.source, KILLED)
                else:
                    idle.append(process)
                    yield result
    finally:  # also after Ctrl-C: rows that are written to this machine are kept for the next run
        for process, _ in running.values():
            process.process.terminate()
        for process in (*idle, *(one for one, _ in running.values())):
            process.end()


@dataclass(frozen=True)
class _Process:
    """A worker process, and the connection by which it gets tasks and returns results."""

    process: BaseProcess
    connection: Connection

    @classmethod
    def started(cls, request: SubmitRequest) -> "_Process":
        context = worker_context([__name__])
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, request), daemon=True)
        start(process)
        theirs.close()  # so that the end of the process ends the connection
        return cls(process, ours)

    def end(self) -> None:
        """Let the process end, which has no task any more; it may hang in a storage's library."""
        self.connection.close()
        self.process.join(GRACE_SECONDS)
        self.process.kill()
        self.process.join()


def _serve(connection: Connection, request: SubmitRequest) -> None:
    """Write parts in a worker process until the parent ends it, or ends itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and sends SIGTERM
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    end_with_parent()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        worker = Worker(request, __version__)
        while True:
            connection.send(worker.write(connection.recv()))

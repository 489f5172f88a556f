"""Run `sirna` in a forked child: fast, since the libraries are loaded, and free to be killed."""

import ctypes
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sirna.cli

PR_SET_PDEATHSIG = 1
INTERNAL = ("Traceback (most recent call last)", "--debug shows where", "Exception ignored")
MOST_SHOWN = 200_000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Result:
    """The end of one command."""

    code: int  # a negative signal number if it was killed
    out: str
    err: str
    seconds: float
    megabytes: float
    timed_out: bool

    @property
    def fault(self) -> str:
        """What no command may do, or empty text."""
        if self.timed_out:
            return f"still running after {self.seconds:.0f} s"
        if self.code in {70, 99} or any(text in self.err for text in INTERNAL):
            return f"internal message: {self.err[-300:]}"
        if self.code not in {0, 1, 2, -signal.SIGKILL}:
            return f"exit status {self.code}: {self.err[-300:]}"
        if len(self.err) > 12_000:
            return f"a message of {len(self.err)} characters"
        return ""


def run(
    arguments: list[object],
    folder: Path,
    before: Callable[[], object] = lambda: None,
    timeout: float = 120.0,
    kill_after: float | None = None,
) -> Result:
    """Run one command in a folder; `before` is called in the child."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        return _ended(arguments, folder, before, (out, err), timeout, kill_after)


def _ended(arguments, folder, before, streams, timeout, kill_after) -> Result:
    began = time.monotonic()
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        _child(arguments, folder, before, (streams[0].fileno(), streams[1].fileno()))
    end = began + (timeout if kill_after is None else kill_after)
    timed_out = False
    while True:
        ended, status, used = os.wait4(process, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > end:
            timed_out = kill_after is None
            os.kill(process, signal.SIGKILL)
            _, status, used = os.wait4(process, 0)
            break
        time.sleep(0.005)
    texts = []
    for stream in streams:
        stream.seek(0)
        texts.append(stream.read(MOST_SHOWN).decode("utf-8", "replace"))
    code = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    return Result(code, *texts, seconds, used.ru_maxrss / 1000, timed_out)


def _child(
    arguments: list[object], folder: Path, before: Callable[[], object], streams: tuple[int, int]
) -> None:
    code = 70
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.chdir(folder)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(streams[0], 1)
        os.dup2(streams[1], 2)
        sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.argv = ["sirna", *map(str, arguments)]
        before()
        try:
            sirna.cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        except BaseException:
            traceback.print_exc()
            code = 99
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def at_event(number: int, act: Callable[[], object], found: Path | None = None) -> Callable:
    """Return a `before` that acts at the nth file event: an open for writing, a rename, a removal.

    With `found`, the path of each event is written to that file, one a line.
    """

    def before() -> None:
        count = [0]
        handle = os.open(found, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if found else -1

        def hook(event: str, arguments: tuple) -> None:
            if event == "open":
                path, _, flags = arguments
                if not isinstance(path, str | bytes) or not isinstance(flags, int):
                    return
                if not flags & WRITING:
                    return
            elif event not in {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"}:
                return
            else:
                path = arguments[0]
            if "/dev/" in os.fsdecode(path):
                return
            count[0] += 1
            if handle >= 0:
                os.write(handle, os.fsencode(path) + b"\n")
            if count[0] == number:
                act()

        sys.addaudithook(hook)

    return before


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def disk_full() -> None:
    raise OSError(28, "No space left on device")


def limit_memory(gigabytes: float) -> Callable[[], object]:
    """Return a `before` that limits the address space beyond what the process has."""

    def before() -> None:
        have = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        most = have + int(gigabytes * 1e9)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    return before

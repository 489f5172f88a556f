"""Standard output and error that are closed, full or without a reader."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from sirna.errors import OutputError, SirnaError, UsageError


def prepare_streams() -> None:
    """Let odd characters pass, and let a closed stdout fail when it is written, not silently."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="replace"
            )  # characters that the terminal cannot encode must not stop the command
    for number in range(3):
        with contextlib.suppress(OSError):
            os.fstat(number)
            continue
        os.open(os.devnull, os.O_RDWR)  # else the next file would get the number of a stream
    if sys.stdout is None:
        sys.stdout = _ClosedStream()


class _ClosedStream(io.TextIOBase):
    """Stands for a closed stdout: every write fails."""

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        raise OSError(errno.EBADF, "it is closed")


def report_errors(command: Callable[[], object], debug: bool) -> None:
    """Run a command; end the process with one message and the exit status of its error, if any.

    Parameters
    ----------
    command : callable
    debug : bool
        Whether errors are raised instead.
    """
    try:
        command()
    except OutputError as error:
        _end_output(f"error: {error}")
    except SirnaError as error:
        if debug:
            raise
        _print_error(f"error: {error}")
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except OSError as error:
        if debug:
            raise
        _end_output(f"error: {error.filename or 'stdout'}: {error.strerror or error}")
    except MemoryError:
        if debug:
            raise
        _print_error("error: this machine has too little memory for this work.")
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        _print_error(f"error: {type(error).__name__}: {error}; --debug shows where")
        sys.exit(1)


def _print_error(message: str) -> None:
    """Print an error on stderr; do nothing if that is impossible."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(message, file=sys.stderr, flush=True)


def _end_output(message: str) -> NoReturn:
    """Print an error and exit, discarding what stdout still holds."""
    _print_error(message)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)

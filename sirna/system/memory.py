"""The memory at hand, and the refusal of work that needs more."""

import contextlib
import ctypes
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path

from sirna.errors import SirnaError

GIGABYTE = 1e9
MEMINFO = Path("/proc/meminfo")
GROUP_LIMIT, GROUP_USE = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
STATUS = Path("/proc/self/status")


def available_memory() -> float:
    """Return the bytes that this process can still use; infinite if the system does not say.

    It is the least of the free memory, of the limit of the control group (as of a container), and
    of the limit of the address space.
    """
    found = [float("inf")]
    with contextlib.suppress(OSError, ValueError, StopIteration):
        found.append(_kilobytes(MEMINFO, "MemAvailable:"))
    if len(found) == 1:
        with contextlib.suppress(ValueError, OSError):
            found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    with contextlib.suppress(OSError, ValueError):  # the limit may be the word "max"
        found.append(float(GROUP_LIMIT.read_text()) - float(GROUP_USE.read_text()))
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        with contextlib.suppress(OSError, ValueError, StopIteration):
            found.append(most - _kilobytes(STATUS, "VmSize:"))
    return max(min(found), 0.0)


class TooLittleMemoryError(SirnaError):
    """Work was refused since it needs more memory than there is."""


def is_about_memory(error: BaseException) -> bool:
    """Return whether an error says that there was too little memory.

    PyTorch raises a RuntimeError, of which only the words tell.
    """
    known = isinstance(error, TooLittleMemoryError | MemoryError)
    return known or (isinstance(error, RuntimeError) and "memory" in str(error))


def check_memory(needed: float, what: str, remedy: str) -> None:
    """Refuse work that needs more memory than there is.

    Parameters
    ----------
    needed : float
        Bytes.
    what : str
        What needs them, as the start of the message.
    remedy : str

    Raises
    ------
    TooLittleMemoryError
    """
    have = available_memory()
    if needed > have:
        raise TooLittleMemoryError(
            f"{what} needs about {needed / GIGABYTE:,.1f} GB of memory, and {have / GIGABYTE:,.1f} "
            f"GB are free; {remedy}."
        )


def _kilobytes(path: Path, name: str) -> float:
    """Return the value of a line such as ``MemAvailable:  1024 kB`` in bytes."""
    lines = path.read_text().splitlines()
    return 1024.0 * float(next(line for line in lines if line.startswith(name)).split()[1])


def memory_of(processes: Iterable[int]) -> float:
    """Return the bytes that processes use together now, counting what they share once.

    0 if the system does not say, or if one of them has ended.
    """
    try:
        return sum(_kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in processes)
    except (OSError, StopIteration, ValueError):
        return 0.0


def return_freed_memory() -> None:
    """Give memory that was freed back to the system, for other processes.

    Arrow keeps it otherwise, and so does the C library of Linux.
    """
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def peak_memory_mb() -> int:
    """Return the largest memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))

"""Pause Python's garbage collector while large libraries are imported."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector; afterwards it runs again if it ran before.

    PyTorch and pandas create hundreds of thousands of objects that stay. Searching them again and
    again for garbage takes a fifth of the time of the import.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

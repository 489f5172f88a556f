"""Bars of `sirna submit`: the rows that were checked, the parts that were written."""

import contextlib
from collections.abc import Callable, Iterator

from tqdm import tqdm

from sirna.stages.console import Console, narrow

DELAY = 1.0
"""Seconds before the bar of checked rows appears."""


@contextlib.contextmanager
def checked_bar(console: Console) -> Iterator[Callable[[int], object]]:
    """Show on a terminal how many rows were checked before the first is predicted."""
    off = True if console.quiet or narrow() else None
    with tqdm(
        desc="checked", unit="row", unit_scale=True, disable=off, leave=False, delay=DELAY
    ) as bar:
        yield bar.update


@contextlib.contextmanager
def parts_bar(parts: int, done: int, console: Console) -> Iterator[Callable[[int], object]]:
    """Show a bar with the time left on a terminal; yield the function that advances it.

    Parameters
    ----------
    parts, done : int
        All parts, and those that an earlier run has written.
    console : Console
    """
    off = True if console.quiet or narrow() else None
    with tqdm(total=parts, initial=done, unit="part", disable=off, leave=False) as bar:
        yield bar.update

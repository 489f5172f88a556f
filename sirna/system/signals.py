"""Stopping on request: the first SIGINT or SIGTERM asks for a stop, the second one kills."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether a stop was asked for."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stop_on_signals(
    *numbers: signal.Signals,
) -> Iterator[StopRequest]:
    """Turn the first of some signals into a request; restore the old handlers afterwards.

    Parameters
    ----------
    numbers : Signals
        Default: SIGINT and SIGTERM.
    """
    request = StopRequest()
    old = {number: signal.getsignal(number) for number in numbers or STOP_SIGNALS}

    def restore() -> None:
        for number, handler in old.items():
            signal.signal(number, handler)

    def ask(number: int, frame: FrameType | None) -> None:
        request.asked = True
        restore()

    for number in old:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        restore()

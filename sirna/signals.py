"""A polite stop: the first SIGINT or SIGTERM asks, the second one insists."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

POLITE = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody has asked to stop."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stop_on_signals(
    *numbers: signal.Signals,
) -> Iterator[StopRequest]:
    """Turn the first of some signals into a request; afterwards the old handlers are back.

    Parameters
    ----------
    numbers : Signals
        Default: SIGINT and SIGTERM.
    """
    request = StopRequest()
    old = {number: signal.getsignal(number) for number in numbers or POLITE}

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

"""A polite stop: the first SIGINT or SIGTERM asks, the second one insists."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether somebody has asked to stop."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turn the first SIGINT or SIGTERM into a request; afterwards the old handlers are back."""
    request = StopRequest()
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

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

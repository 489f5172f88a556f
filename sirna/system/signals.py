"""Stop on request: the first SIGINT or SIGTERM requests a stop, the second one ends the process."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A flag: `asked` is True once a stop was requested."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stop_on_signals(
    *numbers: signal.Signals,
) -> Iterator[StopRequest]:
    """Record the first signal as a request to stop; then restore the previous handlers.

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

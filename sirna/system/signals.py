"""Stop on request: the first SIGINT or SIGTERM requests a stop, the second one ends the process."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A flag: `requested` is True once a stop was requested."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def stop_on_signals(
    *signals: signal.Signals,
) -> Iterator[StopRequest]:
    """Record the first signal as a request to stop; then restore the previous handlers.

    Parameters
    ----------
    signals : Signals
        Default: SIGINT and SIGTERM.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread may handle signals
        return
    old = {
        signal_number: signal.getsignal(signal_number) for signal_number in signals or STOP_SIGNALS
    }

    def restore() -> None:
        for signal_number, handler in old.items():
            signal.signal(signal_number, handler)

    def ask(signal_number: int, frame: FrameType | None) -> None:
        request.requested = True
        restore()

    for signal_number in old:
        signal.signal(signal_number, ask)
    try:
        yield request
    finally:
        restore()

"""Ctrl-C and SIGTERM: clean up at any moment and exit with 130 or 143, without a traceback."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


def end_at_once(number: int, frame: FrameType | None) -> None:
    """Exit with the code of a signal: a handler for when there is nothing to clean up."""
    os._exit(128 + number)


@contextmanager
def end_on_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block on SIGINT or SIGTERM, and end with the exit code of the signal.

    Whatever error follows a signal is taken for its consequence, since libraries turn the interrupt into errors of
    their own. A second signal, or one after the block, ends the process at once.
    """
    received: list[int] = []

    def handle_signal(number: int, frame: FrameType | None) -> None:
        received.append(number)
        _handle_signals(end_at_once)
        raise KeyboardInterrupt

    _handle_signals(handle_signal)
    try:
        yield
    except BaseException:
        if not received:
            raise
        raise SystemExit(128 + received[0]) from None
    finally:
        _handle_signals(end_at_once)


def _handle_signals(handler: signal._HANDLER) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        # a job in the background ignores SIGINT; only the main thread may set a handler
        if signal.getsignal(number) is not signal.SIG_IGN:
            with suppress(ValueError):
                signal.signal(number, handler)

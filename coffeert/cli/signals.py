"""Signals that stop a long-running command."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# SIGHUP: a closed terminal ends a command as cleanly as Ctrl-C does.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def stop_on_signals(*, at_end_of_input: bool = False) -> asyncio.Event:
    """Return an event that is set when the process is asked to stop; needs a running event loop.

    `at_end_of_input`: also when standard input ends, as it does for a child whose parent is gone.
    """
    stop = asyncio.Event()
    call_on_signals(stop.set, at_end_of_input=at_end_of_input)
    return stop


@contextmanager
def signals_noted() -> Iterator[Callable[[], bool]]:
    """Gives what returns whether the process was asked to stop in the block; needs a running event loop."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    earlier = {number: signal.getsignal(number) for number in _SIGNALS}
    call_on_signals(stop.set)
    try:
        yield stop.is_set
    finally:
        for number, handler in earlier.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def call_on_signals(stop: Callable[[], None], *, at_end_of_input: bool = False) -> None:
    """Call `stop` when the process is asked to stop; needs a running event loop."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    if at_end_of_input:
        descriptor = sys.stdin.fileno()

        def read() -> None:
            if not os.read(descriptor, 1024):
                loop.remove_reader(descriptor)
                stop()

        loop.add_reader(descriptor, read)

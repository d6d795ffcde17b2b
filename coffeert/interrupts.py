"""What Ctrl-C does: nothing has been started while a command loads, so it ends the process at once.

Loading a command takes a fraction of a second, and an interrupt raised there would come out as a
traceback, or as an error of the module that was being imported.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False  # importing `typing` would delay the first handler
if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130
"""The exit code of a process that Ctrl-C ended: 128 and the number of SIGINT."""


def exit_on_interrupt() -> None:
    """Let Ctrl-C end the process silently, without any cleanup."""
    signal.signal(signal.SIGINT, _exit)


def unwind_on_interrupt() -> None:
    """Let Ctrl-C raise `KeyboardInterrupt` again, since what is started has to be stopped."""
    if signal.getsignal(signal.SIGINT) is _exit:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def ignore_interrupts() -> None:
    """Ignore Ctrl-C: the process is ending already."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _exit(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)

"""Where every command begins: Ctrl-C ends it without a word from the first moment to the last.

Loading a command takes a part of a second. What an interrupt raises there comes out as a traceback, or
as an error of whatever was being imported; and nothing has been started yet that had to be stopped.
Before this module is reached, Python itself is loading, and speaks for itself.
"""

from __future__ import annotations

import os

try:
    import signal
except KeyboardInterrupt:
    os._exit(130)

TYPE_CHECKING = False  # that of `typing` would have to be loaded first
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Entry point of `coffeert`."""
    signal.signal(signal.SIGINT, _leave)
    from coffeert import cli

    _end(cli.main())


def tui_main() -> NoReturn:
    """Entry point of `coffeert-tui`."""
    signal.signal(signal.SIGINT, _leave)
    from coffeert import cli

    _end(cli.tui_main())


def loaded() -> None:
    """Let an interrupt unwind from now on, for what is started has to be stopped."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


def _end(code: int) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends as it is
    raise SystemExit(code)

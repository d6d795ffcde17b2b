"""Entry points of the commands: Ctrl-C ends them silently from the first moment to the last.

Until this module is reached, Python itself is loading, and Ctrl-C is Python's to handle.
"""

from __future__ import annotations

import os
import sys

try:
    from coffeert.interrupts import exit_on_interrupt, ignore_interrupts
except KeyboardInterrupt:
    os._exit(130)

TYPE_CHECKING = False  # importing `typing` would delay the handler of Ctrl-C
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run `coffeert` and end the process with its exit code."""
    exit_on_interrupt()
    _open_closed_streams()
    from coffeert import cli

    _end(cli.main())


def tui_main() -> NoReturn:
    """Run `coffeert-tui` and end the process with its exit code."""
    exit_on_interrupt()
    _open_closed_streams()
    from coffeert import cli

    _end(cli.tui_main())


def _open_closed_streams() -> None:
    """Open standard streams that the parent has closed, as `<&-` does: Python leaves them `None`.

    Otherwise the next file or socket would get the stream's number, and libuv aborts when it closes one
    of these. Input is empty, errors go nowhere; output cannot be written, so that its loss is reported.
    """
    for number, flags, name, mode in (
        (0, os.O_RDONLY, "stdin", "r"),
        (1, os.O_RDONLY, "stdout", "w"),
        (2, os.O_WRONLY, "stderr", "w"),
    ):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest number that is free, which is this one
            os.set_inheritable(number, True)
            stream = open(number, mode, errors="backslashreplace", closefd=False)  # noqa: SIM115 (for good)
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def _end(code: int) -> NoReturn:
    ignore_interrupts()
    raise SystemExit(code)

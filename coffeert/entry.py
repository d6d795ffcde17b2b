"""Entry points of the commands: Ctrl-C ends them silently from the first moment to the last.

Until this module is reached, Python itself is loading, and Ctrl-C is Python's to handle.
"""

from __future__ import annotations

import os

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
    from coffeert import cli

    _end(cli.main())


def tui_main() -> NoReturn:
    """Run `coffeert-tui` and end the process with its exit code."""
    exit_on_interrupt()
    from coffeert import cli

    _end(cli.tui_main())


def _end(code: int) -> NoReturn:
    ignore_interrupts()
    raise SystemExit(code)

"""The command line: one file a command, imported on use."""

from __future__ import annotations

import errno
import gc
import importlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import click

from coffeert.errors import CoffeertError
from coffeert.interrupts import INTERRUPTED, unwind_on_interrupt

# Of a closed terminal and of a full disk. click handles a closed pipe.
_OUTPUT_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}

COMMANDS = {
    "serve": "server and aggregator",
    "aggregate": "the aggregator alone",
    "aggregate-once": "one pass of the aggregator, for cron",
    "verify": "prove that the rollups equal the orders",
    "rebuild": "recompute the rollups from the orders",
    "migrate": "bring the database's schema up to date",
    "menu": "list, add and retire stores and drinks",
    "import": "look at a till's export, and store its sales after a yes",
    "imports": "list what was imported, and take it back",
    "inject": "send orders, generated or recorded",
    "status": "the dashboard once, as text or JSON",
    "report": "a day, week or month beside another one",
    "close": "close a business day: a number, and its figures for good",
    "closings": "the days that were closed, and what changed them since",
    "sessions": "when a store sold without a break, for any gap",
    "sliding": "orders and takings of the last ten minutes, at any time",
    "orders": "every order, as a table, JSON or CSV",
    "feed": "every order and void as it is committed, for other programs",
    "forward": "post every order to another installation, which may do the same",
    "replay": "a time that is over, in the terminal as it happened",
    "demo": "everything at once, with history and live orders",
    "tui": "the dashboard in the terminal",
    "lab": "find where it breaks: experiments beside their physical limits",
}


_MODULES = {"import": "import_orders"}  # a word of Python


class LazyGroup(click.Group):
    """A group whose commands live in `coffeert.cli.<name>` as `command`, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = _MODULES.get(cmd_name, cmd_name.replace("-", "_"))
        # What is being loaded has no garbage, and looking for it takes a tenth of the time.
        gc.disable()
        try:
            module = importlib.import_module(f"coffeert.cli.{name}")
        finally:
            gc.enable()
        unwind_on_interrupt()
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="coffeert")
def cli() -> None:
    """Live coffee-shop numbers, exact from the 201 to the screen."""


def run(command: click.Command, args: list[str]) -> int:
    """Run a command; turn every error into one sentence on stderr and an exit code."""
    try:
        result = command.main(args, prog_name=command.name, standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CoffeertError as error:
        if os.environ.get("COFFEERT_LOG_LEVEL") == "debug":
            raise
        click.echo(f"coffeert: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if error.errno not in _OUTPUT_ERRORS:
            raise
        _discard_output()
        click.echo(f"coffeert: The output cannot be written: {error.strerror}.", err=True)
        return 1
    return result if isinstance(result, int) else 0


def _discard_output() -> None:
    # Python flushes its buffer again when the process ends, which would fail again.
    with Path(os.devnull).open("wb") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())


def _unwind_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the process as Ctrl-C does, so that what was started is stopped.

    A long-running command has handlers of its own for most of its time, but not while it starts the
    embedded servers.
    """

    def unwind(number: int, frame: FrameType | None) -> None:
        signal.signal(
            number, lambda number, frame: None
        )  # a second one must not interrupt the cleanup
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, unwind)


def main() -> int:
    """Run `coffeert` with the arguments of the process; returns its exit code."""
    _unwind_on_signals()
    cli.name = "coffeert"
    return run(cli, sys.argv[1:])


def tui_main() -> int:
    """Run `coffeert-tui` with the arguments of the process; returns its exit code."""
    command = cli.get_command(click.Context(cli), "tui")
    assert command is not None
    command.name = "coffeert-tui"
    return run(command, sys.argv[1:])

"""Ctrl-C ends a command without a traceback at any time."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from functools import partial
from signal import SIGINT

import pytest

from tests.end_to_end.processes import END, Command, Shell, nothing_left
from tests.waiting import eventually

LOST = "Exception ignored in: <function _get_module_lock"
"""What Python says if Ctrl-C comes at the end of an import that it makes itself: then it goes on."""

# Interrupts itself when the import of a module begins.
SELF_INTERRUPTED = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv = ["coffeert", *{arguments!r}]
from coffeert.entry import main
main()
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("coffeert.cli", ["--help"]),
        ("click", ["--help"]),
        ("coffeert.errors", ["status"]),
        ("coffeert.cli.status", ["status"]),
        ("aiohttp", ["status"]),
        ("asyncpg", ["verify"]),
        ("uvloop", ["serve"]),
    ],
)
def test_while_it_loads(module: str, arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SELF_INTERRUPTED.format(module=module, arguments=arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def ended_or_lost(command: Command) -> bool:
    """Return True if a command that was interrupted has ended, or Python has lost the interrupt."""
    return not command.running or LOST in command.err


@pytest.mark.long
@pytest.mark.parametrize("arguments", [("serve", "--port", "0"), ("status",)])
async def test_at_any_moment(bare_shell: Shell, arguments: tuple[str, ...]) -> None:
    rng = random.Random(17)
    for _ in range(4):
        command = bare_shell.start(*arguments)
        await asyncio.sleep(rng.uniform(0.05, 0.6))
        command.signal(SIGINT)
        await eventually(partial(ended_or_lost, command), within=END)
        if command.running:
            command.signal(SIGINT)
        ended = await command.ended()
        # Before our first line runs, it is Python that is interrupted, and says so.
        assert "/coffeert/" not in ended.err
        nothing_left(bare_shell.directory)

"""A dashboard ends when it is asked to, and when its terminal is closed."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.end_to_end.processes import PROGRAM

RECORDING = Path(__file__).parents[2] / "docs" / "recordings" / "rush.ndjson.gz"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_the_dashboard_ends_on(number: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "tui", "--forget", "--replay", str(RECORDING)]
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm-256color"},
    )
    try:
        os.close(theirs)
        seen = b""
        while b"Today" not in seen:
            seen += os.read(ours, 65536)
        if number is signal.SIGHUP:
            os.close(ours)
        process.send_signal(number)
        while number is not signal.SIGHUP and process.poll() is None:
            if select.select([ours], [], [], 0.1)[0]:
                with suppress(OSError):  # the other end is closed
                    os.read(ours, 65536)
        process.wait(20)
    finally:
        process.kill()
        process.wait()
        if number is not signal.SIGHUP:
            os.close(ours)

"""The demo's dashboard, and the line between it and the demo: what to break, and what becomes of it."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from typing import Final

import msgspec

from coffeert.cli.demo_faults import Breaker
from coffeert.errors import CoffeertError
from coffeert.wire.demo import DemoPhase, DemoRequest, DemoState

_MAX_LINE_BYTES: Final = 4096


async def run_dashboard(url: str, breaker: Breaker) -> None:
    """Run the dashboard until it is left; on request, break parts of the demo meanwhile."""
    ours, theirs = socket.socketpair()
    with theirs:
        dashboard = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "coffeert", "tui", "--forget", "--url", url,
            "--demo-socket", str(theirs.fileno()),
            pass_fds=[theirs.fileno()],
        )  # fmt: skip
    reader, writer = await asyncio.open_connection(sock=ours, limit=_MAX_LINE_BYTES)
    serving = asyncio.create_task(_serve(reader, writer, breaker), name="demo requests")
    try:
        await dashboard.wait()
    finally:
        if dashboard.returncode is None:
            dashboard.terminate()
            await dashboard.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        writer.close()


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, breaker: Breaker
) -> None:
    def say(phase: DemoPhase, text: str) -> None:
        with suppress(OSError):
            writer.write(msgspec.json.encode(DemoState(phase, text)) + b"\n")

    while line := await reader.readline():
        request = msgspec.json.decode(line, type=DemoRequest)
        try:
            await breaker.break_part(request.part, say)
        except CoffeertError as error:
            say("failed", str(error))

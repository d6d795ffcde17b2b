"""The terminal says that the server, Redis or PostgreSQL is gone, and that it is back."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from textual.pilot import Pilot

from coffeert.embedded import PostgresServer, ValkeyServer
from coffeert.tui.app import CoffeertApp
from tests.end_to_end.processes import Command, Shell
from tests.integration.tui.watching import until, watching
from tests.ports import free_port
from tests.tui.conftest import screen_text

_WITHIN_SECONDS = 40

Screen = tuple[CoffeertApp, Pilot[None]]


async def shows(screen: Screen, *pieces: str) -> None:
    """Wait until all of this stands on the screen."""
    app, pilot = screen
    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            await until(pilot, lambda: all(piece in screen_text(app) for piece in pieces))
    except TimeoutError:
        raise AssertionError(f"not all of {pieces} on the screen:\n{screen_text(app)}") from None


async def well(screen: Screen) -> None:
    """Wait until nothing on the screen says that anything is wrong."""
    app, pilot = screen

    def quiet() -> bool:
        text = screen_text(app)
        troubles = ("✗", "? not heard of", "no news", "Redis:", "Database:", "Counting:")
        return "● live" in text and not any(trouble in text for trouble in troubles)

    try:
        async with asyncio.timeout(_WITHIN_SECONDS):
            await until(pilot, quiet)
    except TimeoutError:
        raise AssertionError(f"something is wrong on the screen:\n{screen_text(app)}") from None


async def redis_dies(screen: Screen, valkey: ValkeyServer) -> None:
    assert valkey.pid is not None
    os.kill(valkey.pid, signal.SIGKILL)
    await shows(screen, "Redis: Redis cannot be used", "3 Redis ✗")
    await asyncio.to_thread(valkey.start)
    await well(screen)


async def postgres_crashes(screen: Screen, postgres: PostgresServer) -> None:
    await asyncio.to_thread(postgres.stop, "immediate")
    await shows(screen, "Database: PostgreSQL", "2 Aggregation ✗ PostgreSQL")
    await shows(screen, "no news for")
    await asyncio.to_thread(postgres.start)
    await well(screen)


async def server_hangs(screen: Screen, server: Command) -> None:
    server.signal(signal.SIGSTOP)
    await shows(screen, "no news for")
    await shows(screen, "1 INSERT ? not heard of", "4 WebSocket ? not heard of")
    server.signal(signal.SIGCONT)
    await well(screen)


async def server_dies(screen: Screen, server: Command, shell: Shell, port: int) -> None:
    await server.killed()
    await shows(screen, "✗ offline", "r: now")
    await shell.serve(port=port)
    screen[0].tab.feed.reconnect_now()
    await well(screen)


@pytest.mark.long
async def test_the_terminal_says_what_is_gone_and_that_it_is_back(
    directory: Path, own_postgres: PostgresServer, own_valkey: ValkeyServer
) -> None:
    own_postgres.ensure_database("shop")
    settings = {"database_url": own_postgres.database_url("shop"), "redis_url": own_valkey.url}
    shell, port = Shell(directory, settings), free_port()
    try:
        assert (await shell.run("migrate")).code == 0
        server, url = await shell.serve(port=port)
        async with watching(url) as (app, pilot, _):
            await pilot.press("5")
            screen = app, pilot
            await well(screen)
            await redis_dies(screen, own_valkey)
            await postgres_crashes(screen, own_postgres)
            await server_hangs(screen, server)
            await server_dies(screen, server, shell, port)
    finally:
        shell.close()

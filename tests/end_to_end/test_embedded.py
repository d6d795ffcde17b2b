"""Without settings the first command starts the databases, others use them, the last stops them."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from coffeert.client import Draft, OrderClient
from coffeert.embedded import PostgresServer, ValkeyServer
from tests.end_to_end.processes import Shell, naming, nothing_left
from tests.waiting import eventually

LATTE = Draft(store="uptown", drink="latte")


@pytest.mark.long
async def test_several_commands_share_the_embedded_databases(bare_shell: Shell) -> None:
    server, url = await bare_shell.serve()
    injected = await bare_shell.run("inject", "--url", url, "--count", "40", "--rate", "200")
    assert injected.code == 0, injected.err
    verified = await bare_shell.run("verify", "--json")
    assert verified.code == 0, verified.err
    other, other_url = await bare_shell.serve("--no-aggregator")
    await server.stopped()
    # The first one has left, and the databases go on for the second.
    async with OrderClient(other_url) as client:
        assert not (await client.place(LATTE)).replayed
    once = await bare_shell.run("aggregate-once", "--json")
    assert once.code == 0, once.err
    assert (await other.stopped()).code == 0
    nothing_left(bare_shell.directory)

    # The last one has stopped them, and the data are still there.
    verified = await bare_shell.run("verify", "--json")
    assert verified.code == 0, verified.err
    assert json.loads(verified.out)["orders"] == 41
    listed = await bare_shell.run("menu", "list")
    assert "cappuccino" in listed.out
    nothing_left(bare_shell.directory)


@pytest.mark.long
async def test_a_killed_server_leaves_the_databases_to_the_next(bare_shell: Shell) -> None:
    server, url = await bare_shell.serve()
    async with OrderClient(url) as client:
        await client.place(LATTE)
    await server.killed()
    assert naming(bare_shell.directory), "PostgreSQL goes on, for the next command"
    verified = await bare_shell.run("verify", "--json")
    # Not the code: it says so if the order was not counted any more, and the last pass is long ago.
    assert json.loads(verified.out)["exact"], verified.err
    nothing_left(bare_shell.directory)


@pytest.mark.long
async def test_databases_that_are_killed_under_a_server_come_back(bare_shell: Shell) -> None:
    server, url = await bare_shell.serve()
    data_dir = Path(bare_shell.settings["data_dir"])
    async with OrderClient(url, patience=60) as client:  # it tries again until the order is stored
        await client.place(LATTE)
        for database in (ValkeyServer(data_dir), PostgresServer(data_dir)):
            assert database.pid is not None
            os.kill(database.pid, signal.SIGKILL)
        await eventually(lambda: "embedded servers died" in server.err)
        await client.place(LATTE)
    await eventually(lambda: "embedded servers run again" in server.err)
    assert (await server.stopped()).code == 0
    assert (await bare_shell.run("aggregate-once")).code == 0
    verified = await bare_shell.run("verify", "--json")
    assert verified.code == 0, verified.err
    assert json.loads(verified.out)["orders"] == 2
    nothing_left(bare_shell.directory)


async def test_an_end_while_the_databases_start_stops_them(bare_shell: Shell) -> None:
    server = bare_shell.start("serve", "--port", "0")
    await eventually(lambda: len(naming(bare_shell.directory)) > 1)  # Valkey, initdb or PostgreSQL
    assert (await server.stopped()).code in (0, 143)
    assert not server.complaints
    nothing_left(bare_shell.directory)

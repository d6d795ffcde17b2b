"""The demonstration: a month of sales, live orders, faults on purpose, and nothing left behind."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from contextlib import closing
from uuid import uuid4

import pytest

from coffeert.cli.demo_data import DemoData, demo_data
from coffeert.cli.demo_faults import Breaker
from coffeert.cli.demo_sales import open_tills
from coffeert.cli.demo_server import DemoServer
from coffeert.embedded import DataDirectory
from coffeert.wire.demo import BreakablePart
from tests.end_to_end.processes import Shell, nothing_left
from tests.ports import free_port
from tests.waiting import eventually

LINE = re.compile(r"^\d\d:\d\d:\d\d .* 30 days ([\d,]+) orders", re.MULTILINE)


@pytest.mark.long
async def test_it_ends_by_itself_or_on_a_signal_and_leaves_nothing(bare_shell: Shell) -> None:
    port = str(free_port())
    # Cut short while it loads its history, it ends as well, and begins again next time.
    early = bare_shell.start("demo", "--headless", "--port", port)
    await early.says("days of history")
    early.signal(signal.SIGINT)
    assert (await early.ended(within=60)).code == 0
    nothing_left(bare_shell.directory)

    demo = bare_shell.start("demo", "--headless", "--port", port, "--rate", "5")
    await eventually(lambda: len(set(_lines(demo.out))) > 1 or not demo.running, within=120)
    url = (await demo.says("Live at")).split()[2].rstrip(";")
    assert url == f"http://127.0.0.1:{port}"
    # Beside it, without a word on where it is.
    second = await bare_shell.start("demo", "--headless").ended()
    assert (second.code, f"runs already; coffeert-tui --url {url}" in second.err) == (1, True)
    status = await bare_shell.start("status", "--json").ended()
    assert (status.code, status.err) == (0, "")
    demo.signal(signal.SIGINT)
    ended = await demo.ended()
    assert ended.code == 0, ended.err
    stored = re.search(r"([\d,]+) past orders are stored", ended.out)
    assert stored is not None
    history = _number(stored[1])
    assert history > 80_000
    lines = _lines(ended.out)
    assert lines == sorted(lines)
    assert history * 0.75 < lines[0] < lines[-1]
    assert not demo.complaints
    nothing_left(bare_shell.directory)

    with closing(socket.create_server(("127.0.0.1", int(port)))):
        again = bare_shell.start("demo", "--headless", "--duration", "2s", "--port", port)
        ended = await again.ended(within=60)
    assert ended.code == 0, ended.err
    assert f"Port {port} is taken" in ended.out
    assert str(bare_shell.directory) in ended.out
    assert not again.complaints
    assert "past orders are stored" not in ended.out, "what is there is not loaded again"
    assert _lines(ended.out)[0] >= lines[-1]
    nothing_left(bare_shell.directory)


@pytest.mark.long
@pytest.mark.parametrize("part", ["postgres", "redis", "server"])
def test_what_is_killed_comes_back_and_nothing_is_lost(
    bare_shell: Shell, part: BreakablePart
) -> None:
    said: list[tuple[str, str]] = []
    refuted: list[tuple[str, str]] = []

    async def breaking(data: DemoData) -> None:
        await data.prepare()
        directory = DataDirectory.at(data.directory)
        server = DemoServer(data.directory, 0, directory.log("demo.log"))
        async with server, open_tills(server.url) as tills:
            keeper = asyncio.create_task(server.keep_running())
            before = server.pid
            breaker = Breaker(directory, data.services.database_url, server, tills)
            await breaker.break_part(part, lambda phase, text: said.append((phase, text)))
            assert (server.pid != before) == (part == "server")
            tills.sent[uuid4()] = None
            await breaker.prove(lambda phase, text: refuted.append((phase, text)))
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    with demo_data(bare_shell.directory / "demo", "UTC", reset=False) as data:
        asyncio.run(breaking(data))
    nothing_left(bare_shell.directory)
    assert "killed (kill -9" in said[0][1]
    proof = re.fullmatch(
        r"([\d,]+) orders sent, ([\d,]+) stored, ([\d,]+) counted: nothing lost, "
        r"and all figures equal the ([\d,]+) orders\.",
        said[-1][1],
    )
    assert proof is not None, said[-1]
    assert said[-1][0] == "proved"
    one_more = (
        f"{int(proof[1]) + 1} orders sent, {proof[2]} stored, {proof[3]} counted; 0 unanswered"
    )
    assert refuted[-1][0] == "failed", "an order that is not there is noticed"
    assert one_more in refuted[-1][1]
    assert proof[1] == proof[2] == proof[3] == proof[4] != "0"


def _lines(text: str) -> list[int]:
    return [_number(orders) for orders in LINE.findall(text)]


def _number(text: str) -> int:
    return int(text.replace(",", ""))

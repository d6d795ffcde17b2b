"""Several servers on one PostgreSQL and Redis: the same numbers, one aggregator, no double count."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack
from functools import partial

import pytest

from coffeert.client import DashboardFeed
from coffeert.domain.rollups import Cells
from tests.end_to_end.ledger import Ledger, feed_cells, shows_all
from tests.end_to_end.processes import Command, Shell, children, running
from tests.end_to_end.watching import watching
from tests.ports import free_port
from tests.waiting import POLL, eventually


@pytest.mark.long
async def test_leaders_die_and_freeze(shell: Shell, books: Ledger) -> None:
    servers = dict(await asyncio.gather(shell.serve(), shell.serve()))
    by_pid = {server.pid: server for server in servers}
    async with AsyncExitStack() as stack:
        for url in servers.values():
            await stack.enter_async_context(watching(url))
        await _inject(shell, list(servers.values()))
        for url in servers.values():
            await shows_all(url, books)

        name, token, _ = await books.leader()
        leader = by_pid[_pid(name)]
        leader.signal(signal.SIGSTOP)
        name, later_token = await _other_leader(books, name)
        assert later_token > token
        standby = by_pid[_pid(name)]
        assert standby is not leader
        leader.signal(signal.SIGCONT)
        await eventually(lambda: "lost the lead" in leader.err or "cannot aggregate" in leader.err)
        await _inject(shell, list(servers.values()))
        for url in servers.values():
            await shows_all(url, books)
        assert (await books.leader())[:2] == (name, later_token)

    await standby.killed()
    name, last_token = await _other_leader(books, name)
    assert by_pid[_pid(name)] is leader
    assert last_token > later_token
    await _inject(shell, [servers[leader]])
    await shows_all(servers[leader], books)
    assert (await shell.run("verify")).code == 0


@pytest.mark.long
async def test_workers_share_a_port_and_show_the_same(shell: Shell, books: Ledger) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # The file in the working directory is for the server that is started, not for each of its workers.
    shell.write("coffeert.toml", "workers = 2\nport = 1\n")
    supervisor = shell.start("serve", "--port", str(port), "--aggregation-interval", "0.2")
    async with AsyncExitStack() as stack:
        feeds: dict[str, DashboardFeed] = {}
        async with asyncio.timeout(20):
            while len(feeds) < 2:
                feed = await stack.enter_async_context(DashboardFeed(url))
                await eventually(partial(_has_view, feed))
                feeds.setdefault(feed.epoch, feed)
        await _inject(shell, [url])
        truth = await books.cells()
        for feed in feeds.values():
            await eventually(partial(_shows, feed, truth))
    first = await _workers(supervisor, but=set())
    os.kill(min(first), signal.SIGKILL)
    workers = await _workers(supervisor, but={min(first)})
    assert len(first & workers) == 1
    assert (await supervisor.stopped()).code == 0
    assert not workers & running()


@pytest.mark.long
async def test_workers_end_with_the_process_that_started_them(shell: Shell) -> None:
    supervisor = shell.start("serve", "--workers", "2", "--port", str(free_port()))
    await eventually(lambda: supervisor.out.count(" serves ") == 2)
    workers = await _workers(supervisor, but=set())
    await supervisor.killed()
    await eventually(lambda: not workers & running())


async def _inject(shell: Shell, urls: list[str]) -> None:
    options = ("--count", "100", "--rate", "400", "--via", "http,ws", "--json")
    for injector in [shell.start("inject", "--url", url, *options) for url in urls]:
        ended = await injector.ended()
        assert ended.code == 0, ended.err
        report = json.loads(ended.out)
        assert report["accepted"] + report["replayed"] == 100


async def _other_leader(books: Ledger, name: str) -> tuple[str, int]:
    async with asyncio.timeout(20):
        while (state := await books.leader())[0] == name:
            await asyncio.sleep(POLL)
    return state[:2]


def _pid(name: str) -> int:
    return int(name.rsplit(":", 1)[1])


async def _workers(supervisor: Command, *, but: set[int]) -> set[int]:
    await eventually(lambda: len(children(supervisor.pid) - but) == 2)
    return children(supervisor.pid)


def _has_view(feed: DashboardFeed) -> bool:
    return feed.view is not None


def _shows(feed: DashboardFeed, truth: Cells) -> bool:
    return feed_cells(feed) == truth

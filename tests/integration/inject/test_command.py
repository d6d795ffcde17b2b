"""`coffeert inject` as a user runs it, against a real server."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE

import pytest

from coffeert.client import OrderClient
from tests.end_to_end.ledger import ledger
from tests.integration.inject.command import ended, run, serving, started
from tests.ports import free_port


async def total(url: str) -> int:
    async with OrderClient(url) as client:
        return (await client.dashboard()).view.totals.minute.orders


@pytest.mark.long
async def test_every_transport_at_once_and_again_under_the_same_seed(server_url: str) -> None:
    arguments = (
        *("inject", "--url", server_url, "--rate", "2000", "--count", "600", "--json"),
        *("--via", "http,ws,batch", "--seed", "7", "--profile", "burst,lunch"),
    )
    first = await run(*arguments)
    assert (first.code, first.err) == (0, "")
    report = first.report()
    assert report.sent == report.accepted + report.replayed == 600
    assert report.retried or not report.replayed  # a busy server may have asked for some again
    assert (report.rejected, report.lost, report.bad_rows, report.stopped) == (0, 0, 0, False)
    assert 0 < report.latency_ms.p50 <= report.latency_ms.p99 <= report.latency_ms.max
    second = (await run(*arguments)).report()
    assert (second.sent, second.accepted, second.replayed) == (600, 0, 600)
    assert await total(server_url) == 600


async def test_bad_rows_are_reported_by_line_and_the_others_stored(server_url: str) -> None:
    rows = (
        b'{"store":"uptown","drink":"tea","price":2.90}\n'
        b"{nonsense\n"
        b'{"store":"uptown","drink":"\\u001b[31mgruel"}\n'
        b'{"store":"uptown","drink":"tea","price":2.90}\n'
        b'{"store":"uptown","drink":"tea","quantity":"many"}\n'
    )
    done = await run("inject", "--url", server_url, "--file", "-", data=rows)
    assert done.code == 1
    assert "accepted 2 " in done.out
    assert "rejected 1 " in done.out
    assert "bad rows 2" in done.out
    assert "line 2: is not a JSON object" in done.err
    assert "line 3: " in done.err
    assert "line 5: the quantity must be a whole number" in done.err
    assert "\x1b" not in done.err + done.out


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), ("2>&-", 0), (">&-", 1)])
async def test_a_closed_stream_does_not_abort_it(server_url: str, closed: str, code: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'exec "$0" -m coffeert "$@" {closed}', sys.executable),
        *("inject", "--url", server_url, "--count", "3"),
        stdout=PIPE,
        stderr=PIPE,
    )
    done = await ended(process)
    assert done.code == code, done
    assert ("accepted 3 " in done.out) is (code == 0)
    assert await total(server_url) == 3


async def test_an_interrupt_ends_it_cleanly_with_its_report(server_url: str) -> None:
    process = await started("inject", "--url", server_url, "--rate", "300", "--json")
    async with OrderClient(server_url) as client:
        async with asyncio.timeout(30):
            while (await client.dashboard()).view.totals.minute.orders < 20:
                await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    done = await ended(process)
    assert done.code == 0
    report = done.report()
    assert report.stopped
    assert report.sent == report.accepted + report.replayed
    assert report.sent == await total(server_url)


@pytest.mark.long
async def test_a_server_killed_in_the_middle_costs_nothing(
    database_url: str, redis_url: str
) -> None:
    port = free_port()
    settings = {
        "database_url": database_url,
        "redis_url": redis_url,
        "port": str(port),
        "aggregation_interval": "0.05",
    }
    url = f"http://127.0.0.1:{port}"
    async with OrderClient(url) as client, ledger(database_url) as books:
        async with serving(settings) as server:
            arguments = ("--url", url, "--rate", "800", "--count", "4000", "--via", "http,ws,batch")
            injection = await started("inject", *arguments, "--json")
            async with asyncio.timeout(30):
                while (await client.dashboard()).view.totals.minute.orders < 400:
                    await asyncio.sleep(0.02)
            server.kill()
        stored = await books.count()
        async with serving(settings):
            done = await ended(injection)
            report = done.report()
            assert done.code == 0, done
            assert stored < report.accepted + report.replayed == report.sent == 4_000
            assert report.retried > 0
            assert await books.count() == report.sent
            await eventually_level(url, report.sent)
            verified = await run("verify", settings=settings)
            assert verified.code == 0, verified


async def eventually_level(url: str, orders: int) -> None:
    async with OrderClient(url) as client, asyncio.timeout(10):
        while (await client.dashboard()).view.totals.day.orders != orders:
            await asyncio.sleep(0.02)


async def test_a_live_stream_is_sent_row_by_row(server_url: str) -> None:
    process = await started("inject", "--url", server_url, "--file", "-", "--json", stdin=-1)
    assert process.stdin is not None
    async with OrderClient(server_url) as client:
        for count in (1, 2, 3):
            process.stdin.write(b'{"store":"uptown","drink":"tea"}\n')
            await process.stdin.drain()
            async with asyncio.timeout(20):
                while (await client.dashboard()).view.totals.minute.orders != count:
                    await asyncio.sleep(0.02)
    process.stdin.close()
    assert (await ended(process)).report().accepted == 3

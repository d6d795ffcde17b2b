"""`coffeert feed`: the whole feed in lines, and a cursor that leaves nothing out whenever it is killed."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import sys
from pathlib import Path

import aiohttp
import pytest

from coffeert.cli import feed as command
from coffeert.client.change_feed import FeedBatch
from tests.integration.server.conftest import RunServer
from tests.integration.server.http.test_feed import place_many, ticked


async def start(url: str, output: Path, *arguments: str) -> asyncio.subprocess.Process:
    with output.open("ab") as file:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "coffeert", "feed", "--url", url, *arguments),
            stdout=file,
            stderr=asyncio.subprocess.PIPE,
        )


def ids(output: Path) -> list[str]:
    """The ids of the lines."""
    return [str(json.loads(line)["id"]) for line in output.read_bytes().splitlines()]


@pytest.mark.long
async def test_it_prints_the_feed_once_and_goes_on_with_its_file(
    http: aiohttp.ClientSession, server_url: str, tmp_path: Path
) -> None:
    await place_many(http, 30)
    first = [event["id"] for event in await ticked(http, 30)]
    output, state = tmp_path / "lines", str(tmp_path / "cursor")
    assert await (await start(server_url, output, "--state", state)).wait() == 0
    assert ids(output) == first
    assert (tmp_path / "cursor").read_text() == f"{first[-1]}\n"
    await place_many(http, 7)
    whole = [event["id"] for event in await ticked(http, 37)]
    assert await (await start(server_url, output, "--state", state)).wait() == 0
    assert ids(output) == whole
    (tmp_path / "cursor").write_text(f"{first[-1][:-8]}00000000")
    refused = await start(server_url, output, "--state", state)
    _, error = await refused.communicate()
    assert refused.returncode == 1
    assert error.startswith(b"coffeert: This cursor belongs to another history")
    assert b"Traceback" not in error


@pytest.mark.long
async def test_killed_at_any_moment_it_leaves_nothing_out(
    run_server: RunServer, tmp_path: Path
) -> None:
    chance = random.Random(20_260_101)
    output, state = tmp_path / "lines", str(tmp_path / "cursor")
    async with run_server() as url, aiohttp.ClientSession(url) as http:
        for _ in range(4):
            reader = await start(url, output, "--follow", "--state", state)
            before = output.stat().st_size
            await place_many(http, 3_000)
            async with asyncio.timeout(60):
                while output.stat().st_size == before:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(chance.random() / 10)
            reader.kill()
            await reader.wait()
            data = output.read_bytes()
            output.write_bytes(data[: data.rfind(b"\n") + 1])  # a line that was cut off
        assert await (await start(url, output, "--state", state)).wait() == 0
        order = []
        async with http.get("/api/feed?format=ndjson&limit=5000") as response:
            page = await response.read()
        while page:
            order += [str(json.loads(line)["id"]) for line in page.splitlines()]
            async with http.get(
                f"/api/feed?format=ndjson&limit=5000&after={order[-1]}"
            ) as response:
                page = await response.read()
    found = ids(output)
    assert list(dict.fromkeys(found)) == order  # in order, each at least once
    assert len(order) == 12_000


@pytest.mark.long
async def test_what_could_not_be_written_is_not_behind_the_cursor(
    http: aiohttp.ClientSession, server_url: str, tmp_path: Path
) -> None:
    await place_many(http, 10)
    await ticked(http, 10)
    reader = await start(server_url, Path("/dev/full"), "--state", str(tmp_path / "cursor"))
    _, error = await reader.communicate()
    assert reader.returncode == 1
    assert error == b"coffeert: The output cannot be written: No space left on device.\n"
    assert not (tmp_path / "cursor").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_what_did_not_reach_the_disk_is_told(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=os.strerror(code)):
        command._write(FeedBatch((), "a", at_end=True))

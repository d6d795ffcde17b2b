"""The surfaces, each fuzzed until a deadline."""

from __future__ import annotations

import asyncio
import io
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp

from coffeert.config import load_config
from coffeert.domain.menu import check_code, check_name, code_from_name
from coffeert.domain.orders import Draft
from coffeert.errors import CoffeertError
from coffeert.inject.order_reader import order_reader
from coffeert.inject.rows import BadRow, Rows
from coffeert.printable import printable
from coffeert.tui.render.text import width
from coffeert.wire.orders import MenuBody, MenuDrink, MenuStore
from tests.fuzz import inputs
from tests.fuzz.reads import ask
from tests.fuzz.target import TOKEN, Target, Totals
from tests.fuzz.ways import plain_orders

Surface = Callable[[random.Random, float, Target], Awaitable[Totals]]

_BROKEN = (aiohttp.ClientError, OSError, TimeoutError, ValueError)
_AT_ONCE = 8


async def _together(
    tally: Totals,
    rng: random.Random,
    deadline: float,
    attempt: Callable[[random.Random], Awaitable[None]],
) -> Totals:
    """Repeat an attempt until the deadline, several at once."""

    async def repeat(seed: int) -> None:
        mine = random.Random(seed)
        while time.monotonic() < deadline:
            await attempt(mine)
            tally.tried += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(repeat(rng.getrandbits(64)))
    return tally


async def orders(rng: random.Random, deadline: float, target: Target) -> Totals:
    """One order a request."""
    tally = Totals("HTTP orders")
    async with aiohttp.ClientSession(target.url, headers=target.headers) as http:

        async def attempt(mine: random.Random) -> None:
            data = inputs.body(mine)
            kind = {"Content-Type": "application/json"}
            with suppress(*_BROKEN):
                async with http.post("/api/orders", data=data, headers=kind) as answer:
                    target.judge(tally, answer.status, await answer.read(), data)

        await _together(tally, rng, deadline, attempt)
    await target.check(tally)
    return tally


async def batches(rng: random.Random, deadline: float, target: Target) -> Totals:
    """Orders a line."""
    tally = Totals("NDJSON batches")
    async with aiohttp.ClientSession(target.url, headers=target.headers) as http:

        async def attempt(mine: random.Random) -> None:
            ends = mine.choice((b"\n", b"\r\n", b"\n\n", b"\r"))
            data = ends.join(inputs.body(mine) for _ in range(mine.randrange(30)))
            kind = {"Content-Type": "application/x-ndjson"}
            with suppress(*_BROKEN):
                async with http.post("/api/orders/batch", data=data, headers=kind) as answer:
                    target.judge(tally, answer.status, await answer.read(), data)
            tally.tried += data.count(b"\n")

        await _together(tally, rng, deadline, attempt)
    await target.check(tally)
    return tally


async def reads(rng: random.Random, deadline: float, target: Target) -> Totals:
    """Orders, reports, activity and closings, and closing days."""
    tally = Totals("HTTP reads")
    async with aiohttp.ClientSession(target.url, headers=target.headers) as http:

        async def attempt(mine: random.Random) -> None:
            asked = await ask(http, mine)
            if asked is None:
                return
            status, kind, body, what = asked
            target.judge(tally, status, body, what)
            if status >= 400 and kind != "application/problem+json":
                tally.note(f"status {status} without a problem document", what)

        await _together(tally, rng, deadline, attempt)
    await target.check(tally)
    return tally


async def requests(rng: random.Random, deadline: float, target: Target) -> Totals:
    """Whole requests, down to their first line."""
    tally = Totals("HTTP requests, raw")

    async def attempt(mine: random.Random) -> None:
        data = inputs.request(mine, TOKEN)
        answer = await _exchange(target.port, [data])
        status = answer[9:12] if answer.startswith(b"HTTP/1.") else b""
        target.judge(tally, int(status) if status.isdigit() else 0, b"", data)
        if TOKEN.encode() in answer or b"Traceback" in answer:
            tally.note("the answer gives something away", (data, answer))

    await _together(tally, rng, deadline, attempt)
    await target.check(tally)
    return tally


async def messages(rng: random.Random, deadline: float, target: Target) -> Totals:
    """Messages over the WebSocket."""
    tally = Totals("WebSocket messages")

    async def attempt(mine: random.Random) -> None:
        with suppress(*_BROKEN):
            async with (
                aiohttp.ClientSession(target.url, headers=target.headers) as http,
                http.ws_connect("/ws/dashboard", max_msg_size=0) as socket,
            ):
                for _ in range(mine.randrange(1, 30)):
                    message = inputs.frame(mine)
                    if isinstance(message, str):
                        await socket.send_str(message)
                    else:
                        await socket.send_bytes(message)
                    tally.tried += 1
                    with suppress(TimeoutError):
                        answer = await socket.receive(timeout=0.02)
                        if answer.type is aiohttp.WSMsgType.TEXT:
                            target.judge(tally, 0, answer.data.encode(), message)

    await _together(tally, rng, deadline, attempt)
    await target.check(tally)
    return tally


async def raw_frames(rng: random.Random, deadline: float, target: Target) -> Totals:
    """Frames below the messages: fragments, reserved bits, lengths that lie."""
    tally = Totals("WebSocket frames, raw")
    hello = (
        "GET /ws/dashboard HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    ).encode()

    async def attempt(mine: random.Random) -> None:
        frames = [inputs.raw_frame(mine) for _ in range(mine.randrange(1, 20))]
        await _exchange(target.port, [hello, *frames])
        tally.tried += len(frames)

    await _together(tally, rng, deadline, attempt)
    await target.check(tally)
    return tally


async def _exchange(port: int, pieces: list[bytes]) -> bytes:
    """Send pieces and read what comes for a moment."""
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = b""
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    answer = await reader.read(65_536)
        finally:
            writer.transport.abort()
        return answer
    return b""


async def files(rng: random.Random, deadline: float, target: Target) -> Totals:
    """Files of orders in NDJSON."""
    tally = Totals("NDJSON files")
    menu = MenuBody((MenuStore("uptown", "Uptown"),), (MenuDrink("latte", "Latte", "4.80"),))
    while time.monotonic() < deadline:
        data = _file(rng)
        try:
            rows = Rows(io.BytesIO(data))
            reader = order_reader(menu)
            for row in rows:
                if not isinstance(row, BadRow):
                    with suppress(ValueError):
                        assert isinstance(reader.read(row), Draft)
        except CoffeertError as error:
            _check_sentence(tally, str(error), data)
        except Exception as error:  # noqa: BLE001 (any is a finding)
            tally.note(repr(error), data)
        tally.tried += 1
        await asyncio.sleep(0)
    return tally


def _file(rng: random.Random) -> bytes:
    lines = [inputs.body(rng) for _ in range(rng.randrange(8))]
    text = rng.choice((b"\n", b"\r\n", b"\r")).join(lines)
    return inputs.damaged(rng, rng.choice((b"", b"\xef\xbb\xbf", b"\xff\xfe")) + text)


async def settings(rng: random.Random, deadline: float, target: Target) -> Totals:
    """`coffeert.toml`."""
    tally = Totals("coffeert.toml")
    before = os.getcwd()  # noqa: PTH109 (changed and restored)
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        try:
            file = Path("coffeert.toml")
            while time.monotonic() < deadline:
                data = _toml(rng)
                file.write_bytes(data)  # noqa: ASYNC240 (a few bytes)
                try:
                    load_config()
                except CoffeertError as error:
                    _check_sentence(tally, str(error), data)
                except Exception as error:  # noqa: BLE001 (any is a finding)
                    tally.note(repr(error), data)
                tally.tried += 1
                await asyncio.sleep(0)
        finally:
            os.chdir(before)
    return tally


def _toml(rng: random.Random) -> bytes:
    names = ("host", "port", "token", "read_token", "timezone", "aggregation_interval", "workers",
             "data_dir", "database_url", "allowed_origins", "live_updates", "nothing",
             "run_aggregator")  # fmt: skip
    lines = [f"{rng.choice(names)} = {_toml_value(rng)}" for _ in range(rng.randrange(5))]
    return inputs.damaged(rng, "\n".join(lines).encode("utf-8", "replace"))


def _toml_value(rng: random.Random) -> str:
    text = rng.choice((*inputs.NASTY, "127.0.0.1", "UTC", "on", "secret-secret"))
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return rng.choice(
        (quoted, "1", "-1", "1e999", "true", "[]", "[1]", "{a=1}", "2026-01-31", "0x1")
    )


async def names(rng: random.Random, deadline: float, target: Target) -> Totals:
    """Names of the menu, and any text on its way to a terminal."""
    tally = Totals("menu names and terminal text")
    while time.monotonic() < deadline:
        text = "".join(
            rng.choice((rng.choice(inputs.NASTY), chr(rng.randrange(0x110000))))
            for _ in range(rng.randrange(20))
        )
        shown = printable(text)
        if any(not char.isprintable() for char in shown) or width(shown) < 0:
            tally.note("a terminal would get a control character", text)
        for check in (check_name, check_code, code_from_name):
            try:
                check(text)
            except CoffeertError as error:
                _check_sentence(tally, str(error), text)
            except Exception as error:  # noqa: BLE001 (any is a finding)
                tally.note(repr(error), text)
            else:
                if check is not code_from_name and not text.isprintable():
                    tally.note("an unprintable name is accepted", text)
        tally.tried += 1
        if tally.tried % 50 == 0:
            await asyncio.sleep(0)
    return tally


def _check_sentence(tally: Totals, sentence: str, data: object) -> None:
    if any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 for c in sentence):
        tally.note(f"the error holds a control character: {sentence!r}", data)


SURFACES: Mapping[str, Surface] = {
    "orders": orders,
    "plain orders": plain_orders,
    "batches": batches,
    "reads": reads,
    "requests": requests,
    "messages": messages,
    "frames": raw_frames,
    "files": files,
    "settings": settings,
    "names": names,
}

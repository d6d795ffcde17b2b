"""A screen: a WebSocket client that notes when each probe's drink has been counted how often.

Run as `python -m coffeert.lab.screen`, a child process of the lab.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from coffeert.lab.child import Gate, serve
from coffeert.lab.ws_frames import UPGRADE, take_payloads

_DELTA = b'{"type":"delta"'
_SNAPSHOT = b'{"type":"snapshot"'
_HELLO = b'{"type":"hello"'


class ScreenJob(msgspec.Struct, frozen=True):
    """Which server to watch, and which drinks are probes."""

    host: str
    port: int
    probes: tuple[str, ...]


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """At `at` (seconds of `time.monotonic`) the picture first counted `orders` of a drink."""

    drink: str
    orders: int
    at: float


class ScreenResult(msgspec.Struct, frozen=True):
    """Everything seen; `frames` and `bytes` of deltas alone."""

    sightings: tuple[Sighting, ...]
    frames: int
    bytes: int


class _Columns(msgspec.Struct):
    """The part of a frame's columns that is looked at: the days, which every order changes."""

    drinks: list[str]
    day: list[tuple[int, list[int], list[int], list[int], list[int]]]


class _Frame(msgspec.Struct):
    """A snapshot, which has a version, or a delta, which leads `to` one."""

    view: _Columns
    version: int = -1
    to: int = -1


class _Hello(msgspec.Struct):
    version: int


class Screen(asyncio.Protocol):
    """Takes the frames of one connection."""

    def __init__(self, probes: tuple[str, ...]) -> None:
        self.sightings: list[Sighting] = []
        self.frames = self.bytes = 0
        self.loaded = asyncio.Event()
        self._probes = frozenset(probes)
        self._buffer = bytearray()
        self._upgraded = False
        self._newest = 0
        self._decode = msgspec.json.Decoder(_Frame).decode
        self._counts: dict[tuple[int, str], int] = {}
        self._totals: dict[str, int] = {}

    def data_received(self, data: bytes) -> None:
        """Take bytes; all frames in them arrived now."""
        now = time.monotonic()
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self._upgraded = True
        for payload in take_payloads(self._buffer):
            if payload.startswith(_DELTA):
                self.frames += 1
                self.bytes += len(payload)
                self._look(payload, now)
            elif payload.startswith(_SNAPSHOT):
                self._look(payload, now)
            elif payload.startswith(_HELLO):
                self._newest = msgspec.json.decode(payload, type=_Hello).version

    def _look(self, payload: bytes, now: float) -> None:
        frame = self._decode(payload)
        view, width = frame.view, len(frame.view.drinks)
        for start, keys, orders, _, _ in view.day:
            for key, count in zip(keys, orders, strict=True):
                drink = view.drinks[key % width]  # probes are of one store, so the drink tells all
                if drink in self._probes:
                    self._count(start, drink, count, now)
        if max(frame.version, frame.to) >= self._newest:
            self.loaded.set()  # a snapshot may be an older one, with a delta close behind it

    def _count(self, day: int, drink: str, count: int, now: float) -> None:
        more = count - self._counts.get((day, drink), 0)
        self._counts[day, drink] = count
        if more and self.loaded.is_set():  # what the first picture holds was there before
            self._totals[drink] = self._totals.get(drink, 0) + more
            self.sightings.append(Sighting(drink, self._totals[drink], now))


async def _run(job: ScreenJob, gate: Gate) -> ScreenResult:
    loop = asyncio.get_running_loop()
    transport, screen = await loop.create_connection(lambda: Screen(job.probes), job.host, job.port)
    transport.write(UPGRADE)
    await screen.loaded.wait()
    await gate.ready()
    await gate.word()
    transport.close()
    return ScreenResult(tuple(screen.sightings), screen.frames, screen.bytes)


if __name__ == "__main__":
    serve(ScreenJob, _run)

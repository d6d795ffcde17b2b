"""Watchers of the dashboard: each checks every frame it receives, and all compare what they saw."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp

from coffeert.domain.rollups import Cells
from coffeert.domain.view import View
from coffeert.wire import frames

_EVERY = 5  # versions between two comparisons of whole views
_AUDIT_EVERY = 0.1  # seconds
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass
class Findings:
    """What all watchers of a run have seen; `faults` is empty where every frame was right."""

    faults: list[str] = field(default_factory=list)
    frames: int = 0
    resumes: int = 0
    compared: int = 0
    audits: int = 0
    views: dict[tuple[str, int], int] = field(default_factory=dict)

    def compare(self, epoch: str, version: int, view: int) -> None:
        """Hold a view against what others saw at the same version."""
        known = self.views.get((epoch, version))
        if known is None:
            self.views[epoch, version] = view
            return
        if known != view:
            self.faults.append(f"two views differ at {epoch} {version}")
        self.compared += 1


class Watcher:
    """Follows the dashboard through lost connections; `restless` ones cut their own now and then."""

    def __init__(
        self, url: str, findings: Findings, rng: random.Random, *, restless: bool = False
    ) -> None:
        self.view: View | None = None
        self.epoch, self.version = "", -1
        self._url = url
        self._findings = findings
        self._rng = rng
        self._restless = restless
        self._resuming = False

    @property
    def cells(self) -> Cells:
        """The cells that it shows now."""
        return {} if self.view is None else dict(self.view.cube.cells())

    async def run(self) -> None:
        """RuleMonitor until cancelled."""
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    await self._follow(http)
                    await asyncio.sleep(self._rng.random() * 0.5)  # versions pass meanwhile
                except _BROKEN:
                    await asyncio.sleep(0.05 + self._rng.random() * 0.2)

    async def _follow(self, http: aiohttp.ClientSession) -> None:
        query = {"epoch": self.epoch, "version": str(self.version)} if self.view else {}
        left = self._rng.randrange(5, 60) if self._restless else 1 << 60
        self._resuming = bool(query)
        async with http.ws_connect(
            f"{self._url}/ws/dashboard",
            params=query,
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=1),
        ) as socket:
            while left:
                left -= 1
                message = await socket.receive(timeout=10)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                self.take(frames.decode_server_frame(message.data))

    def take(self, frame: frames.ServerFrame) -> None:
        """Take a frame as a dashboard does, and check that it is the one which had to come."""
        self._findings.frames += 1
        match frame:
            case frames.Snapshot():
                self._take_snapshot(frame)
            case frames.Delta():
                self._take_delta(frame)
            case frames.Heartbeat() if frame.epoch == self.epoch:
                if frame.version < self.version:
                    self._fault(f"a heartbeat of {frame.version} at {self.version}")
                self._check_time(frame.data_time)
            case _:
                return

    def _take_snapshot(self, frame: frames.Snapshot) -> None:
        before, again = self.view, False
        if frame.epoch == self.epoch:
            if frame.version < self.version:
                self._fault(f"version {frame.version} after {self.version}")
            self._check_time(frame.view.data_time)
            again = frame.version == self.version
        self.view = View(frames.change_from(frame.view))
        self.epoch, self.version = frame.epoch, frame.version
        if again and before is not None and fingerprint(before) != fingerprint(self.view):
            self._fault(f"version {frame.version} again, with another view")
        self._check(frame.view)

    def _take_delta(self, frame: frames.Delta) -> None:
        resuming, self._resuming = self._resuming, False
        if frame.epoch != self.epoch or not frame.from_ <= self.version < frame.to:
            told = f"{frame.epoch} {frame.from_}-{frame.to}"
            self._fault(f"delta {told} at {self.epoch} {self.version}")
            return
        assert self.view is not None
        self._check_time(frame.view.data_time)
        self._findings.resumes += resuming and frame.to - frame.from_ > 1
        self.view.apply(frames.change_from(frame.view))
        self.version = frame.to
        self._check(frame.view)

    def _check_time(self, moment: datetime) -> None:
        if self.view is not None and moment < self.view.data_time:
            self._fault("the data time went back within an epoch")

    def _fault(self, sentence: str) -> None:
        self._findings.faults.append(sentence)

    def _check(self, columns: frames.Columns) -> None:
        """Every view adds up: cells to the server's totals, stores to drinks."""
        assert self.view is not None
        cube = self.view.cube
        if cube.totals() != columns.totals:
            self._fault(f"the cells at {self.version} do not add up to the totals")
        top = sorted((t.drink, t.orders, t.quantity, t.cents) for t in columns.top)
        ours = sorted((drink, *tally) for drink, tally in cube.top_drinks())
        if top != ours:
            self._fault(f"the top drinks at {self.version} are not those of the cells")
        if self.version % _EVERY == 0:
            self._findings.compare(self.epoch, self.version, fingerprint(self.view))


class Auditor:
    """Asks the server itself for its whole cube, to hold those of the watchers against it."""

    def __init__(self, url: str, findings: Findings) -> None:
        self._url = url
        self._findings = findings

    async def run(self) -> None:
        """Ask until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            while True:
                with suppress(*_BROKEN):
                    async with http.get(f"{self._url}/api/dashboard") as response:
                        if response.status == 200:
                            self._take(await response.read())
                await asyncio.sleep(_AUDIT_EVERY)

    def _take(self, body: bytes) -> None:
        frame = frames.decode_server_frame(body)
        assert isinstance(frame, frames.Snapshot)
        if frame.version % _EVERY == 0:
            view = View(frames.change_from(frame.view))
            self._findings.compare(frame.epoch, frame.version, fingerprint(view))
            self._findings.audits += 1


def fingerprint(view: View) -> int:
    """A number for what a dashboard shows: its cells, and its recent orders in their order."""
    recent = tuple(order.order_id.int for order in view.recent)
    return hash((frozenset(view.cube.cells()), recent))

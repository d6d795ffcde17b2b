"""Watchers of the dashboard: each checks every frame it receives, and all compare what they saw."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import aiohttp

from coffeert.cells import Cells
from coffeert.view import View
from coffeert.wire import frames

_EVERY = 5  # versions between two comparisons of whole pictures
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass
class Findings:
    """What all watchers of a run have seen; `faults` is empty where every frame was right."""

    faults: list[str] = field(default_factory=list)
    frames: int = 0
    resumes: int = 0
    compared: int = 0
    pictures: dict[tuple[str, int], int] = field(default_factory=dict)

    def compare(self, epoch: str, version: int, picture: int) -> None:
        """Hold one watcher's picture against what others saw at the same version."""
        known = self.pictures.setdefault((epoch, version), picture)
        if known != picture:
            self.faults.append(f"two watchers differ at {epoch} {version}")
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

    @property
    def cells(self) -> Cells:
        """The cells that it shows now."""
        return {} if self.view is None else dict(self.view.picture.cells())

    async def run(self) -> None:
        """Watch until cancelled."""
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    await self._follow(http)
                except _BROKEN:
                    await asyncio.sleep(0.05 + self._rng.random() * 0.2)

    async def _follow(self, http: aiohttp.ClientSession) -> None:
        query = {"epoch": self.epoch, "version": str(self.version)} if self.view else {}
        left = self._rng.randrange(5, 60) if self._restless else 1 << 60
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
                self._take(frames.decode_server_frame(message.data), resumed=bool(query))

    def _take(self, frame: frames.ServerFrame, *, resumed: bool) -> None:
        findings = self._findings
        findings.frames += 1
        match frame:
            case frames.Snapshot():
                if frame.epoch == self.epoch and frame.version < self.version:
                    findings.faults.append(f"version {frame.version} after {self.version}")
                self.view = View(frames.change_from(frame.view))
                self.epoch, self.version = frame.epoch, frame.version
                self._check(frame.view)
            case frames.Delta():
                if frame.epoch != self.epoch or not frame.from_ <= self.version < frame.to:
                    findings.faults.append(
                        f"delta {frame.epoch} {frame.from_}-{frame.to} at {self.epoch} {self.version}"
                    )
                    return
                assert self.view is not None
                if frame.view.data_time < self.view.data_time:
                    findings.faults.append("the data time went back within an epoch")
                findings.resumes += resumed and frame.to - frame.from_ > 1
                self.view.apply(frames.change_from(frame.view))
                self.version = frame.to
                self._check(frame.view)
            case _:
                return

    def _check(self, columns: frames.Columns) -> None:
        """Every picture adds up: cells to the server's totals, stores to drinks."""
        assert self.view is not None
        picture, findings = self.view.picture, self._findings
        if picture.totals() != columns.totals:
            findings.faults.append(f"the cells at {self.version} do not add up to the totals")
        top = sorted((t.drink, t.orders, t.quantity, t.cents) for t in columns.top)
        ours = sorted((drink, *tally) for drink, tally in picture.top_drinks())
        if top != ours:
            findings.faults.append(f"the top drinks at {self.version} are not those of the cells")
        if self.version % _EVERY == 0:
            cells = hash(frozenset(picture.cells()))
            findings.compare(self.epoch, self.version, cells)

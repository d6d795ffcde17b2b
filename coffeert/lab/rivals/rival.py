"""What a rival is to the lab: processes to start, kill and start again, and a way to send it orders."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import psutil

from coffeert.lab.rivals.counts import CountReader, Counts
from coffeert.lab.worker_process import wait_or_kill

_STOP_TIMEOUT_SECONDS = 10.0


class RivalSender(Protocol):
    """Sends orders to a rival and counts those that it has acknowledged."""

    acknowledged: int

    async def open(self) -> None:
        """Connect."""

    def send(self, order: bytes) -> None:
        """Send an order, a line of JSON."""

    def poll(self) -> None:
        """Do what is due each millisecond."""

    async def close(self) -> None:
        """Disconnect."""


class Rival(Protocol):
    """A system that does the job; `parts` are what can be killed, by name."""

    name: str
    version: str
    durable: str
    note: str
    parts: tuple[str, ...]

    def missing(self) -> str:
        """Return why it cannot run here, empty if it can."""

    async def prepare(self, directory: Path) -> None:
        """Do what is done once before any start, and so is no part of a cold start; raises `OSError`."""
        return  # most have nothing to do

    async def start(self, directory: Path, reader: CountReader) -> None:
        """Start everything, on an empty directory; raises `OSError` or `TimeoutError`."""

    async def kill(self, part: str) -> None:
        """Kill a part by SIGKILL, and start what then needs to be started again."""

    def processes(self) -> list[psutil.Process]:
        """Return all its processes."""

    def sender(self) -> RivalSender:
        """Return a sender that is not open yet."""

    async def counts(self) -> Counts | None:
        """Return the orders in its cells of each grain; `None`: those that it reports are all."""

    async def stop(self) -> None:
        """End all processes that were started."""


class ChildProcess:
    """A program of a rival, which can be started again; its output goes to a file of the directory."""

    def __init__(
        self, name: str, command: Sequence[str], directory: Path, environment: Mapping[str, str]
    ) -> None:
        self._command = command
        self._log = directory / f"{name}.log"
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment,
            )  # fmt: skip

    async def kill(self) -> None:
        """Kill it and its children at once."""
        assert self._process is not None
        for process in self.processes():
            process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await wait_or_kill(self._process, _STOP_TIMEOUT_SECONDS)

    def processes(self) -> list[psutil.Process]:
        if self._process is None:
            return []
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def program(name: str) -> tuple[str, ...]:
    """Return the command of a program below `programs/`."""
    return (sys.executable, "-m", f"coffeert.lab.rivals.programs.{name}")


def missing_packages(*names: str) -> str:
    """Say which packages of the extra `rivals` cannot be imported, empty if all can."""
    absent = [name for name in names if find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


async def wait_for_port(port: int, within: float = 30.0) -> None:
    """Wait until something listens on a port of loopback; raises `TimeoutError`."""
    async with asyncio.timeout(within):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

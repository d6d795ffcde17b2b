"""Worker processes: the load must not share an interpreter with what it measures.

A worker runs one function of the lab. It reads its job as one line of JSON, prepares, prints `ready`, goes
on when the parent writes a line, and prints its result as one line of JSON.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Generic, TypeVar, get_type_hints

import msgspec
import uvloop

from coffeert.errors import CoffeertError
from coffeert.interrupts import exit_on_interrupt

Job = TypeVar("Job", bound=msgspec.Struct)
Result = TypeVar("Result")

_LINE_LIMIT_BYTES = 64 * 1024 * 1024
_READY_TIMEOUT_SECONDS = 90.0
_RESULT_TIMEOUT_SECONDS = 600.0
_EXIT_TIMEOUT_SECONDS = 5.0


class WorkerFailed(CoffeertError):
    """A worker process of the lab ended before it gave its result."""


class Worker(Generic[Result]):
    """The parent's side of a running worker."""

    def __init__(self, process: asyncio.subprocess.Process, result: type[Result]) -> None:
        self._process = process
        self._result = result

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> None:
        """Wait until the worker has prepared; raises `WorkerFailed`."""
        await self._line(_READY_TIMEOUT_SECONDS)

    def resume(self, message: str = "") -> None:
        """Let the worker go on from where it waits, and give it a message of one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(message.encode() + b"\n")

    async def result(self) -> Result:
        """Wait for the result; raises `WorkerFailed`."""
        return msgspec.json.decode(await self._line(_RESULT_TIMEOUT_SECONDS), type=self._result)

    async def _line(self, within: float) -> bytes:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise WorkerFailed("A worker process of the lab failed; its output is above.")
        return line


class ParentPipe:
    """The worker's side: standard input and output, which lead to the parent."""

    async def ready(self) -> None:
        """Print `ready` and wait for the parent."""
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await self.wait()

    async def wait(self) -> str:
        """Wait until the parent writes a line, and return it; empty if the parent has exited."""
        line: str = await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        return line.rstrip("\n")


@asynccontextmanager
async def start_worker(
    run: Callable[[Job, ParentPipe], Awaitable[Result]], job: Job
) -> AsyncIterator[Worker[Result]]:
    """Run a module-level function in a process of its own, which ends with the block at the latest."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, run.__module__, run.__qualname__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_LIMIT_BYTES,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(job) + b"\n")
    try:
        yield Worker(process, get_type_hints(run)["return"])
    finally:
        process.stdin.close()
        await wait_or_kill(process, _EXIT_TIMEOUT_SECONDS)


async def wait_or_kill(process: asyncio.subprocess.Process, seconds: float) -> None:
    """Wait for a process to exit, and kill it after some seconds."""
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def run_worker(run: Callable[[Job, ParentPipe], Awaitable[Result]], job: Job) -> Result:
    """Run a worker that needs nothing of its parent once it is ready, and return its result."""
    async with start_worker(run, job) as worker:
        await worker.ready()
        worker.resume()
        return await worker.result()


def _main(module: str, name: str) -> None:
    exit_on_interrupt()  # Ctrl-C reaches all processes of a terminal, and the lab reports it
    run = getattr(import_module(module), name)
    job = msgspec.json.decode(sys.stdin.readline(), type=get_type_hints(run)["job"])
    result = uvloop.run(run(job, ParentPipe()))
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])

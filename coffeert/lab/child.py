"""Helper processes: the load must not share an interpreter with what it measures.

A child reads its job as one line of JSON, prepares, says `ready`, begins at `go`, and prints its result
as one line of JSON. Both sides are here, so that the protocol is in one place.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import msgspec
import uvloop

from coffeert.errors import CoffeertError

Job = TypeVar("Job", bound=msgspec.Struct)
Result = TypeVar("Result", bound=msgspec.Struct)

_LINE_LIMIT = 64 * 1024 * 1024
_READY_TIMEOUT = 90.0
_RESULT_TIMEOUT = 600.0
_LEAVE_TIMEOUT = 5.0


class ChildFailed(CoffeertError):
    """A helper process of the lab ended before it gave its result."""


class Child(Generic[Result]):
    """The parent's side: a running helper."""

    def __init__(self, process: asyncio.subprocess.Process, result: type[Result]) -> None:
        self._process = process
        self._result = result

    @property
    def pid(self) -> int:
        """The helper's process id."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until the helper has prepared; raises `ChildFailed`."""
        await self._line(_READY_TIMEOUT)

    def tell(self, word: str = "go") -> None:
        """Say that it may begin, or go on."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")

    async def result(self) -> Result:
        """Wait for the result; raises `ChildFailed`."""
        return msgspec.json.decode(await self._line(_RESULT_TIMEOUT), type=self._result)

    async def _line(self, within: float) -> bytes:
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise ChildFailed("A helper process of the lab failed; its words are above.")
        return line


@asynccontextmanager
async def child(
    module: str, job: msgspec.Struct, result: type[Result]
) -> AsyncIterator[Child[Result]]:
    """Start `python -m module` with a job, and end it at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE_LIMIT,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(job) + b"\n")
    try:
        yield Child(process, result)
    finally:
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_LEAVE_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


class Gate:
    """The child's side: says `ready` and hears what the parent says."""

    async def ready(self) -> None:
        """Say `ready` and wait for the parent's next word."""
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await self.word()

    async def word(self) -> str:
        """Wait for a word; empty when the parent has gone."""
        loop = asyncio.get_running_loop()
        line: str = await loop.run_in_executor(None, sys.stdin.readline)
        return line.strip()


def serve(job: type[Job], run: Callable[[Job, Gate], Awaitable[msgspec.Struct]]) -> None:
    """Be a child: read the job, run it, print the result, and stay until the parent lets go."""
    given = msgspec.json.decode(sys.stdin.readline(), type=job)

    async def main() -> None:
        result = await run(given, Gate())
        sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
        sys.stdout.flush()

    uvloop.run(main())

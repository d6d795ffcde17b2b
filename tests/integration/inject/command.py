"""The command as a user runs it: another process."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from coffeert.inject import InjectionReport


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def report(self) -> InjectionReport:
        """Read standard output, which must be one JSON object and nothing else."""
        return msgspec.json.decode(self.out, type=InjectionReport)


Settings = Mapping[str, str]


async def started(
    *arguments: str, settings: Settings = MappingProxyType({}), stdin: int = DEVNULL
) -> Process:
    """Start `coffeert ...` with settings in its environment."""
    clean = {name: value for name, value in os.environ.items() if "COFFEERT_" not in name}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "coffeert",
        *arguments,
        stdin=stdin,
        stdout=PIPE,
        stderr=PIPE,
        env=clean | {f"COFFEERT_{name.upper()}": value for name, value in settings.items()},
    )


async def ended(process: Process, data: bytes | None = None) -> Ended:
    """Wait for the end."""
    async with asyncio.timeout(60):
        out, err = await process.communicate(data)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def run(
    *arguments: str, settings: Settings = MappingProxyType({}), data: bytes | None = None
) -> Ended:
    """Run `coffeert ...` to its end."""
    stdin = DEVNULL if data is None else PIPE
    return await ended(await started(*arguments, settings=settings, stdin=stdin), data)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Process]:
    """Run `coffeert serve` until it is killed or the block ends; gives it once it serves."""
    process = await started("serve", settings=settings)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
            while b"coffeert serves" not in line:
                assert line, (await process.communicate())[1].decode()
                line = await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await ended(process)

"""The command as a user runs it: another process."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from tests.end_to_end.processes import Ended, Shell

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
    """Run `coffeert ...` to its end: forked, or executed if it is given an input."""
    if data is not None:
        return await ended(await started(*arguments, settings=settings, stdin=PIPE), data)
    with TemporaryDirectory() as directory, closing(Shell(Path(directory), settings)) as shell:
        return await shell.run(*arguments)


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

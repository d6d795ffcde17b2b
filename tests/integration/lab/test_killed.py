"""A lab that is killed leaves no server and no file behind."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from coffeert.interrupts import INTERRUPTED
from coffeert.lab.worker_process import ParentPipe
from tests.waiting import eventually

_RUN = """
import asyncio, json
from coffeert.lab.environment import open_environment

async def main(environment):
    async with environment.database() as url, environment.server(url, workers=2) as server:
        pids = [process.pid for process in (
            *server.processes(), *environment.postgres_processes(), *environment.redis_processes()
        )]
        print(json.dumps({"directory": str(environment.directory), "pids": pids}), flush=True)
        await asyncio.sleep(600)

with open_environment() as environment:
    asyncio.run(main(environment))
"""


@pytest.mark.long
async def test_killing_the_lab_ends_its_servers() -> None:
    lab = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _RUN, stdout=asyncio.subprocess.PIPE
    )
    assert lab.stdout is not None
    try:
        run = json.loads(await lab.stdout.readline())
    finally:
        lab.kill()
        await lab.wait()
    assert len(run["pids"]) >= 5  # a server, its workers, PostgreSQL and Valkey
    await eventually(lambda: not any(map(_alive, run["pids"])))
    await eventually(lambda: not Path(run["directory"]).exists())


class NoJob(msgspec.Struct):
    """Nothing to do."""


async def wait_for_parent(job: NoJob, parent: ParentPipe) -> str:
    await parent.ready()
    return await parent.wait()


async def test_ctrl_c_ends_a_worker_without_a_traceback() -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coffeert.lab.worker_process", __name__, wait_for_parent.__name__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(b"{}\n")
    try:
        assert await worker.stdout.readline() == b"ready\n"
        worker.send_signal(signal.SIGINT)
        _, said = await worker.communicate()
    finally:
        if worker.returncode is None:
            worker.kill()
    assert worker.returncode == INTERRUPTED
    assert said == b""


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

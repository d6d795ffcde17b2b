"""The demo's server: a `coffeert serve` of its own, started again if it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from coffeert.cli.demo_data import DemoFailed
from coffeert.client.url import parse_server_url

_READY: Final = b" serves "
_START_TIMEOUT_SECONDS: Final = 30.0
_STOP_TIMEOUT_SECONDS: Final = 15.0


class DemoServer:
    """A server on a data directory; an async context manager, which starts and stops it.

    It takes `port` if it is free, or else another one, and keeps that. Its errors go to `log`.
    """

    def __init__(self, data_dir: Path, port: int, log: Path) -> None:
        self._data_dir = data_dir
        self._port = port
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self.url = ""
        self.took_other_port = False

    @property
    def pid(self) -> int | None:
        """The process id of the server that serves now."""
        return None if self._process is None or not self._ready.is_set() else self._process.pid

    async def __aenter__(self) -> DemoServer:
        if self._port and not _is_free(self._port):
            self._port, self.took_other_port = 0, True
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_SECONDS):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()

    async def keep_running(self) -> None:
        """Start the server again whenever it dies; raises `DemoFailed` if it does not start."""
        while True:
            assert self._process is not None
            await self._process.wait()
            self._ready.clear()
            await self._start()

    def kill(self) -> int:
        """Kill the server without a chance to clean up, and return its process id."""
        assert self._process is not None
        self._ready.clear()
        pid = self._process.pid
        os.kill(pid, signal.SIGKILL)
        return pid

    async def ready(self) -> None:
        """Wait until the server serves."""
        await self._ready.wait()

    async def _start(self) -> None:
        self._process = await self._launch()
        assert self._process.stdout is not None
        line = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_TIMEOUT_SECONDS):
                line = await self._process.stdout.readline()
        if _READY not in line:
            raise DemoFailed(f"The server did not start; its log is {self._log}.")
        self.url = line.split(_READY)[1].split()[0].decode()
        self._port = parse_server_url(self.url).port or self._port
        self._ready.set()

    async def _launch(self) -> asyncio.subprocess.Process:
        command = ("serve", "--port", str(self._port), "--data-dir", str(self._data_dir))
        with self._log.open("ab") as errors:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "coffeert",
                *command,
                "--attended",
                # If this process is killed, the end of its input ends the child.
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                # Made-up orders must not reach the databases of the user's own settings.
                env={k: v for k, v in os.environ.items() if not k.startswith("COFFEERT_")},
                cwd=self._log.parent,
                # Ctrl-C goes to this process alone, which stops the others in order.
                start_new_session=True,
            )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server does: connections of an earlier one that are being closed do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

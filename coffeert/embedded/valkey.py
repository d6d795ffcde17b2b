"""A Valkey server on a Unix socket, without persistence."""

from __future__ import annotations

from signal import Signals
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from coffeert.embedded.binaries import VALKEY
from coffeert.embedded.daemon import Daemon, reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from coffeert.embedded.data_directory import DataDirectory
    from coffeert.embedded.lease import FileLock

SETTINGS: Mapping[str, str] = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",  # a cache: PostgreSQL holds everything that must last
    "appendonly": "no",
    "daemonize": "no",
    "loglevel": "notice",
}


class ValkeyServer(Daemon):
    """A Valkey; `program` is the wheel's, unless another is given."""

    name: ClassVar[str] = "valkey"
    title: ClassVar[str] = "Valkey"

    def __init__(
        self,
        directory: Path | DataDirectory,
        *,
        settings: Mapping[str, str] | None = None,
        program: Path | None = None,
    ) -> None:
        super().__init__(directory, settings=settings)
        self._program = program

    @property
    def url(self) -> str:
        """The URL of database 0, for redis-py."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def program(self) -> Path:
        return self._program or VALKEY.programs(self.directory) / "valkey-server"

    def stop(self) -> None:
        """Stop the server if it runs, and return when no process of it is left."""
        self._stop(self._stop_signals())

    def _prepare(self, lock: FileLock) -> None:
        self.directory.make_sockets()
        self._pid_file.unlink(missing_ok=True)
        self._socket.unlink(missing_ok=True)

    def _command(self) -> Sequence[str | Path]:
        settings = {
            **SETTINGS,
            "dir": str(self.directory.sockets),
            "unixsocket": str(self._socket),
            "pidfile": str(self._pid_file),
            **self.settings,
        }
        options = [word for key, value in settings.items() for word in (f"--{key}", value)]
        return [self.program, *options]

    def _answers(self) -> bool:
        return reply(self._socket, b"PING\r\n").startswith(b"+PONG")

    def _stop_signals(self) -> Sequence[tuple[Signals, float]]:
        return [(Signals.SIGTERM, 10.0), (Signals.SIGKILL, 5.0)]

    @property
    def _pid_file(self) -> Path:
        return self.directory.sockets / "valkey.pid"

    @property
    def _socket(self) -> Path:
        return self.directory.sockets / "valkey.sock"

"""The embedded servers listen on private sockets only, according to the kernel."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from coffeert.embedded import embedded_services
from tests.integration.embedded.conftest import Pair

_SOCKET = re.compile(r"socket:\[(\d+)\]")
_INTERNET = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6")


@pytest.fixture
def running(data_dir: Path, pair: Pair) -> Iterator[Pair]:
    """Both servers, running."""
    with embedded_services(data_dir):
        yield pair


def test_no_socket_of_theirs_is_of_the_internet(running: Pair) -> None:
    for server in running.pids:
        family = _family(server)
        inodes = {inode for pid in family for inode in _sockets(pid)}
        tables = {kind: Path(f"/proc/{server}/net", kind) for kind in _INTERNET}
        for kind, table in tables.items():
            if table.exists():
                assert not inodes & _inodes(table, column=9), (server, kind)
        # Its sockets were looked at, not missed: it does listen, on paths of the file system.
        assert inodes & _inodes(Path(f"/proc/{server}/net/unix"), column=6)


def test_every_path_that_they_listen_on_is_in_the_private_directory(running: Pair) -> None:
    sockets = running.postgres.directory.sockets
    uid = running.postgres.directory.account.uid
    for server in running.pids:
        paths = _listening_paths(server)
        assert len(paths) == 1
        for path in paths:
            assert path.parent == sockets
            assert _mode(path) == 0o700
            assert path.stat().st_uid == uid
    assert _mode(sockets) == 0o700
    assert sockets.stat().st_uid == uid


def test_they_say_so_themselves(running: Pair) -> None:
    assert running.query("SHOW listen_addresses") == ""
    assert running.query("SHOW unix_socket_permissions") == "0700"
    assert running.query("SHOW unix_socket_directories") == str(running.postgres.directory.sockets)
    with Redis.from_url(running.valkey.url) as redis:
        settings = redis.config_get("port", "tls-port", "unixsocket", "unixsocketperm")
    assert settings["port"] == "0"
    assert settings["tls-port"] == "0"
    assert Path(settings["unixsocket"]).parent == running.valkey.directory.sockets
    assert settings["unixsocketperm"] == "700"


def _family(pid: int) -> list[int]:
    server = psutil.Process(pid)
    return [pid, *(child.pid for child in server.children(recursive=True))]


def _sockets(pid: int) -> Iterator[int]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = _SOCKET.fullmatch(str(entry.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
        if found:
            yield int(found[1])


def _inodes(table: Path, *, column: int) -> set[int]:
    lines = table.read_text().splitlines()[1:]
    return {int(line.split()[column]) for line in lines}


def _listening_paths(pid: int) -> set[Path]:
    """The paths of the Unix sockets that a process accepts connections on."""
    own = set(_sockets(pid))
    accepts = 0x10000  # __SO_ACCEPTCON, in the column of flags
    found = set()
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        words = line.split(maxsplit=7)
        if int(words[6]) in own and int(words[3], 16) & accepts:
            found.add(Path(words[7]))
    return found


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)

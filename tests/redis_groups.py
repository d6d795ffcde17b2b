"""Redis as it runs in production: a primary and a replica watched by Sentinels, and a cluster.

From the embedded Valkey's binary, or the one that `COFFEERT_TEST_REDIS` names.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from coffeert.embedded.binaries import VALKEY
from tests.ports import free_port
from tests.waiting import wait_until

SERVICE = "coffee"
_SLOT = key_slot(b"{coffeert}:")
_SETTINGS = {
    "save": "",
    "appendonly": "no",
    "daemonize": "no",
    "repl-diskless-sync-delay": "0",
    "repl-ping-replica-period": "1",
}
_SENTINEL = (Path(__file__).parents[1] / "deploy" / "ha" / "sentinel.conf").read_text()


def _program(*, tls: bool) -> str:
    wheel = str(next(VALKEY.installed.glob(VALKEY.probe)))
    found = os.environ.get("COFFEERT_TEST_REDIS") or (
        shutil.which("redis-server") if tls else wheel
    )
    if not found:
        pytest.skip("needs a Redis with TLS, which the wheel's Valkey lacks: redis-server")
    return found


class RedisProcess:
    """A server, or a Sentinel, on a port of its own; `login` is how tests log in."""

    def __init__(
        self, directory: Path, *arguments: str, port: int, login: Mapping[str, Any] | None = None
    ) -> None:
        self.port = port
        self._login = {"socket_timeout": 2, **(login or {})}
        self._program = _program(tls="ssl" in self._login)
        self._directory = directory
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, *self._arguments], cwd=self._directory, stdout=log, stderr=log
            )
        process = self._process
        wait_until(lambda: self.answers() or process.poll() is not None, within=30)
        assert process.poll() is None, (self._directory / "log").read_text()[-1000:]

    def answers(self) -> bool:
        """Whether it takes commands."""
        with suppress(RedisError, OSError), self.client() as client:
            return bool(client.ping())
        return False

    def client(self) -> Redis:
        """A client that is not ours."""
        return Redis("127.0.0.1", self.port, **self._login)

    def ask(self, *command: str | int) -> Any:
        """Run a command."""
        with self.client() as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        """End it at once."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    @property
    def role(self) -> str:
        """`master` or `slave`; nothing if it does not answer."""
        with suppress(RedisError, OSError):
            return str(self.ask("INFO", "replication")["role"])
        return ""


class RedisGroup:
    """Servers of which one has our keys, and the URL by which it is found."""

    def __init__(self, url: str, servers: Sequence[RedisProcess]) -> None:
        self.url = url
        self.servers = servers

    def owner(self) -> RedisProcess:
        """The server that has our keys now."""
        return next(server for server in self.servers if self._owns(server))

    def healthy(self) -> bool:
        """Whether our keys have a server, and that a replica which has caught up."""
        owners = [server for server in self.servers if self._owns(server)]
        if len(owners) != 1:
            return False
        replicas = owners[0].ask("INFO", "replication").get("slave0", {})
        return bool(replicas) and replicas["state"] == "online"

    def _owns(self, server: RedisProcess) -> bool:
        return server.role == "master"


class RedisCluster(RedisGroup):
    """The same of a cluster, in which most servers have other keys."""

    def healthy(self) -> bool:
        """Whether every slot has a server as well, and all agree on it."""
        views = [_slots(server) for server in self.servers]
        return all(view == views[0] for view in views) and bool(views[0]) and super().healthy()

    def _owns(self, server: RedisProcess) -> bool:
        with suppress(RedisError, OSError):
            return any(
                first <= _SLOT <= last and server.port == owner
                for first, last, owner in _slots(server)
            )
        return False


def _slots(server: RedisProcess) -> list[tuple[int, int, int]]:
    with suppress(RedisError, OSError), server.client() as client:
        if client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            return []
        client.set_response_callback("CLUSTER SLOTS", lambda answer, **_: answer)
        rows = client.execute_command("CLUSTER SLOTS")
        return sorted((row[0], row[1], row[2][1]) for row in rows)
    return []


@contextmanager
def watched_by_sentinels(
    directory: Path,
    *,
    config: Path | None = None,
    scheme: str = "redis+sentinel",
    user: str = "",
    query: str = "",
    settings: Mapping[str, str] = MappingProxyType({}),
    sentinel_lines: str = "",
    login: Mapping[str, Any] = MappingProxyType({}),
    sentinel_login: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[RedisGroup]:
    """A primary, a replica and three Sentinels that have found each other.

    `config` is a file with settings of the servers, `settings` are further ones.
    """
    first, second, *sentinel_ports = (free_port() for _ in range(5))
    servers = [
        RedisProcess(
            _made(directory / str(port), config),
            *(["redis.conf"] if config else []),
            *_options({**settings, **_ports(port, settings)}, more),
            port=port,
            login=login,
        )
        for port, more in ((first, {}), (second, {"replicaof": f"127.0.0.1 {first}"}))
    ]
    sentinels = []
    for port in sentinel_ports:
        own = _made(directory / str(port))
        text = _SENTINEL.replace("@HOST@", "127.0.0.1").replace("@PORT@", str(first))
        text += f"port {port}\ndir {own}\n"
        (own / "sentinel.conf").write_text(text + sentinel_lines.format(port=port, service=SERVICE))
        sentinels.append(
            RedisProcess(own, "sentinel.conf", "--sentinel", port=port, login=sentinel_login)
        )
    nodes = ",".join(f"127.0.0.1:{port}" for port in sentinel_ports)
    group = RedisGroup(f"{scheme}://{user}{nodes}/{SERVICE}/0{query}", servers)
    with _running([*servers, *sentinels]):
        wait_until(group.healthy, within=30)
        wait_until(lambda: all(map(_knows_the_others, sentinels)), within=30)
        yield group


def _knows_the_others(sentinel: RedisProcess) -> bool:
    with sentinel.client() as client:
        fields: Any = client.sentinel_master(SERVICE)
    return (fields["num-other-sentinels"], fields["num-slaves"]) == (2, 1)


@contextmanager
def cluster_of_three(directory: Path) -> Iterator[RedisCluster]:
    """A cluster of three primaries with a replica each; the URL names two of its nodes."""
    ports = [free_port() for _ in range(6)]
    bus_ports = [free_port() for _ in range(6)]
    servers = [
        RedisProcess(
            _made(directory / str(port)),
            *_options(
                {
                    "port": str(port),
                    "cluster-port": str(bus_port),
                    "cluster-enabled": "yes",
                    "cluster-node-timeout": "1000",
                }
            ),
            port=port,
        )
        for port, bus_port in zip(ports, bus_ports, strict=True)
    ]
    group = RedisCluster(f"redis+cluster://127.0.0.1:{ports[0]},127.0.0.1:{ports[3]}", servers)
    with _running(servers):
        ids = [str(server.ask("CLUSTER", "MYID"), "ascii") for server in servers]
        for server, (start, end) in zip(
            servers, ((0, 5460), (5461, 10922), (10923, 16383)), strict=False
        ):
            server.ask("CLUSTER", "ADDSLOTSRANGE", start, end)
        for epoch, (server, bus_port) in enumerate(zip(servers, bus_ports, strict=True), 1):
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", epoch)
            servers[0].ask("CLUSTER", "MEET", "127.0.0.1", server.port, bus_port)
        wait_until(
            lambda: all(_known_nodes(server) == len(servers) for server in servers), within=30
        )
        for replica, primary in zip(servers[3:], ids[:3], strict=True):
            replica.ask("CLUSTER", "REPLICATE", primary)
        wait_until(group.healthy, within=30)
        yield group


def _known_nodes(server: RedisProcess) -> int:
    return int(server.ask("CLUSTER INFO")["cluster_known_nodes"])


def _ports(port: int, settings: Mapping[str, str]) -> dict[str, str]:
    return (
        {"port": "0", "tls-port": str(port)} if "tls-cert-file" in settings else {"port": str(port)}
    )


def _options(
    settings: Mapping[str, str], more: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    chosen = {**_SETTINGS, **settings, **more}
    return [word for name, value in chosen.items() for word in (f"--{name}", *value.split(" "))]


def _made(directory: Path, config: Path | None = None) -> Path:
    directory.mkdir()
    if config is not None:
        shutil.copy(config, directory / "redis.conf")
    return directory


@contextmanager
def _running(processes: Sequence[RedisProcess]) -> Iterator[None]:
    with ExitStack() as stack:
        for process in processes:
            stack.callback(process.kill)
            process.start()
        yield

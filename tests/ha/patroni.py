"""Three PostgreSQL nodes under Patroni, with three etcd, as `deploy/ha/patroni.yml` says."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.ha.programs import ACCOUNT, Program, postgres_programs, running
from tests.ports import free_port
from tests.waiting import wait_until

DEPLOY = Path(__file__).parents[2] / "deploy" / "ha"
_WITHIN = 180.0  # seconds to be whole again


class Node:
    """A PostgreSQL and its Patroni."""

    def __init__(self, name: str, directory: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.port, self.api_port = free_port(), free_port()
        self.data = directory / name
        address = {
            "PATRONI_NAME": name,
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{self.api_port}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{self.api_port}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.data),
            "PATRONI_POSTGRESQL_PGPASS": str(directory / f"{name}.pgpass"),
            "PATRONI_POSTGRESQL_BIN_DIR": str(postgres_programs()),
        }
        self.patroni = Program(
            name,
            directory,
            [str(shutil.which("patroni")), directory / "patroni.yml"],
            environment={**environment, **address},
            account=ACCOUNT,
        )

    def kill_postgres(self) -> None:
        """Kill PostgreSQL's first process; the others end with it."""
        with suppress(OSError, ValueError):
            pid = int((self.data / "postmaster.pid").read_text().partition("\n")[0])
            if pid > 1:
                os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill Patroni and its PostgreSQL, as if the machine were lost."""
        self.patroni.kill()
        self.kill_postgres()

    def stop(self) -> None:
        """End both, whichever of them runs."""
        self.patroni.stop()
        self.kill_postgres()


class PatroniCluster:
    """The nodes, and what Patroni says of them."""

    def __init__(self, nodes: list[Node], password: str) -> None:
        self.nodes = nodes
        self.password = password

    def primary(self) -> Node:
        """The node whose PostgreSQL is the primary."""
        leading = [member["name"] for member in self._members() if member["role"] == "leader"]
        return next(node for node in self.nodes if node.name in leading)

    def settings(self) -> dict[str, Any]:
        """The settings that all nodes share."""
        return self._ask("config")

    def set_synchronous(self, *, on: bool) -> None:
        """Let commits wait for a standby, or not."""
        self._ask("config", {"synchronous_mode": on})
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """Wait until there are a primary and two standbys that stream."""
        try:
            wait_until(self._whole, within=_WITHIN)
        except AssertionError:
            raise AssertionError(f"not whole within {_WITHIN:g} s: {self._members()}") from None

    def _whole(self) -> bool:
        with suppress(OSError):
            return self._follows()
        return False

    def _follows(self) -> bool:
        members = self._members()
        if len(members) < len(self.nodes):
            return False
        roles = sorted(member["role"] for member in members)
        synchronous = self.settings().get("synchronous_mode", False)
        wanted = ["leader", "replica", "sync_standby" if synchronous else "replica"]
        timelines = {member.get("timeline") for member in members}
        lag = all(member.get("lag", 0) == 0 for member in members)
        states = {member["state"] for member in members}
        return (
            roles == wanted and len(timelines) == 1 and lag and states <= {"running", "streaming"}
        )

    def _members(self) -> list[dict[str, Any]]:
        with suppress(OSError, ValueError, StopIteration):
            return list(self._ask("cluster")["members"])
        return []

    def _ask(self, path: str, change: object = None) -> dict[str, Any]:
        data = None if change is None else json.dumps(change).encode()
        error: OSError | None = None
        for node in self.nodes:
            request = urllib.request.Request(
                f"http://127.0.0.1:{node.api_port}/{path}",
                data,
                {"Content-Type": "application/json"},
                method="GET" if data is None else "PATCH",
            )
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    found: dict[str, Any] = json.load(answer)
                    return found
            except OSError as refused:
                error = refused
        assert error is not None
        raise error


def _etcd(directory: Path) -> tuple[list[Program], str]:
    ports = [(free_port(), free_port()) for _ in range(3)]
    cluster = ",".join(
        f"etcd{number}=http://127.0.0.1:{peer}" for number, (_, peer) in enumerate(ports)
    )
    programs = [
        Program(
            f"etcd{number}",
            directory,
            [
                str(shutil.which("etcd")),
                *("--name", f"etcd{number}", "--data-dir", directory / f"etcd{number}"),
                *("--listen-client-urls", f"http://127.0.0.1:{client}"),
                *("--advertise-client-urls", f"http://127.0.0.1:{client}"),
                *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
                *("--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"),
                *("--initial-cluster", cluster, "--logger", "zap", "--log-level", "warn"),
            ],
        )
        for number, (client, peer) in enumerate(ports)
    ]
    return programs, ",".join(f"127.0.0.1:{client}" for client, _ in ports)


@contextmanager
def patroni_cluster(directory: Path) -> Iterator[PatroniCluster]:
    """Run etcd, Patroni and PostgreSQL; everything is ended afterwards."""
    shutil.copy(DEPLOY / "patroni.yml", directory)
    password = secrets.token_hex(8)
    etcd, hosts = _etcd(directory)
    environment = {
        "PATRONI_ETCD3_HOSTS": hosts,
        "PATRONI_SUPERUSER_USERNAME": "postgres",
        "PATRONI_SUPERUSER_PASSWORD": password,
        "PATRONI_REPLICATION_USERNAME": "replicator",
        "PATRONI_REPLICATION_PASSWORD": password,
    }
    owned = directory / "postgres"
    owned.mkdir(mode=0o700)
    shutil.copy(DEPLOY / "patroni.yml", owned)
    if os.geteuid() == 0:
        shutil.chown(owned, ACCOUNT, ACCOUNT)
        shutil.chown(owned / "patroni.yml", ACCOUNT, ACCOUNT)
    with running(*etcd):
        nodes = [Node(f"pg{number}", owned, environment) for number in (1, 2, 3)]
        cluster = PatroniCluster(nodes, password)
        try:
            for node in nodes:
                node.patroni.start()
            cluster.wait_until_whole()
            yield cluster
        finally:
            for node in nodes:
                node.stop()

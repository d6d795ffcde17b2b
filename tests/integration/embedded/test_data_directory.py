"""Data directories of every kind, and errors that say what is wrong with one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from coffeert.embedded import PostgresServer, embedded_services
from coffeert.embedded.data_directory import DataDirectory
from coffeert.embedded.service_account import Account
from coffeert.errors import EmbeddedError
from tests.integration.embedded.conftest import Pair

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    "name",
    ["café ☕ at 50% & more=?#", "one,two", "long/" + "x" * 120],
    ids=["any character", "comma", "too long for a socket"],
)
async def test_a_path_of_any_kind_works(fresh_dir: Path, name: str) -> None:
    place = fresh_dir / name
    with embedded_services(place) as services:
        connection = await asyncpg.connect(services.database_url)
        try:
            assert await connection.fetchval("SELECT current_database()") == "coffeert"
        finally:
            await connection.close()
        with Redis.from_url(services.redis_url) as redis:
            assert redis.ping()
        pair = Pair.of(place)
        assert pair.query("SELECT 1") == "1"
    assert pair.running == (False, False)
    assert not pair.postgres.directory.sockets.exists() or (place / "run").is_dir()


def test_the_addresses_are_found_again_with_another_temporary_directory(
    fresh_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = fresh_dir / ("x" * 120)
    with embedded_services(place) as first:
        monkeypatch.setattr("tempfile.tempdir", str(fresh_dir))
        with embedded_services(place) as second:
            assert second == first


def test_a_socket_directory_that_others_may_write_is_refused(fresh_dir: Path) -> None:
    place = fresh_dir / ("x" * 120)
    sockets = PostgresServer(place).directory.sockets
    sockets.mkdir()
    sockets.chmod(0o777)
    try:
        with (
            pytest.raises(EmbeddedError, match="not a private directory"),
            embedded_services(place),
        ):
            pass
    finally:
        sockets.rmdir()


def test_a_read_only_file_system_is_named(fresh_dir: Path) -> None:
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", str(fresh_dir)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("this account may not mount anything")
    try:
        for place in (fresh_dir, fresh_dir / "data"):
            with pytest.raises(EmbeddedError, match="read-only file system"):
                DataDirectory.at(place)
    finally:
        subprocess.run(["umount", str(fresh_dir)], check=True)


def test_only_the_owner_may_reach_the_servers(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir):
        sockets = pair.postgres.directory.sockets
        for path in (sockets, *filter(Path.is_socket, sockets.iterdir())):
            assert path.stat().st_mode & 0o077 == 0
            assert path.stat().st_uid == pair.postgres.directory.account.uid


def test_data_of_another_major_version_are_refused_and_kept(fresh_dir: Path) -> None:
    with embedded_services(fresh_dir, valkey=False):
        pass
    version = fresh_dir / "postgres" / "PG_VERSION"
    version.write_text("9.6\n")
    with (
        pytest.raises(EmbeddedError, match=r"written by PostgreSQL 9\.6"),
        embedded_services(fresh_dir),
    ):
        pass
    assert version.read_text() == "9.6\n"


def test_a_directory_that_is_no_cluster_is_refused(fresh_dir: Path) -> None:
    place = fresh_dir / "postgres"
    place.mkdir()
    PostgresServer(fresh_dir).directory.account.take(place)
    with (
        pytest.raises(EmbeddedError, match="is not PostgreSQL's data"),
        embedded_services(fresh_dir),
    ):
        pass


def test_a_failing_start_says_why_and_where_its_log_is(fresh_dir: Path) -> None:
    server = PostgresServer(fresh_dir, settings={"shared_buffers": "many"}, sync=False)
    with pytest.raises(EmbeddedError) as refusal:
        server.start()
    assert 'invalid value for parameter "shared_buffers": "many"' in str(refusal.value)
    assert str(fresh_dir / "log" / "postgres.log") in str(refusal.value)
    assert not server.is_running()


def test_a_failing_start_leaves_no_other_server_behind(fresh_dir: Path, fresh_pair: Pair) -> None:
    with embedded_services(fresh_dir):
        pass
    configuration = fresh_dir / "postgres" / "postgresql.conf"
    configuration.write_text("nonsense\n")
    with (
        pytest.raises(EmbeddedError, match="PostgreSQL did not start"),
        embedded_services(fresh_dir),
    ):
        pass
    assert fresh_pair.running == (False, False)


def test_a_server_that_someone_else_started_is_left_alone(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir, valkey=False):
        pass
    directory = pair.postgres.directory
    sockets = ["-c", f"unix_socket_directories={directory.sockets}", "-c", "listen_addresses="]
    control = [str(pair.postgres.program("pg_ctl")), "-D", str(directory.cluster), "-w"]
    assert directory.account.run([*control, "-o", " ".join(sockets), "start"]) == 0
    try:
        with pytest.raises(EmbeddedError, match="did not start it"), embedded_services(data_dir):
            pass
        assert pair.query("SELECT 1") == "1"
    finally:
        assert directory.account.run([*control, "stop"]) == 0


def test_logs_do_not_grow_with_the_number_of_starts(fresh_dir: Path) -> None:
    for _ in range(3):
        with embedded_services(fresh_dir):
            pass
    names = {path.name for path in (fresh_dir / "log").iterdir()}
    assert names == {
        "initdb.log", "postgres.log", "postgres.log.1", "valkey.log", "valkey.log.1",
    }  # fmt: skip
    assert (fresh_dir / "log" / "postgres.log").read_text().count("starting PostgreSQL") == 1


@pytest.mark.parametrize("below", ["", "data"])
def test_a_file_in_the_place_of_the_data_directory_is_reported(fresh_dir: Path, below: str) -> None:
    place = fresh_dir / "file"
    place.touch()
    with (
        pytest.raises(EmbeddedError, match=f"^{place} is not a directory"),
        embedded_services(place / below),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter any directory")
def test_a_directory_that_we_may_not_enter_is_reported(fresh_dir: Path) -> None:
    closed = fresh_dir / "closed"
    closed.mkdir(mode=0o600)  # can be listed and removed, but not entered
    with pytest.raises(EmbeddedError, match="may not enter"), embedded_services(closed / "data"):
        pass


def test_a_short_path_keeps_its_sockets_inside() -> None:
    account = Account(1, 1, "someone", drops=False)
    for place in (Path("/data"), Path("/data/with a space/é")):
        assert DataDirectory(place, account).sockets == place / "run"

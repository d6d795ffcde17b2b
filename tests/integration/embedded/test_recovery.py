"""After any process was killed, the next one finds or starts servers that work."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coffeert.embedded import daemon, embedded_services
from tests.integration.embedded.holder import Holder
from tests.waiting import wait_until

if TYPE_CHECKING:
    from tests.integration.embedded.conftest import Pair

pytestmark = pytest.mark.long


def test_the_servers_of_a_killed_owner_are_found_and_then_stopped(
    data_dir: Path, pair: Pair
) -> None:
    owner = Holder(data_dir)
    owner.wait_attached()
    started = pair.pids
    owner.kill()
    assert pair.pids == started
    with embedded_services(data_dir):
        assert pair.pids == started
    assert pair.running == (False, False)


def test_a_killed_process_has_no_lease(data_dir: Path, pair: Pair) -> None:
    owner, other = Holder(data_dir), Holder(data_dir)
    owner.wait_attached()
    other.wait_attached()
    owner.kill()
    other.leave()
    assert pair.running == (False, False)


def test_everything_killed_at_once_keeps_what_was_committed(data_dir: Path, pair: Pair) -> None:
    owner = Holder(data_dir)
    owner.wait_attached()
    pair.query("CREATE TABLE kept_by_recovery AS SELECT 42 AS answer")
    for pid in pair.pids:
        os.kill(pid, signal.SIGKILL)
    owner.kill()
    with embedded_services(data_dir):
        assert pair.query("SELECT answer FROM kept_by_recovery") == "42"


@pytest.mark.parametrize("victim", ["postgres", "valkey"])
def test_one_dead_server_is_started_again_beside_the_living(
    data_dir: Path, pair: Pair, victim: str
) -> None:
    with embedded_services(data_dir):
        before = dict(zip(("postgres", "valkey"), pair.pids, strict=True))
        os.kill(before[victim], signal.SIGKILL)
        with embedded_services(data_dir):
            after = dict(zip(("postgres", "valkey"), pair.pids, strict=True))
            assert {name for name in before if before[name] != after[name]} == {victim}
            assert pair.query("SELECT 1") == "1"
        assert pair.running == (True, True)
    assert pair.running == (False, False)


def test_a_stale_process_id_of_another_program_is_not_believed(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir):
        for pid in pair.pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pair.running == (False, False))
        owner = pair.postgres.directory.account
        unrelated = subprocess.Popen(
            ["sleep", "600"],
            # As PostgreSQL's own account: only such a process does it take for a postmaster.
            user=owner.uid if owner.drops else None,
            group=owner.gid if owner.drops else None,
        )
        try:
            for path in _process_id_files(pair):
                _, _, rest = path.read_text().partition("\n")
                path.write_text(f"{unrelated.pid}\n{rest}")
            with embedded_services(data_dir):
                assert unrelated.pid not in pair.pids
                assert pair.query("SELECT 1") == "1"
            assert unrelated.poll() is None
        finally:
            unrelated.kill()
            unrelated.wait()


def _process_id_files(pair: Pair) -> list[Path]:
    directory = pair.postgres.directory
    lock = directory.sockets / ".s.PGSQL.5432.lock"
    return [directory.cluster / "postmaster.pid", lock, directory.sockets / "valkey.pid"]


def test_an_initialisation_that_was_killed_starts_over(fresh_dir: Path, fresh_pair: Pair) -> None:
    owner = Holder(fresh_dir)
    wait_until(lambda: next(fresh_dir.glob("postgres-unfinished-*/PG_VERSION"), None))
    owner.kill()
    assert not (fresh_dir / "postgres").exists()
    with embedded_services(fresh_dir):
        assert fresh_pair.query("SELECT 1") == "1"
    assert not list(fresh_dir.glob("postgres-unfinished-*"))


@pytest.mark.long
def test_an_owner_killed_at_any_moment_leaves_nothing_in_the_way(
    fresh_dir: Path, fresh_pair: Pair
) -> None:
    moments = random.Random(7)
    for _ in range(4):
        owner = Holder(fresh_dir)
        with pytest.raises(subprocess.TimeoutExpired):
            owner.process.wait(timeout=moments.uniform(0.1, 0.7))
        owner.kill()
    with embedded_services(fresh_dir):
        assert fresh_pair.query("SELECT 1") == "1"
    assert fresh_pair.running == (False, False)


@pytest.mark.long
def test_an_owner_interrupted_at_any_moment_leaves_nothing_running(
    fresh_dir: Path, fresh_pair: Pair
) -> None:
    moments = random.Random(11)
    for _ in range(4):
        owner = Holder(fresh_dir)
        with pytest.raises(subprocess.TimeoutExpired):
            owner.process.wait(timeout=moments.uniform(0.1, 0.7))
        owner.interrupt(signal.SIGINT)
        assert fresh_pair.running == (False, False)


def test_servers_whose_sockets_were_removed_are_replaced(
    data_dir: Path, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "UNRESPONSIVE_AFTER_SECONDS", 0.1)
    with embedded_services(data_dir):
        unreachable = pair.pids
        for path in pair.postgres.directory.sockets.iterdir():
            if path.is_socket():
                path.unlink()
        with embedded_services(data_dir):
            assert not set(pair.pids) & set(unreachable)
            assert pair.query("SELECT 1") == "1"


def test_a_stopped_server_stays_stopped_until_the_next_attach(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir):
        pair.postgres.stop("immediate")
        pair.valkey.stop()
        assert pair.running == (False, False)
        assert pair.postgres.pid is None
        with embedded_services(data_dir):
            assert pair.running == (True, True)

"""Several processes share the servers, and the last one to leave stops them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import asyncpg
import pytest
from redis import Redis

from coffeert.embedded import embedded_services
from tests.integration.embedded.conftest import Pair
from tests.integration.embedded.holder import Holder, holding

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long


async def test_a_fresh_start_gives_addresses_that_work(fresh_dir: Path, fresh_pair: Pair) -> None:
    with embedded_services(fresh_dir) as services:
        connection = await asyncpg.connect(services.database_url)
        try:
            settings = await connection.fetchrow(
                "SELECT current_database() AS name, current_setting('server_encoding') AS encoding,"
                " current_setting('fsync') AS fsync, current_setting('listen_addresses') AS tcp,"
                " (SELECT datlocale FROM pg_database WHERE datname = current_database()) AS locale"
            )
        finally:
            await connection.close()
        assert settings is not None
        assert tuple(settings) == ("coffeert", "UTF8", "on", "", "C.UTF-8")
        with Redis.from_url(services.redis_url) as redis:
            assert redis.ping()
            assert redis.config_get("port")["port"] == "0"
            assert redis.config_get("save")["save"] == ""
        assert fresh_pair.running == (True, True)
    assert fresh_pair.running == (False, False)


def test_a_second_process_shares_them_and_the_last_one_to_leave_stops_both(
    data_dir: Path, pair: Pair
) -> None:
    first, second = Holder(data_dir), Holder(data_dir)
    addresses = first.wait_attached()
    assert second.wait_attached() == addresses
    started = pair.pids
    first.leave()
    assert pair.pids == started
    second.leave()
    assert pair.running == (False, False)


def test_processes_that_start_at_the_same_instant_share_one_pair(
    fresh_dir: Path, fresh_pair: Pair
) -> None:
    holders = [Holder(fresh_dir) for _ in range(4)]
    assert len({str(holder.wait_attached()) for holder in holders}) == 1
    started = fresh_pair.pids
    for holder in holders[:-1]:
        holder.leave()
    assert fresh_pair.pids == started
    holders[-1].leave()
    assert fresh_pair.running == (False, False)


def test_threads_of_one_process_share_one_pair(data_dir: Path, pair: Pair) -> None:
    inside = Barrier(3, timeout=30)

    def attach() -> tuple[int, int]:
        with embedded_services(data_dir):
            inside.wait()
            pids = pair.pids
            inside.wait()  # none leaves before all have read the ids
        return pids

    with ThreadPoolExecutor(3) as threads:
        seen = {job.result() for job in [threads.submit(attach) for _ in range(3)]}
    assert len(seen) == 1
    assert pair.running == (False, False)


def test_data_survive_a_restart(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir):
        pair.query("CREATE TABLE kept_by_restart AS SELECT 42 AS answer")
        first = pair.pids
    with embedded_services(data_dir):
        assert pair.query("SELECT answer FROM kept_by_restart") == "42"
        assert pair.pids != first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_terminal_ends_the_owner_but_not_the_servers_of_others(
    data_dir: Path, pair: Pair, number: signal.Signals
) -> None:
    owner = Holder(data_dir)
    owner.wait_attached()
    started = pair.pids
    with embedded_services(data_dir):
        owner.interrupt(number)
        assert pair.pids == started
        assert pair.query("SELECT 1") == "1"
    assert pair.running == (False, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_only_owner_stops_the_servers(
    data_dir: Path, pair: Pair, number: signal.Signals
) -> None:
    owner = Holder(data_dir)
    owner.wait_attached()
    owner.interrupt(number)
    assert pair.running == (False, False)


def test_the_servers_have_no_terminal_and_none_of_our_sessions(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir):
        for pid in pair.pids:
            assert os.getsid(pid) != os.getsid(0)
            assert os.getpgid(pid) != os.getpgid(0)


def test_only_the_server_that_is_asked_for_is_started(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir, postgres=False) as services:
        assert pair.running == (False, True)
        assert services.database_url == ""
        with embedded_services(data_dir, valkey=False) as more:
            assert pair.running == (True, True)
            assert more.redis_url == ""
        assert pair.running == (True, True)
    assert pair.running == (False, False)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # from 3.12 on, if threads run
def test_a_forked_child_has_no_part_in_the_lease(data_dir: Path, pair: Pair) -> None:
    context = multiprocessing.get_context("fork")
    done = context.Event()
    with embedded_services(data_dir):
        child = context.Process(target=done.wait)
        child.start()
    assert child.is_alive()
    assert pair.running == (False, False)
    done.set()
    child.join()


def test_two_directories_stand_side_by_side(fresh_dir: Path) -> None:
    one, other = fresh_dir / "one", fresh_dir / "other"
    with holding(one), holding(other):
        first, second = Pair.of(one), Pair.of(other)
        assert not set(first.pids) & set(second.pids)
        first.query("CREATE TABLE here ()")
        assert second.query("SELECT to_regclass('here') IS NULL") == "t"
    assert (first.running, second.running) == ((False, False), (False, False))


def test_an_error_inside_the_block_is_left_alone(data_dir: Path, pair: Pair) -> None:
    with pytest.raises(OSError, match="mine"), embedded_services(data_dir):
        raise OSError("mine")
    assert pair.running == (False, False)

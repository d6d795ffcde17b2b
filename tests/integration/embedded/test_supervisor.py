"""A server that dies while a long-running process needs it is started again."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from coffeert.embedded import embedded_services, supervisor
from coffeert.embedded.supervisor import supervise
from coffeert.errors import EmbeddedError
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.embedded.conftest import Pair


@pytest.fixture(autouse=True)
def short_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "CHECK_SECONDS", 0.02)


def logged_until(text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Wait until the log has a text, and return what it has by then."""
    logged: list[str] = []

    def found() -> bool:
        logged.append(capsys.readouterr().out)
        return text in "".join(logged)

    wait_until(found)
    return "".join(logged)


def test_whichever_server_is_killed_runs_again_with_what_was_committed(
    data_dir: Path, pair: Pair
) -> None:
    with embedded_services(data_dir, restart=True):
        pair.query("CREATE TABLE kept_by_restart_of_server AS SELECT 42 AS answer")
        before = pair.pids
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pair.valkey.pid not in (None, before[1]))
        wait_until(lambda: pair.postgres.pid not in (None, before[0]), within=60)
        with embedded_services(data_dir):  # which waits until both answer
            assert not set(pair.pids) & set(before)
            assert pair.query("SELECT answer FROM kept_by_restart_of_server") == "42"
            pair.query("DROP TABLE kept_by_restart_of_server")
    assert pair.running == (False, False)


def test_only_a_requested_server_is_started_again(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir, postgres=False, restart=True):
        assert pair.running == (False, True)
        before = pair.valkey.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: pair.valkey.pid not in (None, before))
        assert pair.running == (False, True)
    assert pair.running == (False, False)


@pytest.mark.long
def test_a_server_that_was_stopped_on_leaving_is_not_started_again(
    data_dir: Path, pair: Pair
) -> None:
    for _ in range(3):
        with embedded_services(data_dir, restart=True):
            assert pair.running == (True, True)
        assert pair.running == (False, False)
    assert "embedded servers" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.long
def test_a_cluster_that_is_gone_is_not_replaced_by_an_empty_one(
    fresh_dir: Path, fresh_pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    with embedded_services(fresh_dir, restart=True):
        cluster = fresh_pair.postgres.directory.cluster
        elsewhere = cluster.rename(cluster.with_name("elsewhere"))
        fresh_pair.postgres.directory.account.signal(
            int((elsewhere / "postmaster.pid").read_text().split()[0]), signal.SIGKILL
        )
        logged_until("is gone", capsys)
        assert not cluster.exists()
        assert fresh_pair.valkey.is_running()
        elsewhere.rename(cluster)
        wait_until(fresh_pair.postgres.is_running)


class DeadServer:
    """A server that has died."""

    title = "PostgreSQL"
    alive = False

    def is_running(self) -> bool:
        return self.alive


@pytest.mark.parametrize("fault", [EmbeddedError("No space left."), ValueError("No space left.")])
def test_a_start_that_fails_is_tried_again(
    fault: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    server, attempts = DeadServer(), 0

    def start(_: threading.Event) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise fault
        server.alive = True

    with supervise([server], start):
        wait_until(lambda: server.alive)
        logged = logged_until("embedded servers run again", capsys)
    assert attempts == 3
    assert logged.count("servers=['PostgreSQL']") == 1
    assert logged.count("No space left.") >= 2


def test_a_start_is_told_of_leaving() -> None:
    asked, left = threading.Event(), []

    def start(leaving: threading.Event) -> None:
        asked.set()
        left.append(leaving.wait(10))

    with supervise([DeadServer()], start):
        assert asked.wait(10)
    assert left == [True]

"""A server that dies while it is needed is started again, for those who stay."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from coffeert.embedded import embedded_services, revival
from coffeert.embedded.revival import revived
from coffeert.errors import EmbeddedError
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.embedded.conftest import Pair


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revival, "LOOK_SECONDS", 0.02)


def test_whichever_server_is_killed_runs_again_with_what_was_committed(
    data_dir: Path, pair: Pair
) -> None:
    with embedded_services(data_dir, revive=True):
        pair.query("CREATE TABLE kept_by_revival AS SELECT 42 AS answer")
        before = pair.pids
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pair.valkey.pid not in (None, before[1]))
        wait_until(lambda: pair.postgres.pid not in (None, before[0]), within=60)
        with embedded_services(data_dir):  # which waits until both answer
            assert not set(pair.pids) & set(before)
            assert pair.query("SELECT answer FROM kept_by_revival") == "42"
            pair.query("DROP TABLE kept_by_revival")
    assert pair.running == (False, False)


def test_only_what_was_asked_for_is_started_again(data_dir: Path, pair: Pair) -> None:
    with embedded_services(data_dir, postgres=False, revive=True):
        assert pair.running == (False, True)
        before = pair.valkey.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: pair.valkey.pid not in (None, before))
        assert pair.running == (False, True)
    assert pair.running == (False, False)


def test_nobody_revives_what_the_last_one_out_has_stopped(data_dir: Path, pair: Pair) -> None:
    for _ in range(3):
        with embedded_services(data_dir, revive=True):
            assert pair.running == (True, True)
        assert pair.running == (False, False)
    assert "embedded servers" not in {thread.name for thread in threading.enumerate()}


class Ghost:
    """A server that has died."""

    title = "PostgreSQL"
    alive = False

    def is_running(self) -> bool:
        return self.alive


def test_a_server_that_does_not_start_is_tried_again_and_every_attempt_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ghost, attempts = Ghost(), 0

    def start() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise EmbeddedError("No space left.")
        ghost.alive = True

    with revived([ghost], start):
        wait_until(lambda: ghost.alive)
    assert attempts == 3
    told = capsys.readouterr().out
    assert told.count("embedded servers do not start") == 2
    assert told.count("No space left.") == 2
    assert told.count("embedded servers started again") == 1

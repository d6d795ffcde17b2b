"""Logging and the garbage collector are restored after a test that configures them."""

from __future__ import annotations

import gc
import logging

import pytest

from coffeert import tasks
from coffeert.logs import configure_logs
from tests.process_settings import settings_restored


def test_what_a_command_configures_is_restored(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level, gc.get_threshold()
    with settings_restored():
        configure_logs("info", "text")
        gc.freeze()
        gc.set_threshold(5_000, 40, 100)
        tasks.log.info("logged inside")
    assert (root.handlers, root.level, gc.get_threshold()) == before
    assert gc.get_freeze_count() == 0
    tasks.log.info("logged afterwards")
    captured = capsys.readouterr()
    assert "logged inside" in captured.err
    assert "logged afterwards" not in captured.err

"""A test that configures logging, or the garbage collector, leaves no trace of it."""

from __future__ import annotations

import gc
import logging

import pytest

from coffeert.logs import configure_logs
from coffeert.server.http import doorway
from tests.process_settings import settings_restored


def test_what_a_command_sets_up_is_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level, gc.get_threshold()
    with settings_restored():
        configure_logs("info", "text")
        gc.freeze()
        gc.set_threshold(5_000, 40, 100)
        doorway.log.info("told inside")
    assert (root.handlers, root.level, gc.get_threshold()) == before
    assert gc.get_freeze_count() == 0
    doorway.log.info("told afterwards")
    said = capsys.readouterr()
    assert "told inside" in said.err
    assert "told afterwards" not in said.err

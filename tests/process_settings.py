"""Restoring what a command configures for its process, when it runs inside a test's."""

from __future__ import annotations

import gc
import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEVELS_SET = ("", "aiohttp.access", "asyncpg.pool")
_FILTERS_SET = "aiohttp.server"


@contextmanager
def settings_restored() -> Iterator[None]:
    """Restore logging and the garbage collector after the block.

    A log handler holds the standard error of the test that created it, which is closed after it; and a
    collector that runs rarely finds what one test has left open in the middle of another.
    """
    handlers = logging.getLogger().handlers[:]
    levels = {name: logging.getLogger(name).level for name in _LEVELS_SET}
    filters = logging.getLogger(_FILTERS_SET).filters[:]
    events = structlog.get_config()
    thresholds = gc.get_threshold()
    try:
        yield
    finally:
        # Compared first, since hardly any test changes anything.
        if structlog.get_config() != events:
            structlog.configure(**events)
            _reset_loggers()
            logging.getLogger().handlers[:] = handlers
            logging.getLogger(_FILTERS_SET).filters[:] = filters
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
        if gc.get_threshold() != thresholds:
            gc.set_threshold(*thresholds)
            gc.unfreeze()  # who sets one also freezes; to count what is frozen takes 20 ms


def _reset_loggers() -> None:
    # A module's logger keeps the settings of its first use.
    proxy = type(structlog.get_logger())
    for name, module in list(sys.modules.items()):
        log = getattr(module, "log", None) if name.startswith("coffeert.") else None
        if isinstance(log, proxy):
            vars(log).pop("bind", None)

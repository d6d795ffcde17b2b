"""Workarounds for Textual 8.2, Rich 15 and the C library, each to be tried again at an upgrade.

All of them are about memory: a dashboard runs for weeks, and what each repaint leaves behind adds up.
`coffeert/lab/terminal_memory.py` measures them.
"""

from __future__ import annotations

import ctypes
import re
from typing import Final

from rich.cells import cached_cell_len

RELEASE_SECONDS: Final = 60.0
"""How often `release_memory` is worth its tenths of a millisecond."""

MAX_STYLED_WIDGETS: Final = 128
"""More than the dashboard and its dialogues have at a time."""

MAX_MEASURED_TEXTS: Final = 1024
"""More pieces of text than a large screen shows."""

one_cell_each = re.compile("[ -~·…←-↓✓✗─-◼⠀-⣿]*").fullmatch
"""Matches a text whose characters all take one cell.

Rich 15 caches the width of every text it measures. Figures and curves never repeat, so they would fill
that cache; a text that matches needs no measuring.
"""


def release_memory() -> None:
    """Drop what is cached of removed widgets, and return freed pages to the system.

    glibc by itself returns only what lies at the end of its heap. Without `malloc_trim` in the C library
    (macOS, musl), that part does nothing.
    """
    drop_removed_widgets()
    if _malloc_trim is not None:
        _malloc_trim(0)


def drop_removed_widgets() -> None:
    """Drop the painted lines of widgets that have been removed.

    Textual 8.2 caches two colours for each of the last 1,024 widgets, and the key of that cache holds the
    lines the widget has painted: a third of a MiB for each help that was closed. What is still shown is
    cached again at its next repaint.
    """
    from textual._styles_cache import StylesCache  # private, and only loaded once there is a screen

    StylesCache.get_inner_outer.cache_clear()


def trim_caches() -> None:
    """Empty the caches of Textual and Rich that hold more than a screen needs; cheap enough for each tick.

    Rich 15 caches the widths of 4,096 texts. Figures never repeat, so the strings die one by one, and leave
    the heap fragmented.
    """
    from textual._styles_cache import StylesCache

    if StylesCache.get_inner_outer.cache_info().currsize > MAX_STYLED_WIDGETS:
        drop_removed_widgets()
    if cached_cell_len.cache_info().currsize > MAX_MEASURED_TEXTS:
        cached_cell_len.cache_clear()


_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

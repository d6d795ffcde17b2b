"""Each workaround does what it is for, and its test fails once the library does so by itself."""

from __future__ import annotations

import ctypes
import gc
import weakref

import psutil
import pytest
from rich.cells import cached_cell_len, cell_len
from textual._styles_cache import StylesCache
from textual.color import Color

from coffeert.tui.textual_workarounds import (
    MAX_MEASURED_TEXTS,
    drop_removed_widgets,
    release_memory,
    trim_caches,
)

BLOCK, BLOCKS = (
    8_000,
    4_000,
)  # too large for Python's allocator, too small for mappings of their own


def test_widths_of_texts_do_not_pile_up() -> None:
    most = 0
    for number in range(5_000):
        assert cell_len(f"東{number}") == 2 + len(str(number))
        trim_caches()
        most = max(most, cached_cell_len.cache_info().currsize)
    assert most <= MAX_MEASURED_TEXTS


def test_the_lines_of_a_removed_widget_are_not_kept_by_its_colours() -> None:
    removed = StylesCache()
    removed.get_inner_outer(Color(0, 0, 0), Color(1, 1, 1))
    kept = weakref.ref(removed)
    del removed
    gc.collect()
    assert (
        kept() is not None
    )  # what Textual 8.2 does; when it no longer does, the workaround can go
    drop_removed_widgets()
    assert kept() is None


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim"
)
def test_pages_between_blocks_in_use_are_returned_to_the_system() -> None:
    blocks = [b"x" * BLOCK for _ in range(BLOCKS)]
    kept = blocks[::100]
    blocks.clear()
    before = _resident()
    release_memory()
    assert before - _resident() > BLOCK * BLOCKS // 2
    assert all(len(block) == BLOCK for block in kept)


def test_without_malloc_trim_nothing_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffeert.tui.textual_workarounds._malloc_trim", None)
    release_memory()

"""What is freed among what is still in use goes back to the system."""

from __future__ import annotations

import ctypes

import psutil
import pytest

from coffeert.tui.freed import give_back_the_freed

BLOCK, BLOCKS = (
    8_000,
    4_000,
)  # too large for Python's own allocator, too small for pages of their own


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library has no malloc_trim"
)
def test_pages_between_blocks_in_use_are_given_back() -> None:
    blocks = [b"x" * BLOCK for _ in range(BLOCKS)]
    kept = blocks[::100]
    blocks.clear()
    before = _resident()
    give_back_the_freed()
    assert before - _resident() > BLOCK * BLOCKS // 2
    assert all(len(block) == BLOCK for block in kept)


def test_it_does_nothing_where_the_c_library_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coffeert.tui.freed._trim", None)
    give_back_the_freed()

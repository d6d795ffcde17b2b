"""Chapters give back the lines that were written, up to any moment, and say what they take."""

from __future__ import annotations

import errno
import gc
import json
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.history.segment import Segment
from coffeert.tui.history.spill_file import SEGMENT_BYTES, SpillFile

texts = st.lists(st.binary(max_size=300), min_size=1, max_size=20)


@given(texts, st.integers(-1, 20))
def test_lines_come_back_up_to_the_moment_asked_for(texts: list[bytes], until: int) -> None:
    chapter = Segment(0)
    for at, text in enumerate(texts):
        chapter.write(at, text)
    assert list(chapter.read(until=until)) == list(enumerate(texts))[: until + 1]


@given(texts)
def test_what_is_read_while_it_is_written_changes_nothing(texts: list[bytes]) -> None:
    chapter = Segment(0)
    for at, text in enumerate(texts):
        chapter.write(at, text)
        assert list(chapter.read(until=at)) == list(enumerate(texts[: at + 1]))
    chapter.close({}, SpillFile())
    assert list(chapter.read(until=99)) == list(enumerate(texts))


def test_a_chapter_reaches_from_its_start_to_its_last_line() -> None:
    chapter = Segment(100.5)
    assert (chapter.start, chapter.end) == (100.5, 100.5)
    chapter.write(101.25, b"{}")
    assert (chapter.start, chapter.end) == (100.5, 101.25)


def test_a_closed_chapter_takes_no_lines() -> None:
    chapter = Segment(0)
    chapter.close({}, SpillFile())
    with pytest.raises(ValueError, match="takes no lines"):
        chapter.write(0, b"{}")


def _closed(shelf: SpillFile, lines: list[str]) -> Segment:
    chapter = Segment(0)
    for at, line in enumerate(lines):
        chapter.write(float(at), line.encode())
    chapter.close({("minute", 60 * n): bytes(300) for n in range(100)}, shelf)
    return chapter


def test_a_closed_chapter_takes_hardly_any_memory_and_says_what_it_takes_on_disk() -> None:
    lines = [json.dumps({"at": at, "cells": [[n, at * n] for n in range(99)]}) for at in range(600)]
    shelf = SpillFile()
    _closed(shelf, lines)  # the first opens the file
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        chapter = _closed(shelf, lines)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 2_000 < 100 * 300 < chapter.size
    assert [line.decode() for _, line in chapter.read(until=1e9)] == lines
    assert chapter.undo() == {("minute", 60 * n): bytes(300) for n in range(100)}


def test_a_file_is_closed_when_no_chapter_in_it_is_left() -> None:
    def files() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    shelf, before = SpillFile(), files()
    kept = [shelf.put(bytes(SEGMENT_BYTES // 2)) for _ in range(6)]
    assert files() == before + 3
    del kept[:4]
    assert files() == before + 1
    assert [len(each.read()) for each in kept] == [SEGMENT_BYTES // 2] * 2


@pytest.mark.parametrize("where", ["dup", "pwrite"])
def test_where_the_disk_takes_nothing_chapters_stay_in_memory(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, where, full)
    chapter = _closed(SpillFile(), ["one", "two"])
    assert [line for _, line in chapter.read(until=9)] == [b"one", b"two"]
    assert len(chapter.undo()) == 100


def test_what_the_disk_does_not_give_back_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = _closed(SpillFile(), ["one", "two"])
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    with pytest.raises(OSError, match="a part only"):
        list(chapter.read(until=9))

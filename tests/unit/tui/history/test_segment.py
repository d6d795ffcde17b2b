"""Segments return the lines that were written, up to any moment, and say what they take."""

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
from coffeert.tui.history.spill_file import MAX_FILE_BYTES, SpillFile

texts = st.lists(st.binary(max_size=300), min_size=1, max_size=20)


@given(texts, st.integers(-1, 20))
def test_lines_come_back_up_to_the_moment_asked_for(texts: list[bytes], until: int) -> None:
    segment = Segment(0)
    for at, text in enumerate(texts):
        segment.write(at, text)
    assert list(segment.read(until=until)) == list(enumerate(texts))[: until + 1]


@given(texts)
def test_what_is_read_while_it_is_written_changes_nothing(texts: list[bytes]) -> None:
    segment = Segment(0)
    for at, text in enumerate(texts):
        segment.write(at, text)
        assert list(segment.read(until=at)) == list(enumerate(texts[: at + 1]))
    segment.close({}, SpillFile())
    assert list(segment.read(until=99)) == list(enumerate(texts))


def test_a_segment_reaches_from_its_start_to_its_last_line() -> None:
    segment = Segment(100.5)
    assert (segment.start, segment.end) == (100.5, 100.5)
    segment.write(101.25, b"{}")
    assert (segment.start, segment.end) == (100.5, 101.25)


def test_a_closed_segment_takes_no_lines() -> None:
    segment = Segment(0)
    segment.close({}, SpillFile())
    with pytest.raises(ValueError, match="takes no lines"):
        segment.write(0, b"{}")


def _closed(spill_file: SpillFile, lines: list[str]) -> Segment:
    segment = Segment(0)
    for at, line in enumerate(lines):
        segment.write(float(at), line.encode())
    segment.close({("minute", 60 * n): bytes(300) for n in range(100)}, spill_file)
    return segment


def test_a_closed_segment_takes_hardly_any_memory_and_says_what_it_takes_on_disk() -> None:
    lines = [json.dumps({"at": at, "cells": [[n, at * n] for n in range(99)]}) for at in range(600)]
    spill_file = SpillFile()
    _closed(spill_file, lines)  # the first opens the file
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        segment = _closed(spill_file, lines)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 2_000 < 100 * 300 < segment.size
    assert [line.decode() for _, line in segment.read(until=1e9)] == lines
    assert segment.undo() == {("minute", 60 * n): bytes(300) for n in range(100)}


def test_a_file_is_closed_when_no_segment_in_it_is_left() -> None:
    def files() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    spill_file, before = SpillFile(), files()
    kept = [spill_file.put(bytes(MAX_FILE_BYTES // 2)) for _ in range(6)]
    assert files() == before + 3
    del kept[:4]
    assert files() == before + 1
    assert [len(each.read()) for each in kept] == [MAX_FILE_BYTES // 2] * 2


@pytest.mark.parametrize("call", ["dup", "pwrite"])
def test_if_the_disk_takes_nothing_segments_stay_in_memory(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    segment = _closed(SpillFile(), ["one", "two"])
    assert [line for _, line in segment.read(until=9)] == [b"one", b"two"]
    assert len(segment.undo()) == 100


def test_what_the_disk_does_not_return_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = _closed(SpillFile(), ["one", "two"])
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    with pytest.raises(OSError, match="a part only"):
        list(segment.read(until=9))

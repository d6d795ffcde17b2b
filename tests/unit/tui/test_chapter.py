"""Chapters give back the lines that were written, up to any moment, and say what they take."""

from __future__ import annotations

import gc
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.tui.memory.chapter import Chapter

texts = st.lists(st.binary(max_size=300), min_size=1, max_size=20)


@given(texts, st.integers(-1, 20))
def test_lines_come_back_up_to_the_moment_asked_for(texts: list[bytes], until: int) -> None:
    chapter = Chapter(0)
    for at, text in enumerate(texts):
        chapter.write(at, text)
    assert list(chapter.read(until=until)) == list(enumerate(texts))[: until + 1]


@given(texts)
def test_what_is_read_while_it_is_written_changes_nothing(texts: list[bytes]) -> None:
    chapter = Chapter(0)
    for at, text in enumerate(texts):
        chapter.write(at, text)
        assert list(chapter.read(until=at)) == list(enumerate(texts[: at + 1]))
    chapter.close(undo={})
    assert list(chapter.read(until=99)) == list(enumerate(texts))


def test_a_chapter_reaches_from_its_start_to_its_last_line() -> None:
    chapter = Chapter(100.5)
    assert (chapter.start, chapter.end) == (100.5, 100.5)
    chapter.write(101.25, b"{}")
    assert (chapter.start, chapter.end) == (100.5, 101.25)


def test_a_closed_chapter_takes_no_lines() -> None:
    chapter = Chapter(0)
    chapter.close(undo={})
    with pytest.raises(ValueError, match="takes no lines"):
        chapter.write(0, b"{}")


def test_the_size_is_what_a_closed_chapter_takes() -> None:
    lines = [json.dumps({"at": at, "cells": [[n, at * n] for n in range(99)]}) for at in range(600)]
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        chapter = Chapter(0)
        for at, line in enumerate(lines):
            chapter.write(float(at), line.encode())
        chapter.close({("minute", 60 * n): bytes(300) for n in range(100)})
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # The rest are the names of buckets, which other chapters have too.
    assert 0.8 * taken < chapter.size <= taken

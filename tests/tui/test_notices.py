"""Notices cover little of the screen, however small the terminal is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.conftest import Harness, Launch, reported
from tests.waiting import eventually

LONG = "There is no menu to order from before a server has been reached."


async def lines_with_notices(s: Harness, *texts: str) -> list[str]:
    """Give notices at once; return the screen's lines when the last one shows."""
    for text in texts:
        s.dashboard.notify_warning(text)
    while texts[-1].split()[0] not in s.text():
        await s.settle()
    return s.text().splitlines()


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 20), (120, 40)])
async def test_a_notice_is_below_the_lines_at_the_top_and_covers_nothing_below(
    launch: Launch, size: tuple[int, int]
) -> None:
    async with launch(size, notifications=True) as s:
        await reported(s)  # so that nothing else changes
        before = s.text().splitlines()
        lines = await lines_with_notices(s, LONG, "First.", "Second.")
        changed = [number for number, line in enumerate(lines) if line != before[number]]
        assert changed == [2], "of several, the newest shows"
        assert "▌ Second." in lines[2]


async def test_a_long_notice_takes_one_line_more(launch: Launch) -> None:
    async with launch((40, 12), notifications=True) as s:
        lines = await lines_with_notices(s, LONG)
        assert [line.strip("▌ ") for line in lines[2:4]] == [
            "There is no menu to order from before",
            "a server has been reached.",
        ]


async def test_what_does_not_fit_is_seen_to_be_cut_off(launch: Launch) -> None:
    async with launch((40, 12), notifications=True) as s:
        before = s.text().splitlines()
        lines = await lines_with_notices(s, f"{LONG} {LONG}")
        assert lines[4:] == before[4:]
        assert lines[3].rstrip().endswith("...")


async def test_a_picture_of_the_screen_has_no_notices(
    launch: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with launch(notifications=True) as s:
        await lines_with_notices(s, "Recorded.")
        await s.press("e", "s")
        await eventually(lambda: bool(list(tmp_path.iterdir())))
        (made,) = tmp_path.iterdir()  # noqa: ASYNC240 (a test)
        assert "Recorded." not in made.read_text()

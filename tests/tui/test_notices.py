"""Notices cover little of the screen, however small the terminal is."""

from __future__ import annotations

import pytest

from tests.tui.conftest import Harness, Launch

LONG = "There is no menu to order from before a server has been reached."


async def lines_with_notices(s: Harness, *texts: str) -> list[str]:
    """Give notices at once; return the screen's lines when the last one shows."""
    for text in texts:
        s.dashboard.notify_warning(text)
    while texts[-1].split()[0] not in s.text():
        await s.settle()
    return s.text().splitlines()


async def test_on_a_small_terminal_a_notice_takes_the_place_of_the_keys(
    launch: Launch,
) -> None:
    async with launch((40, 12), notifications=True) as s:
        before = s.text().splitlines()
        lines = await lines_with_notices(s, "Recorded.")
        assert lines[:-1] == before[:-1]
        assert lines[-1].strip() == "▌ Recorded."


async def test_a_long_notice_takes_one_line_more(launch: Launch) -> None:
    async with launch((40, 12), notifications=True) as s:
        before = s.text().splitlines()
        lines = await lines_with_notices(s, LONG)
        assert lines[:-2] == before[:-2]
        assert [line.strip("▌ ") for line in lines[-2:]] == [
            "There is no menu to order from before",
            "a server has been reached.",
        ]


async def test_what_does_not_fit_is_seen_to_be_cut_off(launch: Launch) -> None:
    async with launch((40, 12), notifications=True) as s:
        before = s.text().splitlines()
        lines = await lines_with_notices(s, f"{LONG} {LONG}")
        assert lines[:-2] == before[:-2]
        assert lines[-1].rstrip().endswith("...")


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (120, 20)])
async def test_of_several_notices_the_newest_shows(launch: Launch, size: tuple[int, int]) -> None:
    async with launch(size, notifications=True) as s:
        before = s.text().splitlines()
        lines = await lines_with_notices(s, LONG, "First.", "Second.")
        assert lines[:-1] == before[:-1]
        assert lines[-1].strip() == "▌ Second."


async def test_on_a_large_terminal_all_show_whole(launch: Launch) -> None:
    async with launch((120, 40), notifications=True) as s:
        lines = await lines_with_notices(s, f"{LONG} {LONG}", "Second.")
        shown = " ".join(word for line in lines for word in line.partition("▌")[2].split())
        assert shown.count("reached.") == 2
        assert "Second." in shown

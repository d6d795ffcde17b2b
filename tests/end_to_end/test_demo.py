"""The demonstration: a month of history, live orders, and nothing left behind."""

from __future__ import annotations

import re
import signal

import pytest

from tests.end_to_end.processes import Shell, nothing_left
from tests.waiting import eventually

LINE = re.compile(r"^\d\d:\d\d:\d\d .* 30 days ([\d,]+) orders", re.MULTILINE)


@pytest.mark.long
async def test_it_ends_by_itself_or_on_a_signal_and_leaves_nothing(bare_shell: Shell) -> None:
    # Cut short while it starts or loads its history, it ends as well, and begins again next time.
    for attempt in range(5):
        bare_shell.settings["data_dir"] = str(bare_shell.directory / f"data-{attempt}")
        early = bare_shell.start("demo", "--headless")
        await early.says("days of history")
        early.signal(signal.SIGINT)
        assert (await early.ended()).code == 0
        nothing_left(bare_shell.directory)
        if "past orders are stored" not in early.out:
            break  # else this test was so slow that it came too late
    assert "past orders are stored" not in early.out

    demo = bare_shell.start("demo", "--headless")
    await eventually(lambda: len(set(_lines(demo.out))) > 1 or not demo.running, within=60)
    demo.signal(signal.SIGINT)
    ended = await demo.ended()
    assert ended.code == 0, ended.err
    assert "days of history" in ended.out
    stored = re.search(r"([\d,]+) past orders are stored", ended.out)
    assert stored is not None
    history = _number(stored[1])
    assert history > 10_000
    lines = _lines(ended.out)
    assert lines == sorted(lines)
    assert history * 0.9 < lines[0] < lines[-1]
    assert not demo.complaints
    nothing_left(bare_shell.directory)

    again = bare_shell.start("demo", "--headless", "--duration", "2s")
    ended = await again.ended(within=60)
    assert ended.code == 0, ended.err
    assert str(bare_shell.directory) in ended.out
    assert not again.complaints
    assert "past orders are stored" not in ended.out, "what is there is not loaded again"
    nothing_left(bare_shell.directory)


def _lines(text: str) -> list[int]:
    return [_number(orders) for orders in LINE.findall(text)]


def _number(text: str) -> int:
    return int(text.replace(",", ""))

"""The demonstration: a month of history, live orders, and nothing left behind."""

from __future__ import annotations

import re
import signal

from tests.end_to_end.processes import Shell, nothing_left
from tests.waiting import eventually

LINE = re.compile(r"^\d\d:\d\d:\d\d .* 30 days ([\d,]+) orders", re.MULTILINE)


async def test_it_ends_by_itself_or_on_a_signal_and_leaves_nothing(bare_shell: Shell) -> None:
    # Cut short while it starts or loads its history, it ends as well, and begins again next time.
    early = bare_shell.start("demo", "--headless")
    await early.says("days of history")
    early.signal(signal.SIGINT)
    assert (await early.ended()).code == 0
    assert "past orders are stored" not in early.out
    nothing_left(bare_shell.directory)

    ended = await bare_shell.start("demo", "--headless", "--duration", "4s").ended(within=60)
    assert ended.code == 0, ended.err
    assert "days of history" in ended.out
    stored = re.search(r"([\d,]+) past orders are stored", ended.out)
    assert stored is not None
    history = _number(stored[1])
    assert history > 10_000
    lines = [_number(orders) for orders in LINE.findall(ended.out)]
    assert len(lines) >= 2
    assert lines == sorted(lines)
    assert history * 0.9 < lines[0] < lines[-1]
    assert not ended.err
    nothing_left(bare_shell.directory)

    again = bare_shell.start("demo", "--headless")
    await eventually(lambda: LINE.search(again.out), within=40)
    assert str(bare_shell.directory) in again.out
    again.signal(signal.SIGINT)
    ended = await again.ended()
    assert ended.code == 0, ended.err
    assert not ended.err
    assert "past orders are stored" not in ended.out, "what is there is not loaded again"
    nothing_left(bare_shell.directory)


def _number(text: str) -> int:
    return int(text.replace(",", ""))

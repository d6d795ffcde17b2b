"""Makes `session.svg`: a film of the dashboard on a made-up shop, without a browser.

Run from the repository's root: `python docs/images/film.py`. The shop sells, some keys are pressed, and a
picture is taken every so often; the pictures become one SVG whose lines change by CSS animation. Only lines
that change are stored again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from pictures import launch

from tests.tui.conftest import Harness, reported

HERE = Path(__file__).parent
STEP_S: Final = 0.8
KEYS: Final[dict[int, tuple[str, ...]]] = {
    4: ("c",),
    6: ("c", "c", "c", "T"),
    8: ("t", "2"),
    10: ("down",),
    11: ("enter",),
    14: ("backspace", "1"),
    16: ("left_square_bracket",),
    17: ("left_square_bracket",),
    19: ("end",),
    21: ("4",),
    23: ("5",),
}
"""What is pressed before which picture: comparisons, the last hour, a store, the past, the engine."""

PICTURES: Final = 26
_GROUND: Final = "#16130f"
_LINE_HIGH: Final = 24.4
_BODY: Final = '<g transform="translate(9, 41)"'
_LINE: Final = re.compile(r'y="([\d.]+)"')
_STYLE: Final = re.compile(r"\.terminal-[\w-]+-(r\d+) \{([^}]*)\}")


async def take() -> list[str]:
    """Sell, press keys, and return the pictures."""
    taken = []
    async with launch(120, 40) as made:
        for number in range(PICTURES):
            await _sell(made)
            for key in KEYS.get(number, ()):
                await made.press(key)
            while made.app.state.travel.sought is not None:
                await made.pilot.pause(0.01)
            await reported(made)
            taken.append(made.app.export_screenshot(title="coffeert-tui"))
    return taken


async def _sell(made: Harness) -> None:
    made.clock.pass_time(STEP_S)
    count = made.house.random.choice((0, 1, 1, 2))
    moment = made.clock.now() - timedelta(seconds=made.house.random.random())
    if count:
        await made.happen(made.house.sell(moment, count, made.clock.monotonic()))
    await made.happen(made.house.beat(made.clock.now(), lag=0.0))


def styled(svg: str) -> str:
    """Write colours into the text itself: each picture numbers its styles anew."""
    for name, rules in _STYLE.findall(svg):
        fill = re.search(r"fill: ([^;]+)", rules)
        bold = ' font-weight="bold"' if "bold" in rules else ""
        assert fill is not None
        svg = re.sub(rf'class="terminal-[\w-]+-{name}"', f'fill="{fill[1].strip()}"{bold}', svg)
    return re.sub(r' clip-path="url\(#terminal-[\w-]+-line-\d+\)"', "", svg)


def lines_of(svg: str) -> dict[int, str]:
    """Return what is drawn on each line of the terminal, without the ground that all share."""
    lines: dict[int, list[str]] = {}
    start = svg.index(_BODY)
    for piece in re.findall(r"<rect [^>]*/>|<text [^>]*>[^<\n]*</text>", svg[start:]):
        if piece.startswith(f'<rect fill="{_GROUND}"'):
            continue
        at = _LINE.search(piece)
        assert at is not None
        offset = 1.5 if piece.startswith("<rect") else 20.0
        row = round((float(at[1]) - offset) / _LINE_HIGH)
        lines.setdefault(row, []).append(piece)
    return {row: "".join(pieces) for row, pieces in lines.items()}


def spells(pictures: list[dict[int, str]]) -> Iterator[tuple[int, int, str]]:
    """Yield what stands on a line from one picture to before another."""
    for row in range(40):
        begun = 0
        for number in range(1, len(pictures) + 1):
            before = pictures[number - 1].get(row, "")
            if number == len(pictures) or pictures[number].get(row, "") != before:
                if before:
                    yield begun, number, before
                begun = number


def film(svgs: list[str]) -> str:
    """Join pictures into one that moves."""
    pictures = [lines_of(styled(svg)) for svg in svgs]
    count, seconds = len(pictures), len(pictures) * STEP_S
    names: dict[tuple[int, int], str] = {}
    groups = []
    for first, last, text in spells(pictures):
        if (first, last) == (0, count):
            groups.append(text)
        else:
            name = names.setdefault((first, last), f"s{len(names)}")
            groups.append(f'<g class="{name}">{text}</g>')
    rules = []
    for (first, last), name in names.items():
        a, b = first / count * 100, last / count * 100
        hidden = f"0%,{a:.3f}%{{visibility:hidden}}" if first else ""
        after = (
            f"{b:.3f}%,100%{{visibility:hidden}}" if last < count else "100%{visibility:visible}"
        )
        begin = f"{a + 0.001:.3f}%,{b - 0.001:.3f}%{{visibility:visible}}"
        if not first:
            begin = f"0%,{b - 0.001:.3f}%{{visibility:visible}}"
        rules.append(f"@keyframes {name}{{{hidden}{begin}{after}}}")
        still = "visible" if last == count else "hidden"
        rules.append(
            f".{name}{{visibility:{still};animation:{name} {seconds:.1f}s step-end infinite}}"
        )
    frame = svgs[0]
    window = frame[frame.index("</defs>") + len("</defs>") : frame.index(_BODY)]
    return (
        '<svg viewBox="0 0 1482 1026" xmlns="http://www.w3.org/2000/svg">'
        "<style>.m{font-family:Fira Code,DejaVu Sans Mono,Menlo,Consolas,monospace;font-size:20px;"
        "white-space:pre}@media (prefers-reduced-motion:reduce){.m g{animation:none}}"
        + "".join(rules)
        + "</style>"
        + re.sub(r'class="terminal-[\w-]+-title"', 'font-family="arial" font-size="18"', window)
        + f'{_BODY} class="m"><rect fill="{_GROUND}" width="1464" height="976"/>'
        + "".join(groups)
        + "</g></svg>\n"
    )


if __name__ == "__main__":
    (HERE / "session.svg").write_text(film(asyncio.run(take())), encoding="utf-8")

"""Owners meet no engineer's words: they are on the fifth tab only."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

PICTURES = sorted(Path(__file__).parent.glob("__snapshots__/*/*.svg"))
OWNERS = [path for path in PICTURES if not path.stem.endswith("-5]")]
ENGINEERS_WORDS = re.compile(
    r"\bseq\b|= server|odyssey|on the wire|painted|\bp\d\d\b|\btook\b|at hand|matching|avg ticket"
    r"|take note|\bforth\b|\bstale\b|conflated|\bshed\b|heartbeat|\blag\b|_per_min|\bepoch\b|\bpass\b",
    re.IGNORECASE,
)


def text_of(picture: Path) -> str:
    """Return what stands in a stored picture, its fonts and colours apart."""
    found = re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text())
    return " ".join(unescape(part).replace("\xa0", " ") for part in found)


@pytest.mark.parametrize("picture", OWNERS, ids=lambda path: path.stem)
def test_no_engineers_word_is_on_the_first_four_tabs(picture: Path) -> None:
    text = text_of(picture)
    assert "coffeert" in text
    assert ENGINEERS_WORDS.findall(text) == []


def test_such_words_are_found() -> None:
    (engine, *_) = [path for path in PICTURES if path.stem.endswith("-5]")]
    assert ENGINEERS_WORDS.findall(text_of(engine))

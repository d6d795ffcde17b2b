"""What somebody may mean who types a part of a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from coffeert.printable import printable

MAX_SUGGESTIONS: Final = 8
_MAX_LETTERS: Final = 200
_MIN_SCORE: Final = 60.0
"""Of 100, by RapidFuzz: what one letter too many or too few still reaches."""


class MenuItem(NamedTuple):
    """A store or a drink."""

    code: str
    name: str


def best_matches(
    typed: str, items: Sequence[MenuItem], limit: int = MAX_SUGGESTIONS
) -> list[MenuItem]:
    """Return the items whose name or code is most like what was typed; without letters, the first ones.

    What begins with it comes first, then what has a word that does, what holds it, what holds its letters
    in this order, and what is similar.
    """
    if not typed.strip():
        return list(items[:limit])
    from rapidfuzz import fuzz, utils  # only when something is typed

    wanted = typed.casefold().strip()
    ranked: list[tuple[int, float, int, MenuItem]] = []
    for place, item in enumerate(items):
        texts = (item.name.casefold(), item.code.casefold())
        kind = min(_kind(wanted, text) for text in texts)
        score = max(fuzz.WRatio(wanted, text, processor=utils.default_process) for text in texts)
        # Of one or two letters, similarity says nothing.
        if kind < _SIMILAR or (len(wanted) > 2 and score >= _MIN_SCORE):
            ranked.append((kind, -score, place, item))
    return [item for _, _, _, item in sorted(ranked)[:limit]]


_SIMILAR: Final = 4


def _kind(wanted: str, text: str) -> int:
    if text.startswith(wanted):
        return 0
    if any(word.startswith(wanted) for word in text.replace("-", " ").split()):
        return 1
    if wanted in text:
        return 2
    letters = iter(text)
    return 3 if all(letter in letters for letter in wanted) else _SIMILAR


def named_by(typed: str, items: Sequence[MenuItem]) -> list[MenuItem]:
    """Return the items that have exactly this code or, if none has, this name."""
    wanted = _plain(typed)
    by_code = [item for item in items if _plain(item.code) == wanted]
    return by_code or [item for item in items if _plain(item.name) == wanted]


def _plain(text: str) -> str:
    """Return a text as it can be typed."""
    return " ".join(printable(text, _MAX_LETTERS).split()).casefold()

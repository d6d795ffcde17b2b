"""The words that files use, by language and meaning: `data/*.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any, Final

_WORD: Final = re.compile(r"[^\W\d_]{4,}")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_FIRST_CJK: Final = "\u3040"
_STROKES: Final = str.maketrans("łøđ", "lod")


@cache
def vocabulary(name: str) -> dict[str, Any]:
    """Return a file of `data/` by its name without `.toml`."""
    text = files("coffeert.importer.spelling").joinpath(f"data/{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def words(name: str, *keys: str) -> frozenset[str]:
    """Return the entries of a list in a file of `data/`, as `plain` writes them."""
    found: Any = vocabulary(name)
    for key in keys:
        found = found[key]
    return frozenset(map(plain, found))


def has_stem(text: str, name: str, key: str) -> bool:
    """Return whether a word of a text begins with an entry of a list.

    Those of five letters and more, and those without blanks between words, may also stand within a word.
    """
    return _stems(name, key).search(plain(text)) is not None


@cache
def _stems(name: str, key: str) -> re.Pattern[str]:
    return re.compile(
        "|".join(
            stem if len(stem) > 4 or stem[0] >= _FIRST_CJK else rf"(?<![^\W\d_]){stem}"
            for stem in sorted(words(name, key))
        )
    )


@cache
def field_headings() -> dict[str, tuple[str, ...]]:
    """Return the headings of each field, as `plain` writes them, in their order."""
    fields = vocabulary("headings")["fields"]
    return {name: tuple(map(plain, headings)) for name, headings in fields.items()}


def plain(text: str) -> str:
    """Return a text in the form in which it is compared with these words.

    Tills print capitals without accents, and Turkish has an i with and one without a dot. Words of up to
    three letters keep their accents: without them `år`, a year, would be `ár`, a price.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    if text.isascii():
        return text
    text = text.replace("i\u0307", "i").replace("ı", "i")
    return _WORD.sub(_without_accents, text)


def _without_accents(word: re.Match[str]) -> str:
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", word[0]))
    return unicodedata.normalize("NFC", bare).translate(_STROKES)

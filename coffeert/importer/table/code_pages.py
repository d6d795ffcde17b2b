"""Whether words make sense in a code page of eight bits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import BinaryIO, NamedTuple

_MAX_WORDS = 20_000
"""Different words that are remembered as seen."""

_LETTERS = frozenset("àáâäãåæçéèêëíìîïñóòôöõøúùûüÿœßÀÁÂÄÃÅÆÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØÚÙÛÜŸŒ")
"""Letters of Western Europe.

Not š, ž, ý, ð and þ: as often those are letters of another code page, so they are asked about.
"""
_MARKS = frozenset("€£¥¢§©®°±²³·ºª«»¿¡“”‘–—…•½¼¾×™\xa0\xad")
"""What may stand alone, but not within a word."""
_PAIRS = frozenset(("ça", "çã", "çõ", "äß", "öß", "üß", "øæ"))
"""Two letters beyond ASCII beside each other that exist, besides a letter twice."""
_QUOTED = re.compile("[“«‘](.+)[”»’]")
_NEVER_FIRST = frozenset("èìòù")
"""No Western word begins with these and goes on; Czech ones do with what stands in their places."""

_PROPOSALS = (
    "mac_roman", "cp850", "cp1250", "cp1251", "cp1253", "cp1254", "cp1252",
    "cp932", "gb18030", "big5", "cp949",
)  # fmt: skip


class Word(NamedTuple):
    """A word with bytes beyond ASCII, the part of the file where it is, and that part's first line."""

    word: bytes
    part: bytes
    part_line: int

    def line(self) -> int:
        """The line of the word; not for each of millions of words."""
        before = self.part[: self.part.index(self.word)]
        return self.part_line + (before.count(b"\n") or before.count(b"\r"))


def words(open_file: Callable[[], BinaryIO], skip: int) -> Iterator[Word]:
    """Each different word with bytes beyond ASCII; `skip` bytes are passed over."""
    seen: set[bytes] = set()
    line, rest = 1, b""
    with open_file() as file:
        file.read(skip)
        while chunk := file.read(1 << 20):
            chunk = rest + chunk
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1 or len(chunk)
            chunk, rest = chunk[:end], chunk[end:]
            yield from _new_words(chunk, line, seen)
            line += chunk.count(b"\n") or chunk.count(b"\r")
    yield from _new_words(rest, line, seen)


def _new_words(chunk: bytes, line: int, seen: set[bytes]) -> Iterator[Word]:
    found = set(re.findall(rb"[A-Za-z\x80-\xff]+", chunk)) - seen
    for word in sorted(word for word in found if not word.isascii()):
        if len(seen) < _MAX_WORDS:
            seen.add(word)
        yield Word(word, chunk, line)


def implausible_word(word: str) -> bool:
    """Whether a run of letters and characters beyond ASCII, read as Windows-1252, is no Western text."""
    if quoted := _QUOTED.fullmatch(word):
        word = quoted[1]
    if any(char > "\x7f" and char not in _LETTERS | _MARKS and char != "’" for char in word):
        return True
    if len(word) > 1 and word[0] in _NEVER_FIRST:
        return True
    return any(_implausible_pair(a, b) for a, b in pairwise(word))


def _implausible_pair(a: str, b: str) -> bool:
    if a in _MARKS or b in _MARKS:
        # 1 000,00 EUR has a blank, N° and Nestlé® their sign at the end
        return (b.isalpha() and a != "\xad") or (a.isalpha() and b not in "°ºª®™©\xa0\xad…")
    if a in _LETTERS and b in _LETTERS:
        return a.casefold() != b.casefold() and (a + b).lower() not in _PAIRS
    return b in _LETTERS and b.isupper() and a.islower()


def readings(word: bytes) -> list[tuple[str, str]]:
    """The code pages by which `word` would be a word of one alphabet, and how it reads; at most four."""
    found: dict[str, str] = {}
    for codec in _PROPOSALS:
        try:
            text = word.decode(codec)
        except UnicodeDecodeError:
            continue
        if text.isalpha() and _is_one_alphabet(text) and not re.search("[a-zà-ÿ][A-ZÀ-Þ]", text):
            found.setdefault(text, codec)
    return [(codec, text) for text, codec in found.items()][:4]


def _is_one_alphabet(text: str) -> bool:
    alphabets = {unicodedata.name(char, "?").split()[0] for char in text}
    return len(alphabets) == 1 or alphabets <= {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}

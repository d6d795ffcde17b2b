"""Numbers as people and programs write them: signs, brackets, currencies, groups, decimal marks."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from coffeert.importer.spelling.cell_text import western_digits

MARKS: Final = (".", ",")
_MINUS: Final = "-−–▲△"  # the triangles are those of Japanese accounts
_ARABIC_MARKS: Final = str.maketrans({"٫": ".", "٬": ",", "،": ","})
_EMPTY_CENTS: Final = re.compile(r"[.,]\s*[-–—=]{1,2}")  # `5.-` in Switzerland and the Netherlands
_DIGIT = re.compile(r"[0-9]")
_FRACTION = re.compile(r"(?P<whole>[0-9]*)(?:[.,](?P<part>[0-9]*))?")
_GROUPED: Final = {
    mark: re.compile(
        rf"(?P<whole>[0-9]{{1,3}}(?P<g>{group})[0-9]{{3}}(?:(?P=g)[0-9]{{3}})*)(?:{re.escape(mark)}(?P<part>[0-9]*))?"
    )
    for mark, group in ((".", r"[,'’ ]"), (",", r"[.'’ ]"))
}
_INDIAN = re.compile(r"(?P<whole>[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3})(?:\.(?P<part>[0-9]*))?")
_EXPONENT = re.compile(r"([0-9]*)(?:[.,]([0-9]*))?[eE]([+-]?[0-9]{1,2})")


class SpelledNumber(NamedTuple):
    """A number without sign and currency; `marks` are the signs or codes of currencies beside it."""

    negative: bool
    digits: str
    marks: tuple[str, ...]


class ScaledNumber(NamedTuple):
    """An exact number: `value` divided by ten to the power of `places`."""

    value: int
    places: int

    def whole(self, places: int) -> int | None:
        """Return it as a whole number of 10^-places; `None` if it is none.

        A difference below 1e-9 of a number with more than nine places is noise of binary fractions.
        """
        if self.places <= places:
            return self.value * power_of_ten(places - self.places)
        unit = power_of_ten(self.places - places)
        whole, rest = divmod(self.value, unit)
        if not rest:
            return whole
        if self.places > 9:
            tolerance = power_of_ten(self.places - 9)
            if rest <= tolerance:
                return whole
            if unit - rest <= tolerance:
                return whole + 1
        return None


def power_of_ten(exponent: int) -> int:
    """Return ten to the power of an exponent that is not negative."""
    return int(10**exponent)


def spelled_number(text: str) -> SpelledNumber | None:
    """Take sign, brackets and currency off a number; `None` if the text is no number."""
    text = _repaired(text).removeprefix("'").strip()
    first = _DIGIT.search(text)
    if first is None or len(text) > 64:
        return None
    start, end = (
        first.start(),
        len(text) - next(n for n, c in enumerate(text[::-1]) if c in "0123456789"),
    )
    if start and text[start - 1] in ".," and (start == 1 or not text[start - 2].isalpha()):
        start -= 1
    before, digits, after = text[:start], text[start:end], text[end:]
    empty_cents = _EMPTY_CENTS.match(after)
    if empty_cents:
        after = after[empty_cents.end() :]
    elif after[:1] in MARKS and after[:1]:
        after = after[1:]
    return _signed(before.strip(), digits, after.strip())


def _signed(before: str, digits: str, after: str) -> SpelledNumber | None:
    negative = "(" in before or any(sign in before + after for sign in _MINUS)
    if ("(" in before) != (")" in after):
        return None
    marks = []
    for side in (before, after):
        mark = side
        for sign in ("(", ")", "+", *_MINUS):
            mark = mark.replace(sign, "", 1)
        if mark := mark.strip():
            marks.append(mark)
    return SpelledNumber(negative, digits, tuple(marks))


def scaled_number(digits: str, mark: str) -> ScaledNumber | None:
    """Read digits with groups, `mark` being the decimal mark; `None` if they are not written so."""
    match = _FRACTION.fullmatch(digits)
    if match is not None:
        if match["part"] is not None and mark not in digits:
            # The mark of the other kind can only group.
            match = _GROUPED[mark].fullmatch(digits)
    else:
        match = _GROUPED[mark].fullmatch(digits)
        if match is None and mark == ".":
            match = _INDIAN.fullmatch(digits)
    if match is None:
        return _with_exponent(digits)
    whole = "".join(c for c in match["whole"] if c in "0123456789")
    part = match["part"] or ""
    return ScaledNumber(int((whole + part) or "0"), len(part)) if whole or part else None


def _with_exponent(digits: str) -> ScaledNumber | None:
    match = _EXPONENT.fullmatch(digits)
    if match is None or not (match[1] or match[2]):
        return None
    places = len(match[2] or "") - int(match[3])
    value = int(match[1] + (match[2] or ""))
    return (
        ScaledNumber(value * power_of_ten(-places), 0)
        if places < 0
        else ScaledNumber(value, places)
    )


def _repaired(text: str) -> str:
    """Undo what a wrong encoding did to a currency sign or a blank, and wide characters."""
    if text.isascii():
        return text
    if "â" in text or "Â" in text or "Ã" in text:
        with contextlib.suppress(UnicodeError):
            text = text.encode("cp1252").decode("utf-8")
    return western_digits(text).translate(_ARABIC_MARKS)


@dataclass(slots=True)
class MarkSurvey:
    """What the numbers of a column say about its decimal mark.

    `shown` counts the numbers that can be read in only one way, by mark. `three` are those with one mark
    before exactly three digits, which can be thousands as well; of these `zeros` end in three zeros.
    `short` and `long` have no mark, and up to three or more digits.
    """

    shown: dict[str, int]
    three: dict[str, int]
    examples: dict[str, str]
    zeros: int = 0
    short: int = 0
    long: int = 0

    @classmethod
    def empty(cls) -> MarkSurvey:
        return cls(dict.fromkeys(MARKS, 0), dict.fromkeys(MARKS, 0), {})

    def add(self, digits: str, text: str) -> None:
        """Note a number's digits; `text` is how the file writes it."""
        found = [c for c in digits if c in MARKS]
        if not found:
            if len(digits) <= 3:
                self.short += 1
            else:
                self.long += 1
            return
        mark = found[-1]
        whole, _, part = digits.rpartition(mark)
        if len(set(found)) == 1 and len(found) > 1:
            self._show("," if mark == "." else ".", text)  # thousands twice
        elif len(found) == 1 and len(part) == 3 and 0 < len(whole) <= 3 and whole[0] != "0":
            self.three[mark] += 1
            self.zeros += part == "000"
            self.examples.setdefault(mark + "3", text)
        else:
            self._show(mark, text)

    def _show(self, mark: str, text: str) -> None:
        self.shown[mark] += 1
        self.examples.setdefault(mark, text)

    def decided(self) -> str | None:
        """Return the mark that at least three of four telling numbers show, `None` if none does."""
        total = sum(self.shown.values())
        return next(
            (mark for mark, count in self.shown.items() if total and 4 * count >= 3 * total), None
        )

    @property
    def contradictory(self) -> bool:
        return sum(self.shown.values()) > 0 and self.decided() is None

    @property
    def needs_a_mark(self) -> bool:
        """Whether there are numbers that the mark would change."""
        return sum(self.three.values()) > 0 and not any(self.shown.values())

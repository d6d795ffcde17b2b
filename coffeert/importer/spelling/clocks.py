"""Times of day as people write them, and the parts of a text with day and time."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from coffeert.importer.spelling.cell_text import western_digits
from coffeert.importer.spelling.vocabulary import words

_MORNING: Final = frozenset({"am", "a", "πμ", "午前", "上午", "오전", "öö", "ص"})
_AFTERNOON: Final = frozenset({"pm", "p", "μμ", "午後", "下午", "오후", "ös", "م"})
_CLOCK = re.compile(
    r"""(?:(?P<before>午前|午後|上午|下午|오전|오후)\s?)?
    (?P<hour>[0-9]{1,2})
    (?:\s?(?:[:.h]|時|시)\s?(?P<minute>[0-9]{2})(?:\s?[:.]\s?(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9}))?)?)?
    (?P<unit>分|분|\s?(?:hrs?|hs|h|uhr)\.?)?
    (?:\s?(?P<half>[ap]\.?(?:\s?m\.?)?|πμ|μμ|ص|م))?
    \s?(?P<zone>z|(?:utc|gmt)?[+-][0-9]{1,2}(?::?[0-9]{2})?|[a-z]{2,5})?""",
    re.VERBOSE | re.IGNORECASE,
)
_LONGEST: Final = 80
_BEFORE: Final = re.compile(
    rf"(?:(?:{'|'.join(sorted(words('cells', 'time_particles')))})(?:\.\s?|\s))+(?=[0-9])",
    re.IGNORECASE,
)
"""What stands between a day and a time, or before a time: `at`, `kl.`, `a las`."""
_NAMED_OFFSET: Final = re.compile(r"([+-][0-9]{2}:?[0-9]{2}) \([^()]*\)")
"""JavaScript names the zone of an offset besides: `GMT+0100 (Central European Standard Time)`."""
_SIX_DIGITS: Final = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])")
_STAMP: Final = re.compile(
    r"(20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]))"
    r"[T ]?([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9])?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
LATE_HOURS: Final = re.compile(r"(2[4-9]):([0-5][0-9])(?::([0-5][0-9]))?")
"""Hours after midnight, counted on from the day before, as 25:12 in Japan."""
_NO_DAY: Final = re.compile(r"(?<![0-9])(?:1899|1900|1904)(?![0-9])")
_COLON = re.compile(r"[0-9]{1,2}\s?[:h時시]\s?[0-9]{2}")
_ISO = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?=[0-9])")
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])([0-9]{1,2}):?([0-9]{2})?", re.IGNORECASE)


class TimeOfDay(NamedTuple):
    """A time of day; 86,400 seconds are the midnight at the end of the day (ISO 8601-1:2019).

    `offset` is in seconds if the text has one, `letters` are such as `EST`.

    `twelve`: whether a mark such as PM says which half of the day it is.
    """

    seconds: int
    microseconds: int
    offset: int | None
    letters: str
    twelve: bool


def read_clock(text: str) -> TimeOfDay | None:
    """Read a time of day; `None` if the text is none."""
    if len(text) > _LONGEST:
        return None
    text = " ".join(western_digits(text).split())
    if not text[:1].isdecimal():
        text = _BEFORE.sub("", text, count=1)
    if six := _SIX_DIGITS.fullmatch(text):
        text = ":".join(six.groups())
    match = _CLOCK.fullmatch(_NAMED_OFFSET.sub(r"\1", text))
    if match is None:
        return None
    half = _half(match["half"] or match["before"])
    if match["minute"] is None and not half and not match["unit"]:
        return None  # a mere number
    hour, minute, second = int(match["hour"]), int(match["minute"] or 0), int(match["second"] or 0)
    if half:
        if hour > 12 or (hour == 0 and half == "pm" and not match["before"]):
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    if minute > 59 or second > 59:
        return None
    if hour > 23 and (hour, minute, second, int(match["part"] or 0)) != (24, 0, 0, 0):
        return None
    zone = (match["zone"] or "").upper()
    offset = offset_seconds(zone)
    return TimeOfDay(
        seconds=(hour * 60 + minute) * 60 + second,
        microseconds=int((match["part"] or "0").ljust(6, "0")[:6]),
        offset=offset,
        letters=zone if offset is None else "",
        twelve=half is not None,
    )


def fraction_of_day(text: str) -> Decimal | None:
    """Read a spreadsheet's time of day, such as `0.5` for noon; `None` if the text is none."""
    try:
        value = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return None
    written = any(mark in text for mark in ".,") and not text.startswith("00")
    return value if 0 <= value < 1 and written else None


def offset_seconds(text: str) -> int | None:
    """Read an offset such as `Z`, `-0400`, `+02:00` or `UTC+2` in seconds; `None` if it is none."""
    if text.upper() in ("Z", "UTC", "GMT"):
        return 0
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    hours, minutes = int(match[2]), int(match[3] or 0)
    if hours > 18 or minutes > 59:
        return None
    return (hours * 60 + minutes) * 60 * (-1 if match[1] == "-" else 1)


def split_moment(text: str) -> tuple[str, str]:
    """Return the day and the time of day in a text; the time is empty if there is none."""
    if len(text) > _LONGEST:
        return text, ""
    text = western_digits(text)
    match = _ISO.match(text)
    if match:
        return match[1], text[match.end() :]
    if stamp := _STAMP.fullmatch(text):
        day, *parts, zone = stamp.groups()
        return day, ":".join(filter(None, parts)) + (zone or "")
    match = _COLON.search(text)
    if match is None:
        day, _, clock = text.partition(" ")
        return (day, clock) if clock and read_clock(clock) else (text, "")
    if match.start() == 0:
        return _clock_first(text)
    day = text[: match.start()].rstrip(" ,T")
    start = match.start()
    if day[-2:] in _MORNING | _AFTERNOON:
        start -= len(text[: match.start()]) - len(day) + 2
        day = day[:-2].rstrip()
    return day, text[start:]


def without_no_day(text: str) -> str:
    """Return the time of a text whose day stands for none, as Access writes `1899-12-30 08:15`."""
    day, clock = split_moment(text)
    return clock if clock and _NO_DAY.search(day) else text


def _clock_first(text: str) -> tuple[str, str]:
    words = text.split()
    for count in range(len(words), 0, -1):
        clock = " ".join(words[:count])
        if read_clock(clock.rstrip(",")):
            return " ".join(words[count:]), clock.rstrip(",")
    return text, ""


def _half(mark: str | None) -> str | None:
    if not mark:
        return None
    word = "".join(c for c in mark.casefold() if c not in ". ")
    if word in _MORNING:
        return "am"
    return "pm" if word in _AFTERNOON else None

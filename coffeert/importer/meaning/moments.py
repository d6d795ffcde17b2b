"""The moment of a sale, from a row's cells for day, time of day and time zone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Final, NamedTuple

from coffeert.importer.meaning.memory import remember
from coffeert.importer.spelling.cell_text import Fault, is_missing
from coffeert.importer.spelling.clocks import (
    LATE_HOURS,
    TimeOfDay,
    fraction_of_day,
    read_clock,
    split_moment,
    without_no_day,
)
from coffeert.importer.spelling.dates import ORDERS, day_numbers, number_format
from coffeert.importer.spelling.zones import goes_by, zone_or_offset

_DAY = timedelta(days=1)
_HALF_DAY = timedelta(hours=12)


class _AtOffset(NamedTuple):
    """A time of day with an offset from UTC in seconds."""

    passed: timedelta
    offset: int


_Time = timedelta | _AtOffset | TimeOfDay | Fault
_DAY_ZERO: Final = {
    "excel": datetime(1899, 12, 30),  # noqa: DTZ001 # a spreadsheet's day 0, which has no zone
    "excel1904": datetime(1904, 1, 1),  # noqa: DTZ001 # as above
}


@dataclass(slots=True, kw_only=True)
class MomentReader:
    """Reads moments, remembering the texts that it has read.

    `order` is that of day, month and year in days that do not show it. `numbers` is what a mere number
    counts. `default_day` and `default_time` stand for what is missing. `whole_days`: the column of the
    day has no times, whatever it shows. `twelve`: times up to 12:59 without AM or PM are refused.
    `opens`: earlier times of those are of the afternoon. `fractions`: times such as `0.35` are parts of
    a day, as spreadsheets count. `begins`: earlier times in a column of their own are of the day after.
    `late_hours`: 25:12 is 01:12 of the day after. `later_lines` are those whose time, which occurs
    twice as a clock is put back, is the second one.
    """

    order: str | None
    numbers: str | None
    zone: tzinfo | None
    day_heading: str = "date"
    clock_heading: str = "time"
    default_day: date | None = None
    default_time: time | None = None
    whole_days: bool = False
    twelve: bool = False
    opens: timedelta = timedelta()
    begins: timedelta = timedelta()
    fractions: bool = False
    late_hours: bool = False
    later_lines: frozenset[int] = frozenset()
    _days: dict[str, date | Fault] = field(default_factory=dict)
    _clocks: dict[str, _Time] = field(default_factory=dict)
    _zones: dict[str, tzinfo | Fault] = field(default_factory=dict)
    _midnights: dict[tuple[date, str | int], datetime] = field(default_factory=dict)

    def read(self, day: str, clock: str | None, zone: str, line: int) -> datetime | Fault:
        """Return the moment in UTC; `clock` is `None` if the time has no column of its own."""
        alone = clock is None
        if clock is None:
            first, _, rest = day.partition(" ")
            if first in self._days and rest in self._clocks and not self.whole_days:
                day, clock = first, rest
            else:
                day, clock = self.parts(day)
        known = self._days.get(day)
        if known is None:
            known = self._day(day)
            remember(self._days, day, known)
        if type(known) is datetime:
            return self._counted(known, clock, zone, line)
        passed = self._clocks.get(clock)
        if passed is None:
            passed = self._clock(clock)
            remember(self._clocks, clock, passed)
        if isinstance(known, Fault) or isinstance(passed, Fault):
            return known if alone and isinstance(known, Fault) else _faults(known, passed)
        if type(passed) is timedelta:
            midnight = self._midnights.get((known, zone))
            return self._at(known, passed, zone, line) if midnight is None else midnight + passed
        if type(passed) is _AtOffset:
            midnight = self._midnights.get((known, passed.offset))
            if midnight is None:
                offset = timezone(timedelta(seconds=passed.offset))
                midnight = _midnight(known, offset).astimezone(UTC)
                remember(self._midnights, (known, passed.offset), midnight)
            return midnight + passed.passed
        assert isinstance(passed, TimeOfDay)
        return self._at(known, _passed(passed), zone, line, passed.letters)

    def zone_of(self, text: str) -> tzinfo | None:
        """Return the zone of a row whose zone column has this text, `None` if there is none."""
        zone = self._zone(text)
        return None if isinstance(zone, Fault) else zone

    def day(self, text: str) -> date | None:
        """Return the day of a text, `None` if it is none."""
        day = self._day(text)
        return None if isinstance(day, Fault) else date(day.year, day.month, day.day)

    def local(self, day: str, clock: str) -> datetime | None:
        """Return what the store's clock showed, `None` for what has an offset or cannot be read."""
        known, passed = self._day(day), self._clock(clock)
        if type(known) is datetime and not clock and not self.whole_days:
            return None if known.tzinfo is not None else known + self._half(known - _start(known))
        if isinstance(known, Fault) or not isinstance(passed, timedelta):
            return None
        return datetime.combine(known, time()) + passed

    def parts(self, text: str) -> tuple[str, str]:
        """Return the day and the time of day in the text of one column."""
        if len(text) > 11 and text[10] in " T" and text[4] == "-" and text[11].isdigit():
            day, clock = text[:10], text[11:]
        else:
            day, clock = split_moment(text)
        return (day, "") if self.whole_days else (day, clock)

    def _day(self, text: str) -> date | Fault:
        if is_missing(text):
            return self.default_day or Fault("has no date")
        numbers = day_numbers(text) or day_numbers(split_moment(text)[0])
        if numbers is None:
            return self._number(text)
        order = numbers.order or self.order
        day = numbers.day(order) if order else None
        if day is None:
            read = f", read as {ORDERS[order]}" if order else ""
            return Fault(f"`{self.day_heading}` is no day of the years 2000 to 2099{read}")
        return day

    def _number(self, text: str) -> datetime | Fault:
        kind = number_format(text)
        if kind is None or self.numbers is None or kind != self.numbers.removesuffix("1904"):
            return Fault(f"`{self.day_heading}` is no date that can be read")
        value = Decimal(text.replace(",", "."))
        if kind == "excel":
            passed = timedelta(milliseconds=_to_second(value * 86_400_000))
            return _DAY_ZERO[self.numbers] + passed
        seconds = value / 1000 if kind == "unixms" else value
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(seconds * 1000))

    def _counted(self, moment: datetime, clock: str, zone: str, line: int) -> datetime | Fault:
        if moment.tzinfo is not None:
            return moment
        shown = moment - _start(moment)
        passed: _Time = shown + self._half(shown)
        if clock or self.whole_days:
            passed = self._clock(clock)
        if isinstance(passed, Fault):
            return passed
        if isinstance(passed, TimeOfDay):
            passed = _passed(passed)
        elif isinstance(passed, _AtOffset):
            return (
                _midnight(moment, timezone(timedelta(seconds=passed.offset))) + passed.passed
            ).astimezone(UTC)
        return self._at(moment.date(), passed, zone, line)

    def _half(self, passed: timedelta) -> timedelta:
        """Return the half of a day that a time of a clock of 12 hours lacks."""
        return _HALF_DAY if passed < self.opens else timedelta()

    def changes_on(self, day: date, zone: tzinfo) -> bool:
        """Return whether clocks are put back or forward on what the file calls a day."""
        midnight = _midnight(day, zone)
        return midnight.utcoffset() != (midnight + (2 if self.begins else 1) * _DAY).utcoffset()

    def _clock(self, text: str) -> _Time:
        clock = self._clock_of_day(text)
        if isinstance(clock, Fault) or not self.begins or is_missing(text):
            return clock
        passed = _since_midnight(clock)
        if passed >= self.begins:
            return clock
        if isinstance(clock, TimeOfDay):
            return clock._replace(seconds=clock.seconds + 86_400)
        if isinstance(clock, _AtOffset):
            return clock._replace(passed=passed + _DAY)
        return passed + _DAY

    def _clock_of_day(self, text: str) -> _Time:
        if is_missing(text):
            if self.default_time is None:
                return Fault("has no time of day")
            given = self.default_time
            return timedelta(hours=given.hour, minutes=given.minute, seconds=given.second)
        fraction = fraction_of_day(text)
        clock = None if self.fractions and fraction is not None else read_clock(text)
        if clock is None and fraction is None:
            clock = read_clock(without_no_day(text))
        if clock is None:
            if self.late_hours and (late := LATE_HOURS.fullmatch(text)):
                hours, minutes, seconds = map(int, late.groups("0"))
                return timedelta(hours=hours, minutes=minutes, seconds=seconds)
            if fraction is None:
                return Fault(f"`{self.clock_heading}` is no time of day that can be read")
            passed = timedelta(milliseconds=_to_second(fraction * 86_400_000))
            return passed + self._half(passed)
        if self.twelve and not clock.twelve and clock.seconds < 13 * 3600:
            return Fault(f"`{self.clock_heading}` has neither AM nor PM, as other times have")
        if clock.offset is not None:
            return _AtOffset(_passed(clock), clock.offset)
        if not clock.twelve and (half := self._half(_passed(clock))):
            clock = clock._replace(seconds=clock.seconds + half.seconds)
        return clock if clock.letters else _passed(clock)

    def _at(
        self, day: date, passed: timedelta, zone: str, line: int, letters: str = ""
    ) -> datetime | Fault:
        rule = self._zones.get(zone)
        if rule is None:
            rule = self._zones[zone] = self._zone(zone)
        if isinstance(rule, Fault):
            return rule
        if not letters and not has_change(day, rule):
            midnight = _midnight(day, rule).astimezone(UTC)
            remember(self._midnights, (day, zone), midnight)
            return midnight + passed
        local = _midnight(day, rule) + passed
        if letters:
            local = next((m for f in (0, 1) if goes_by(m := local.replace(fold=f), letters)), local)
            if not goes_by(local, letters):
                return Fault(f"the time is marked {letters}, which {rule} does not use then")
        elif line in self.later_lines:
            local = local.replace(fold=1)
        return local.astimezone(UTC)

    def _zone(self, text: str) -> tzinfo | Fault:
        if not is_missing(text):
            try:
                return zone_or_offset(text)
            except ValueError:
                return Fault("has a time zone that is not known")
        return self.zone if self.zone is not None else Fault("has no time zone")


def has_change(day: date, zone: tzinfo) -> bool:
    """Return whether a zone's clocks change on a day, or on the days beside it."""
    midnight = _midnight(day, zone)
    return (midnight - _DAY).utcoffset() != (midnight + 2 * _DAY).utcoffset()


def default_time(text: str) -> time | None:
    """Read the time of day that an option gives, `None` if it is none."""
    clock = read_clock(text)
    if clock is None or clock.offset is not None or clock.letters or clock.seconds == 86_400:
        return None
    return time(*divmod(clock.seconds // 60, 60), clock.seconds % 60)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _start(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time())


def _since_midnight(clock: timedelta | _AtOffset | TimeOfDay) -> timedelta:
    if isinstance(clock, TimeOfDay):
        return _passed(clock)
    return clock.passed if isinstance(clock, _AtOffset) else clock


def _passed(clock: TimeOfDay) -> timedelta:
    return timedelta(seconds=clock.seconds, microseconds=clock.microseconds)


def _to_second(milliseconds: Decimal) -> int:
    """Round what a fraction of a day says, if it is as near to a second as binary noise is."""
    whole = round(milliseconds)
    rest = (whole + 500) % 1000 - 500
    return whole - rest if abs(rest) <= 5 else whole


def _faults(*values: object) -> Fault:
    return Fault(", and ".join(value for value in values if isinstance(value, Fault)))

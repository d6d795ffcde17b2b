"""What a report must say, from every single order and Python's own time zones."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from uuid import UUID

from coffeert.domain.calendar import BusinessCalendar
from coffeert.domain.orders import Order
from coffeert.server.reports.request import ReportRequest
from tests.calendars import calendar

FIRST = datetime(2025, 3, 1, tzinfo=UTC)
DAYS = 660
DAY = timedelta(days=1)


@cache
def calendar_of(zone: str, starts: int) -> BusinessCalendar:
    return calendar(zone, starts, first=FIRST, days=DAYS)


def unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def day_of(rule: BusinessCalendar, moment: float) -> date:
    return datetime.fromtimestamp(rule.day_of(moment), UTC).date()


@dataclass(frozen=True)
class Line:
    """An order with what a report groups it by."""

    order: Order
    day: date
    quarter: int
    voided: bool

    @property
    def count(self) -> int:
        if self.order.voids is None:
            return int(self.order.quantity > 0)
        return -int(self.order.quantity < 0)

    @property
    def amount(self) -> int:
        order = self.order
        return order.quantity * order.price_cents if order.amount is None else order.amount

    @property
    def is_sale(self) -> bool:
        return (self.order.quantity > 0) == (self.order.voids is None)


@dataclass
class Sums:
    orders: Fraction = Fraction(0)
    pieces: Fraction = Fraction(0)
    takings: Fraction = Fraction(0)
    sold: Fraction = Fraction(0)
    receipts: Fraction = Fraction(0)
    with_receipt: Fraction = Fraction(0)
    receipt_takings: Fraction = Fraction(0)

    def add(self, line: Line, weight: Fraction) -> None:
        self.orders += weight * line.count
        self.pieces += weight * line.order.quantity
        self.takings += weight * line.amount
        self.sold += weight * line.amount * line.is_sale
        if line.order.receipt is not None:
            self.with_receipt += weight * line.count
            self.receipt_takings += weight * line.amount


def lines_of(
    orders: Iterable[Order], rules: Mapping[str, BusinessCalendar]
) -> dict[str, list[Line]]:
    orders = list(orders)
    voided = {order.voids for order in orders}
    found: dict[str, list[Line]] = {store: [] for store in rules}
    for order in sorted(orders, key=lambda order: (order.placed_at, order.order_id)):
        rule = rules[order.store]
        moment = order.placed_at.timestamp()
        quarter = int(moment // 900 * 900)
        wall = (quarter + rule.offset_at(quarter)) % 86400
        line = Line(order, day_of(rule, moment), wall // 900, order.order_id in voided)
        found[order.store].append(line)
    return found


def span_of(request: ReportRequest, today: date, week_starts: int) -> tuple[date, date]:
    period = request.period
    if period.fixed is not None:
        return period.fixed
    start = today
    while start.isoweekday() != week_starts:
        start -= DAY
    return {
        "today": (today, today),
        "yesterday": (today - DAY, today - DAY),
        "7-days": (today - 6 * DAY, today),
        "28-days": (today - 27 * DAY, today),
        "week": (start, start + 6 * DAY),
        "last-week": (start - 7 * DAY, start - DAY),
        "month": (
            today.replace(day=1),
            today.replace(day=monthrange(today.year, today.month)[1]),
        ),
    }[period.name]


def other_month(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


@dataclass(frozen=True)
class Then:
    """A compared day: of which day, with what weight, and whether by now."""

    day: date
    of: date
    weight: Fraction
    by_now: bool


def then_days(
    request: ReportRequest,
    span: tuple[date, date],
    now: list[date],
    today: date,
    traded: Callable[[date], bool],
    marked: Mapping[date, str],
) -> list[Then] | None:
    """The compared days, `None` if there is not enough history."""
    comparison, period = request.comparison, request.period
    length = (span[1] - span[0]).days + 1
    if comparison == "usual":
        found: list[Then] = []
        for day in now:
            same = [day - week * 7 * DAY for week in range(1, 14)]
            chosen = [one for one in same if traded(one) and one not in marked][:4]
            if len(chosen) < 3:
                return None
            weight = Fraction(1, len(chosen))
            found += [Then(one, day, weight, day == today) for one in chosen]
        return found
    if period.unit == "month" and comparison in ("before", "last-year"):
        first = other_month(span[0], 1 if comparison == "before" else 12)
        days = monthrange(first.year, first.month)[1]
        running = now[-1] == today
        count = now[-1].day if running and now[-1].day <= days else days
        cut = running and now[-1].day <= days
        return [
            Then(
                first + number * DAY,
                span[0] + number * DAY,
                Fraction(1),
                cut and number == count - 1,
            )
            for number in range(count)
        ]
    back = {"last-week": 7, "yesterday": 1, "last-year": 364, "before": length}[str(comparison)]
    if comparison == "last-year" and length == 1 and span[0] in marked:
        year = span[0].year - 1
        back = (span[0] - span[0].replace(year=year)).days
    return [Then(day - back * DAY, day, Fraction(1), day == today) for day in now]


def cut_of(rule: BusinessCalendar, day: date, today: date, until: int) -> int:
    """The end of the last minute of a day in which the wall clock showed less than now."""
    wall = until + rule.offset_at(until) - unix(today)
    begins, ends = rule.day(unix(day))
    earlier = [
        minute + 60
        for minute in range(begins, ends, 60)
        if minute + rule.offset_at(minute) - unix(day) < wall
    ]
    return max(earlier, default=begins)


def wanted(request: ReportRequest, line: Line) -> bool:
    order = line.order
    return (
        request.drinks.has(order.drink)
        and request.sources.has(order.source or "")
        and (request.min_price is None or order.price_cents >= request.min_price)
        and (request.max_price is None or order.price_cents <= request.max_price)
    )


@dataclass
class World:
    """Everything that a report is of; `until` is in Unix seconds."""

    lines: Mapping[str, list[Line]]
    rules: Mapping[str, BusinessCalendar]
    until: int
    week_starts: int
    marked: Mapping[date, str]

    def __post_init__(self) -> None:
        self._days: dict[str, Counter[date]] = {}
        self._drinks: dict[str, Counter[tuple[date, str]]] = {}
        for store, lines in self.lines.items():
            self._days[store] = Counter()
            self._drinks[store] = Counter()
            for line in lines:
                self._days[store][line.day] += line.count
                self._drinks[store][line.day, line.order.drink] += line.count

    def traded(self, store: str, day: date) -> bool:
        return self._days[store][day] > 0

    def first(self, store: str) -> date:
        """The first day on which a drink was sold more often than it was voided."""
        return min(day for (day, _), count in self._drinks[store].items() if count > 0)


Key = tuple[object, ...]


@dataclass
class Expected:
    """Sums of now, of now at compared stores, and of then; for the total and for each row.

    `weeks` are those of the usual days of each compared store, `by_week` orders and takings of each store
    in each of them, for rows by their keys and for the total by `None`.
    """

    total: tuple[Sums, Sums, Sums]
    rows: dict[Key, tuple[Sums, Sums, Sums]]
    stores: int
    compared: int
    unsold: int = 0
    weeks: dict[str, set[int]] = field(default_factory=dict)
    by_week: dict[Key | None, Counter[tuple[str, int, str]]] = field(default_factory=dict)

    def usual_range(self, request: ReportRequest, key: Key | None) -> tuple[int, ...] | None:
        """The days, and the lowest and highest orders and takings of the usual days."""
        named = dict(zip(request.grouped_by, key or (), strict=False))
        stores = [str(named["store"])] if "store" in named else list(self.weeks)
        sets = [self.weeks.get(store, set()) for store in stores]
        weeks = set.intersection(*sets) if sets else set()
        if len(weeks) < 3:
            return None
        sums = self.by_week.get(key, Counter())
        found = [len(weeks)]
        for figure in ("orders", "takings"):
            of_weeks = [sum(sums[store, week, figure] for store in stores) for week in weeks]
            found += [min(of_weeks), max(of_weeks)]
        return tuple(found)

    def traded_days(self, request: ReportRequest, world: World, key: Key) -> int:
        """On how many days a row of a weekday traded."""
        named = dict(zip(request.grouped_by, key, strict=True))
        found: set[date] = set()
        for store, rule in world.rules.items():
            if not request.stores.has(store) or named.get("store", store) != store:
                continue
            today = day_of(rule, world.until)
            begun = [day for day in now_days(request, today, world) if world.traded(store, day)]
            for day in begun:
                if str(day.isoweekday()) != named["weekday"]:
                    continue
                start = named.get("quarter", named.get("hour"))
                if start is None or (
                    day not in world.marked
                    and (
                        day < today
                        or _is_over(rule, str(start), "quarter" in named, today, world.until)
                    )
                ):
                    found.add(day)
        return len(found)


def _is_over(rule: BusinessCalendar, start: str, is_quarter: bool, today: date, until: int) -> bool:
    """Whether a time of the day that begins at a store's start of day has passed."""
    hours, minutes = map(int, start.split(":"))
    end = hours * 60 + minutes
    end += 1440 * (end < rule.starts) + (15 if is_quarter else 60)
    return (until + rule.offset_at(until) - unix(today)) / 60 >= end


def now_days(request: ReportRequest, today: date, world: World) -> list[date]:
    """The days of a period that have begun."""
    first, last = span_of(request, today, world.week_starts)
    return [
        first + number * DAY
        for number in range((last - first).days + 1)
        if first + number * DAY <= today
    ]


def expected(request: ReportRequest, world: World) -> Expected:
    """Sum every order by itself."""
    found = Expected((Sums(), Sums(), Sums()), {}, 0, 0)
    for store, rule in world.rules.items():
        if request.stores.has(store):
            _add_store(found, request, world, store, rule)
    return found


def _add_store(
    found: Expected, request: ReportRequest, world: World, store: str, rule: BusinessCalendar
) -> None:
    today = day_of(rule, world.until)
    span = span_of(request, today, world.week_starts)
    now = now_days(request, today, world)
    then = now and then_days(
        request, span, now, today, lambda day: world.traded(store, day), world.marked
    )
    days = {one.day for one in then or ()}
    sold_now = any(world.traded(store, day) for day in now)
    sold_then = any(world.traded(store, day) for day in days)
    runs = today in now
    compared = (sold_now or (runs and sold_then)) and bool(then)
    if request.comparison != "usual" and compared:
        compared = sold_then and world.first(store) <= min(days)
    found.stores += sold_now or sold_then
    found.compared += compared
    found.unsold += compared and not sold_now
    if compared and request.comparison == "usual":
        of_days = {day: {week_of(one) for one in then or () if one.of == day} for day in now}
        found.weeks[store] = set.intersection(*of_days.values())
    adding = _Adding(found, request, world, rule, today, _receipts(request, world.lines[store]))
    for line in world.lines[store]:
        if wanted(request, line):
            if line.day in now:
                adding.now(line, compared)
            for one in (then or ()) if compared else ():
                if one.day == line.day:
                    adding.then(line, one, span)


def week_of(one: Then) -> int:
    return (one.of - one.day).days // 7


@dataclass
class _Adding:
    found: Expected
    request: ReportRequest
    world: World
    rule: BusinessCalendar
    today: date
    receipts: tuple[set[UUID], set[UUID]]

    def __post_init__(self) -> None:
        until = self.world.until
        hourly = {"hour", "quarter"} & set(self.request.grouped_by)
        self._means = bool(hourly) and "weekday" in self.request.grouped_by
        self._whole = bool(hourly) and not self._means
        offset = self.rule.offset_at(until)
        seconds = 900 if "quarter" in hourly else 3600
        self._over = (until + offset) // seconds * seconds - offset

    def now(self, line: Line, compared: bool) -> None:
        moment = line.order.placed_at.timestamp()
        if line.day == self.today and moment >= self.world.until:
            return
        left_out = line.day in self.world.marked or (
            line.day == self.today and moment >= self._over
        )
        where = "total" if self._means and left_out else "all"
        self._add((0, 1) if compared else (0,), line, line.day, Fraction(1), where)

    def then(self, line: Line, one: Then, span: tuple[date, date]) -> None:
        late = one.by_now and line.order.placed_at.timestamp() >= cut_of(
            self.rule, one.day, self.today, self.world.until
        )
        if late and not self._whole:
            return
        where = "rows" if late else "total" if self._means else "all"
        if "day" in self.request.grouped_by and not span[0] <= one.of <= span[1]:
            where = "total"
        self._add((2,), line, one.of, one.weight, where)
        if where != "rows":
            self._add_week(None, line, one)
        if self.request.grouped_by and where != "total":
            self._add_week(_key(self.request, line, one.of), line, one)

    def _add_week(self, key: Key | None, line: Line, one: Then) -> None:
        sums = self.found.by_week.setdefault(key, Counter())
        sums[line.order.store, week_of(one), "orders"] += line.count
        sums[line.order.store, week_of(one), "takings"] += line.amount

    def _add(
        self, sides: tuple[int, ...], line: Line, day: date, weight: Fraction, where: str
    ) -> None:
        key = _key(self.request, line, day)
        for side in sides:
            if where != "rows":
                total = self.found.total[side]
                total.add(line, weight)
                total.receipts += weight * (line.order.order_id in self.receipts[0])
            if self.request.grouped_by and where != "total":
                row = self.found.rows.setdefault(key, (Sums(), Sums(), Sums()))[side]
                row.add(line, weight)
                row.receipts += weight * (line.order.order_id in self.receipts[1])


def _key(request: ReportRequest, line: Line, day: date) -> Key:
    parts = {
        "store": line.order.store,
        "drink": line.order.drink,
        "source": line.order.source or "",
        "quarter": f"{line.quarter // 4:02}:{line.quarter % 4 * 15:02}",
        "hour": f"{line.quarter // 4:02}:00",
        "day": str(day),
        "weekday": str(line.day.isoweekday()),
    }
    return tuple(parts[grouping] for grouping in request.grouped_by)


def _receipts(request: ReportRequest, lines: Iterable[Line]) -> tuple[set[UUID], set[UUID]]:
    """The lines at which receipts count: in the total, and in rows."""
    by_drink = "drink" in request.grouped_by
    seen: set[Key] = set()
    counts: tuple[set[UUID], set[UUID]] = (set(), set())
    for line in lines:
        order = line.order
        if not wanted(request, line) or line.voided or order.voids or order.quantity < 0:
            continue
        if order.receipt is None:
            continue
        whole = (order.source or "", line.day, order.receipt)
        for number, identity in enumerate((whole, (*whole, order.drink if by_drink else ""))):
            if (number, *identity) not in seen:
                seen.add((number, *identity))
                counts[number].add(order.order_id)
    return counts

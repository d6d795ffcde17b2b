"""The server's parts (INSERT, aggregation, Redis, WebSocket), and how close each is to its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from coffeert.printable import printable
from coffeert.tui.model.data_status import SILENT_AFTER_SECONDS
from coffeert.tui.render.format import ago, area, gauge, milliseconds, short, size, spark
from coffeert.tui.render.glyphs import Glyphs
from coffeert.tui.render.spans import Line, Role, Span, drop_to_fit, fit_line, framed, line, ruled
from coffeert.wire.health import Health, PartHealth

_HEARTBEAT_SECONDS = 1.0
_SINCE_SHOWN_SECONDS = 1.0  # a shorter trouble is shown without its duration


@dataclass(frozen=True, slots=True)
class PanelValue:
    """One line of a part; `used` is the part of its limit that is used, from 0 to 1, if it has one.

    `history` has a value for each heartbeat, in `unit`.
    """

    name: str
    value: str
    used: float | None = None
    history: tuple[float | None, ...] = ()
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the server and its values; `age` is that of its health report, in seconds."""

    title: str
    question: str
    ok: bool
    reason: str
    age: float | None
    figures: tuple[PanelValue, ...]
    silent_after: float = SILENT_AFTER_SECONDS

    @property
    def silent(self) -> bool:
        """Whether its last report is so old that its state is unknown."""
        return self.age is not None and self.age > self.silent_after

    @property
    def main(self) -> PanelValue | None:
        """The value to draw as an area: the first with a history."""
        return next((figure for figure in self.figures if len(figure.history) > 1), None)


@dataclass(frozen=True, slots=True)
class HealthHistory:
    """The values of recent heartbeats, newest last."""

    intake: tuple[float, ...] = ()
    commit: tuple[float, ...] = ()
    passes: tuple[float, ...] = ()
    redis: tuple[float, ...] = ()
    sent: tuple[float, ...] = ()


def history_of(figures: Sequence[Health]) -> HealthHistory:
    """Return the values that are drawn as a line."""
    return HealthHistory(
        tuple(h.intake.orders_per_s for h in figures),
        tuple(h.intake.commit_ms for h in figures),
        tuple(h.aggregator.pass_ms for h in figures),
        tuple(h.redis.round_trip_ms for h in figures),
        tuple(h.sockets.bytes_per_s for h in figures),
    )


def parts_of(
    health: Health | None,
    now: datetime,
    report_age: float,
    history: HealthHistory,
    silent_after: float = SILENT_AFTER_SECONDS,
) -> tuple[Part, ...]:
    """Return the parts; `report_age` is the age of the heartbeat that brought `health`.

    A part whose report is older than `silent_after` is shown as unknown; with 0, every part is.
    """
    if health is None:
        return ()
    parts = (
        _insert(health, now, history),
        _aggregation(health, now, history, report_age),
        _redis(health, now, history),
        _sockets(health, now, history),
    )
    slow = max(silent_after, 2 * health.aggregator.interval_s) if silent_after > 0 else 0.0
    waits = (silent_after, slow, silent_after, silent_after)
    return tuple(replace(part, silent_after=wait) for part, wait in zip(parts, waits, strict=True))


def _insert(health: Health, now: datetime, history: HealthHistory) -> Part:
    i = health.intake
    wait = f"{milliseconds(i.predicted_wait_ms)} of {milliseconds(i.wait_limit_ms)} ms"
    figures = (
        PanelValue(
            "orders/s", short(round(i.orders_per_s, 1)), history=history.intake, unit="orders/s"
        ),
        PanelValue("queue", f"{i.queue:,} of {i.queue_limit:,}", _of(i.queue, i.queue_limit)),
        PanelValue("predicted wait", wait, _of(i.predicted_wait_ms, i.wait_limit_ms)),
        PanelValue("commit", f"{milliseconds(i.commit_ms)} ms", history=history.commit, unit="ms"),
        PanelValue("batch", f"{i.batch_size:.1f} orders"),
        PanelValue("accepted", f"{i.accepted:,}, {i.replayed:,} replayed"),
        PanelValue("turned away", f"{i.refused:,} refused, {i.shed:,} shed"),
    )
    durability = health.durability if i.ok else None  # that orders are refused is more urgent
    return _part("1 INSERT", "orders in, one commit a batch", i, now, figures, also=durability)


def _aggregation(health: Health, now: datetime, history: HealthHistory, report_age: float) -> Part:
    a, d = health.aggregator, health.database
    # Between two passes, and until a heartbeat tells of them, data grow old by themselves: no load yet.
    lag, usual = a.lag_s + report_age, a.interval_s + _HEARTBEAT_SECONDS
    lag_limit = usual + 3 * a.interval_s
    interval = a.interval_s * 1000
    busy = d.pool - d.pool_idle
    figures = (
        PanelValue(
            "pass / interval",
            f"{milliseconds(a.pass_ms)} of {milliseconds(interval)} ms",
            _of(a.pass_ms, interval),
        ),
        PanelValue("pass time", f"{milliseconds(a.pass_ms)} ms", history=history.passes, unit="ms"),
        PanelValue(
            "lag", f"{ago(lag)} of {ago(lag_limit)}", _of(max(0.0, lag - usual), lag_limit - usual)
        ),
        PanelValue("rows a pass", f"{a.rows:,}"),
        PanelValue("passes", f"{a.passes:,}"),
        PanelValue("pool", f"{busy} of {d.pool} busy", _of(busy, d.pool)),
        PanelValue("database trip", f"{milliseconds(d.round_trip_ms)} ms"),
    )
    leader = f"leader {printable(a.leader, 24) or 'unknown'}"
    return _part("2 Aggregation", leader, a, now, figures, also=d)


def _redis(health: Health, now: datetime, history: HealthHistory) -> Part:
    r = health.redis
    # Messages go one after another, each taking a round trip: the milliseconds used of each second.
    busy = (r.published_per_s + r.received_per_s) * r.round_trip_ms
    figures = (
        PanelValue(
            "round trip", f"{milliseconds(r.round_trip_ms)} ms", history=history.redis, unit="ms"
        ),
        PanelValue("published", f"{short(round(r.published_per_s, 1))}/s"),
        PanelValue("received", f"{short(round(r.received_per_s, 1))}/s"),
        PanelValue("busy", f"{milliseconds(busy)} of 1,000 ms", _of(busy, 1000)),
        PanelValue("memory", size(r.used_memory)),
    )
    return _part("3 Redis", "snapshot and messages", r, now, figures)


def _sockets(health: Health, now: datetime, history: HealthHistory) -> Part:
    s = health.sockets
    figures = (
        PanelValue(
            "clients", f"{s.clients:,} of {s.clients_limit:,}", _of(s.clients, s.clients_limit)
        ),
        PanelValue("frames", f"{short(round(s.frames_per_s, 1))}/s"),
        PanelValue("bytes", f"{size(s.bytes_per_s)}/s", history=history.sent, unit="bytes/s"),
        PanelValue("last frame", size(s.frame_bytes)),
        PanelValue("conflated", f"{s.conflated:,}"),
        PanelValue("dropped", f"{s.dropped:,} slow clients"),
    )
    return _part("4 WebSocket", "frames out, encoded once", s, now, figures)


def draw_system(
    parts: Sequence[Part], cells: int, rows: int, glyphs: Glyphs, mode: str
) -> list[Line]:
    """Draw the parts: two by two if there is room, else one under the other."""
    if not parts:
        return [line(Span(" No figures from the server yet.", "dim"))]
    if cells < 100:
        return _stacked(parts, cells, rows, glyphs)
    wide = (cells - 1) // 2
    rows -= 1
    upper = (rows + 1) // 2
    drawn: list[Line] = []
    for first, second, high in (
        (parts[0], parts[1], upper),
        (parts[2], parts[3], rows - upper),
    ):
        left_box = _box(first, wide, high, glyphs)
        right_box = _box(second, cells - wide - 1, high, glyphs)
        drawn += [(*one, Span(" "), *two) for one, two in zip(left_box, right_box, strict=True)]
    how, _, epoch = mode.partition("; ")
    pieces = [(0, nearest_limit(parts)), (1, line(Span(how, "dim"))), (2, line(Span(epoch, "dim")))]
    drawn.append(drop_to_fit(pieces if epoch else pieces[:2], cells))
    return drawn


def _stacked(parts: Sequence[Part], cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """Draw the parts one under the other, each with its most important values."""
    lines: list[Line] = []
    for number, part in enumerate(parts):
        room = max(1, rows * (number + 1) // len(parts) - rows * number // len(parts)) - 1
        lines.append(ruled(_state(part, glyphs), _age(part), cells, glyphs))
        shown = _foremost(part.figures, room)
        lines += [(Span(" "), *_figure(figure, cells - 2, glyphs)) for figure in shown]
        lines += [()] * (room - len(shown))
    return lines


def _foremost(figures: Sequence[PanelValue], count: int) -> list[PanelValue]:
    """Choose values, those with a limit first, then those with a history; in their own order."""
    by_weight = sorted(
        range(len(figures)), key=lambda n: (figures[n].used is None, not figures[n].history, n)
    )
    return [figures[number] for number in sorted(by_weight[:count])]


def nearest_limit(parts: Sequence[Part]) -> Line:
    """Return what would break first: the value that uses most of its limit, of the parts that are known."""
    used = [
        (f.used, part, f)
        for part in parts
        for f in part.figures
        if f.used is not None and not part.silent
    ]
    if not used:
        return line(Span(" nearest to its limit: -", "dim")) if parts else ()
    part, share, figure = max(((p, u, f) for u, p, f in used), key=lambda item: item[1])
    text = f"{part.title[2:]} {figure.name} {share * 100:.0f}% ({figure.value})"
    role: Role = "good" if share < 0.6 else "warn" if share < 0.9 else "bad"
    return line(Span(" nearest to its limit: ", "dim"), Span(text, role))


def _part(
    title: str,
    question: str,
    health: PartHealth,
    now: datetime,
    figures: tuple[PanelValue, ...],
    also: PartHealth | None = None,
) -> Part:
    # The cause comes before what follows from it.
    broken = next((h for h in (also, health) if h is not None and not h.ok), None)
    reason = "" if broken is None else _reason(broken, now)
    age = None if health.at is None else max(0.0, (now - health.at).total_seconds())
    return Part(title, question, broken is None, reason, age, figures)


def _reason(broken: PartHealth, now: datetime) -> str:
    text = printable(broken.reason or "not well", 80).rstrip(".")
    lasted = 0.0 if broken.since is None else (now - broken.since).total_seconds()
    return f"{text} for {ago(lasted)}" if lasted >= _SINCE_SHOWN_SECONDS else text


def _of(value: float, limit: float) -> float | None:
    return value / limit if limit > 0 else None


def _box(part: Part, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    body = [_figure(figure, cells - 4, glyphs) for figure in part.figures]
    if rows - 2 > len(body) + 1:
        body = [line(Span(part.question, "dim")), *body]
    body += _area(part.main, cells - 4, rows - 2 - len(body), glyphs)
    padded = [(Span(" "), *row) for row in body]
    return framed(padded, cells, rows, glyphs, title=_state(part, glyphs), note=_age(part))


def _state(part: Part, glyphs: Glyphs) -> Line:
    state = Span(glyphs.check, "good")
    if part.silent and part.age is not None:
        state = Span(f"? not heard of for {ago(part.age)}", "badge-warn")
    if not part.ok:
        state = Span(f"{glyphs.cross} {part.reason}", "badge-bad")
    return line(Span(part.title, "title"), " ", state)


def _age(part: Part) -> Line:
    if part.age is None:
        return ()
    return line(Span(ago(part.age), "warn" if part.silent else "dim"))


def _area(figure: PanelValue | None, cells: int, rows: int, glyphs: Glyphs) -> list[Line]:
    if figure is None or rows < 5:
        return []
    known = [value for value in figure.history if value is not None]
    highest = short(round(max(known), 1))
    text = f"{figure.name}, last {len(known)} heartbeats, highest {highest} {figure.unit}"
    drawn = area(figure.history, cells, rows - 2, glyphs)
    return [(), line(Span(text, "dim")), *(line(Span(row, "series-1")) for row in drawn)]


def _figure(figure: PanelValue, cells: int, glyphs: Glyphs) -> Line:
    name = fit_line(line(Span(figure.name, "dim")), 16)
    value = Span(f"{figure.value:<22}", "strong")
    room = max(0, cells - 16 - 22 - 1)
    if figure.used is not None and room >= 6:
        role: Role = "good" if figure.used < 0.6 else "warn" if figure.used < 0.9 else "bad"
        drawn = gauge(figure.used, min(room - 5, 20), glyphs)
        return (
            *name,
            value,
            Span(drawn, role),
            Span(f" {min(999, figure.used * 100):>3.0f}%", role),
        )
    if figure.history and room >= 6:
        return (*name, value, Span(spark(figure.history, min(room, 25), glyphs), "series-1"))
    return (*name, value)

"""Session windows and sliding windows over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar

from aiohttp import hdrs, web

from coffeert.domain.menu import Menu
from coffeert.domain.orders import MIN_PLACED_AT
from coffeert.durations import parse_duration
from coffeert.errors import FieldError, Invalid
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.moments import read_moment
from coffeert.server.reports.reporter import Reporter
from coffeert.server.reports.request import Choice, read_choice
from coffeert.server.reports.windows import WindowSpan
from coffeert.wire import frames
from coffeert.wire.windows import SalesSessions, SlidingSums

T = TypeVar("T")

DEFAULT_GAP: Final = "5m"
DEFAULT_WIDTH: Final = "10m"
DEFAULT_STEP: Final = "1m"
_MINUTE: Final = 60
_DAY: Final = 86_400
_END: Final = datetime(2100, 1, 1, tzinfo=UTC)


class WindowsApi:
    """The handlers of `/api/sessions` and `/api/sliding`; `zone` is that of the default calendar."""

    def __init__(
        self, reporter: Reporter, authorizer: Authorizer, *, zone: Callable[[], str]
    ) -> None:
        self._reporter = reporter
        self._authorizer = authorizer
        self._zone = zone

    async def sessions(self, request: web.Request) -> web.Response:
        """Return the runs of sales that are no further apart than a gap."""
        self._authorizer.check(request)
        fields = _WindowFields(request.query.items(), self._reporter.menu(), self._zone())
        gap = fields.read("gap", _gap, DEFAULT_GAP)
        span = fields.span()
        sources = fields.sources()
        fields.check()
        found = await self._reporter.sessions(
            span, gap, None if not sources else frozenset(sources)
        )
        return _response(found)

    async def sliding(self, request: web.Request) -> web.Response:
        """Return the sums over windows of one length, each a step after the one before."""
        self._authorizer.check(request)
        fields = _WindowFields(request.query.items(), self._reporter.menu(), self._zone())
        width = fields.read("width", _whole_minutes, DEFAULT_WIDTH)
        step = fields.read("step", _whole_minutes, DEFAULT_STEP)
        span = fields.span()
        fields.check()
        return _response(await self._reporter.sliding(span, width, step))


class _WindowFields:
    """The parameters of a URL; `check` raises `Invalid`, which names every one at fault."""

    def __init__(self, given: Iterable[tuple[str, str]], menu: Menu, zone: str) -> None:
        self._given: dict[str, list[str]] = {}
        for name, value in given:
            self._given.setdefault(name, []).append(value)
        self._menu = menu
        self._zone = zone
        self._faults: list[FieldError] = []

    def values(self, name: str) -> list[str]:
        """Return all values of a parameter."""
        return self._given.pop(name, [])

    def read(self, name: str, reader: Callable[[str], T], default: str) -> T:
        """Return what `reader` makes of a parameter; after a fault, of its default."""
        texts = self.values(name) or [default]
        try:
            if len(texts) > 1:
                raise ValueError("must be given once")
            return reader(texts[0])
        except ValueError as error:
            self._faults.append(FieldError(name, str(error)))
            return reader(default)

    def sources(self) -> list[str]:
        """Return tills and channels; PostgreSQL has no text with a zero byte."""
        sources = self.values("source")
        if any("\0" in source for source in sources):
            self._faults.append(FieldError("source", "must be printable text"))
        return sources

    def span(self) -> WindowSpan:
        """Return stores and time."""
        names = {store.code: store.name for store in self._menu.stores}
        stores = Choice()
        try:
            stores = read_choice(self.values("store"), names)
        except ValueError as error:
            self._faults.append(FieldError("store", str(error)))
        return WindowSpan(
            stores=stores,
            first=self.read("from", self._moment("from"), ""),
            last=self.read("to", self._moment("to"), ""),
        )

    def check(self) -> None:
        """Raise if something was wrong, or is left over."""
        self._faults += [FieldError(name, "is not a parameter of windows") for name in self._given]
        if self._faults:
            reasons = "; ".join(f"{fault.field} {fault.message}" for fault in self._faults)
            raise Invalid(f"The windows cannot be made: {reasons}.", errors=tuple(self._faults))

    def _moment(self, field: str) -> Callable[[str], datetime | date | None]:
        def read(text: str) -> datetime | date | None:
            if not text:
                return None
            try:
                moment = read_moment(field, text, self._zone)
            except Invalid as error:
                raise ValueError(error.errors[0].message) from None
            if not isinstance(moment, datetime):
                return moment
            if not MIN_PLACED_AT <= moment <= _END:
                raise ValueError("must be from 2000 to 2099")
            moment = moment.astimezone(UTC)  # an offset may have seconds
            if moment.second or moment.microsecond:
                raise ValueError("must be a whole minute")
            return moment

        return read


def _gap(text: str) -> timedelta:
    seconds = parse_duration(text)
    if seconds < _MINUTE:
        raise ValueError("must be a minute or more, such as 60s, 5m or 2h")
    return timedelta(seconds=seconds)


def _whole_minutes(text: str) -> timedelta:
    seconds = parse_duration(text)
    if seconds % _MINUTE or not _MINUTE <= seconds <= _DAY:
        raise ValueError("must be whole minutes, from 1m to 24h")
    return timedelta(seconds=seconds)


def _response(body: SalesSessions | SlidingSums) -> web.Response:
    return web.Response(
        body=frames.encode(body),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-cache"},
    )

"""Asks the server for the reports that the screen shows: at once if one is missing, then each minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from coffeert.domain.money import money_text
from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.report_request import ReportAnswer, WantedReport
from coffeert.tui.model.source import Archive
from coffeert.wire.reports import Report

_CHECK_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 5.0
_TIMEOUT_SECONDS: Final = 20.0
_ACTIVITY_SECONDS: Final = 15.0
_MAX_SHARE: Final = 10
"""A report is asked for again after so many times as long as its answer took, if that is later."""
_WEEK_MINUTES: Final = 60
"""After how many minutes the usual week is asked for again; the rest each minute."""


async def refresh_reports(
    state: DashboardState, archive: Archive, wake: Callable[[], None]
) -> None:
    """Keep the reports that the state wants at hand until cancelled; `wake` is called after each round.

    A report that cannot be had is asked for again after some seconds; the answer before stays.
    """
    while True:
        if state.live.link.state == "up" and state.live.view is not None:
            _forget_other_days(state)
            due = [request for request in state.wanted_reports() if _due(state, request)]
            periods = dict.fromkeys(request.period for request in due)
            asked = [
                _refresh(state, archive, [one for one in due if one.period == period])
                for period in periods
            ]
            if _activity_due(state):
                asked.append(_ask_activity(state, archive))
            if asked:
                await asyncio.gather(*asked)
                wake()
        await asyncio.sleep(_CHECK_SECONDS)


def _forget_other_days(state: DashboardState) -> None:
    """Forget all reports if stores begin their days at another time than when they were made."""
    assert state.live.view is not None
    retention = state.live.view.cube.retention
    calendars = [(day.zone, day.starts) for day in retention.days], retention.calendar_of
    if state.reports.calendars != calendars:
        state.reports.answers.clear()
        state.reports.calendars = calendars


def _minute(state: DashboardState) -> int:
    return int(state.live.now().timestamp()) // 60


def _due(state: DashboardState, request: WantedReport) -> bool:
    answer = state.reports.answer(request)
    pause = max(_RETRY_SECONDS, answer.took * _MAX_SHARE)
    if answer.failure and state.live.clock.monotonic() - answer.failed < pause:
        return False
    age = _minute(state) - answer.minute
    # What took long, as prices do in a large table, is not asked for without a pause.
    every = max(_WEEK_MINUTES if "weekday" in request.by else 1, answer.took * _MAX_SHARE // 60)
    return answer.report is None or not 0 <= age < every


class _Asked(NamedTuple):
    """What came of asking for a report: it, or a failure; `minute` is that of the server when asked."""

    request: WantedReport
    report: Report | None
    failure: str
    minute: int
    took: float

    @property
    def until(self) -> datetime | None:
        """As far as the report is counted, if its period has not ended yet."""
        return None if self.report is None else self.report.period.until


async def _refresh(state: DashboardState, archive: Archive, due: Sequence[WantedReport]) -> None:
    """Ask for reports of a period, and show all at once, or panels would not add up to the same sum.

    If a minute has passed between them, those that end earlier are asked for once more.
    """
    found = await _ask_all(state, archive, due)
    latest = max((one.until for one in found if one.until is not None), default=None)
    early = [one for one in found if one.until != latest and one.until is not None]
    found = [one for one in found if one not in early]
    found += await _ask_all(state, archive, [one.request for one in early])
    moment = state.live.clock.monotonic()
    for one in found:
        answer: ReportAnswer = state.reports.answer(one.request)
        answer.failure, answer.took = one.failure, one.took
        if one.report is None:
            answer.failed = moment
        else:
            answer.report, answer.minute, answer.received = one.report, one.minute, moment


async def _ask_all(
    state: DashboardState, archive: Archive, requests: Sequence[WantedReport]
) -> list[_Asked]:
    return await asyncio.gather(*(_ask(state, archive, request) for request in requests))


async def _ask(state: DashboardState, archive: Archive, request: WantedReport) -> _Asked:
    minute, asked, places = _minute(state), state.live.clock.monotonic(), state.live.places
    chosen = request.selection
    lowest, highest = (
        None if price is None else money_text(price, places)
        for price in (chosen.min_price, chosen.max_price)
    )
    report, failure = None, ""
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            report = await archive.report(
                request.period,
                compare=request.compare,
                by=request.by,
                stores=chosen.stores or (),
                drinks=chosen.drinks or (),
                min_price=lowest,
                max_price=highest,
                details=request.details,
            )
    except (CoffeertError, TimeoutError) as error:
        failure = str(error).rstrip(".") or "the server did not answer"
    return _Asked(request, report, failure, minute, state.live.clock.monotonic() - asked)


def _activity_due(state: DashboardState) -> bool:
    reports, moment = state.reports, state.live.clock.monotonic()
    if reports.activity_failed and moment - reports.activity_failed < _RETRY_SECONDS:
        return False
    return state.live.activity is None or moment - reports.activity_received >= _ACTIVITY_SECONDS


async def _ask_activity(state: DashboardState, archive: Archive) -> None:
    reports, moment = state.reports, state.live.clock.monotonic()
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            state.live.activity = await archive.activity()
    except (CoffeertError, TimeoutError):
        reports.activity_failed = moment
        return
    reports.activity_failed = 0.0
    reports.activity_received = moment

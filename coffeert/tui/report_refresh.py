"""Asks the server for the reports that the screen shows: at once if one is missing, then each minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from coffeert.errors import CoffeertError
from coffeert.tui.dashboard_state import DashboardState
from coffeert.tui.model.report_request import ReportAnswer, WantedReport
from coffeert.tui.model.source import Archive

_CHECK_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 5.0
_TIMEOUT_SECONDS: Final = 20.0
_ACTIVITY_SECONDS: Final = 15.0
_WEEK_MINUTES: Final = 60
"""After how many minutes the usual week is asked for again; the rest each minute."""


async def refresh_reports(
    state: DashboardState, archive: Archive, wake: Callable[[], None]
) -> None:
    """Keep the reports that the state wants at hand until cancelled; `wake` is called after each answer.

    A report that cannot be had is asked for again after some seconds; the answer before stays.
    """
    while True:
        if state.live.link.state == "up" and state.live.view is not None:
            due = [request for request in state.wanted_reports() if _due(state, request)]
            asked = [_ask(state, archive, request) for request in due]
            if _activity_due(state):
                asked.append(_ask_activity(state, archive))
            if asked:
                await asyncio.gather(*asked)
                wake()
        await asyncio.sleep(_CHECK_SECONDS)


def _minute(state: DashboardState) -> int:
    return int(state.live.now().timestamp()) // 60


def _due(state: DashboardState, request: WantedReport) -> bool:
    answer = state.reports.answer(request)
    if answer.failure and state.live.clock.monotonic() - answer.failed < _RETRY_SECONDS:
        return False
    age = _minute(state) - answer.minute
    every = _WEEK_MINUTES if "weekday" in request.by else 1
    return answer.report is None or not 0 <= age < every


async def _ask(state: DashboardState, archive: Archive, request: WantedReport) -> None:
    answer: ReportAnswer = state.reports.answer(request)
    minute = _minute(state)
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            report = await archive.report(
                request.period,
                compare=request.compare,
                by=request.by,
                stores=request.selection.stores or (),
                drinks=request.selection.drinks or (),
            )
    except (CoffeertError, TimeoutError) as error:
        answer.failure = str(error).rstrip(".") or "the server did not answer"
        answer.failed = state.live.clock.monotonic()
        return
    answer.report, answer.minute, answer.failure = report, minute, ""
    answer.received = state.live.clock.monotonic()


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

"""The feed against a peer whose every frame the test decides."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from coffeert.cancellation import end
from coffeert.client import (
    Beat,
    Connected,
    Connecting,
    DashboardFeed,
    Disconnected,
    FeedEvent,
    GapFound,
    MenuUpdated,
    ViewChanged,
    ViewReset,
    websocket,
)
from coffeert.domain.orders import Draft
from coffeert.errors import FieldError, Invalid, OutcomeUnknown, ServerUnavailable, Unauthorized
from coffeert.wire import frames
from coffeert.wire.order_requests import draft_from_request
from tests.integration.client.peer import MENU, Connection, Dashboard, serving, stored
from tests.waiting import eventually

TEA = Draft("uptown", "tea")


class FeedLog:
    """All events of a feed, in order."""

    def __init__(self, feed: DashboardFeed) -> None:
        self.feed = feed
        self.events: list[FeedEvent] = []
        self.ended = False

    async def read(self) -> None:
        async for event in self.feed.events():
            self.events.append(event)
        self.ended = True

    def kinds(self) -> list[type[FeedEvent]]:
        return [type(event) for event in self.events]

    async def until(self, condition: Callable[[], bool]) -> None:
        await eventually(condition)

    def disconnections(self) -> list[Disconnected]:
        return [event for event in self.events if isinstance(event, Disconnected)]


@asynccontextmanager
async def following(
    dashboard: Dashboard, token: str | None = None, *, retry: bool = True
) -> AsyncIterator[FeedLog]:
    async with serving(dashboard.route()) as url, DashboardFeed(url, token, retry=retry) as feed:
        log = FeedLog(feed)
        reader = asyncio.create_task(log.read())
        yield log
        await end(reader)


async def test_follows_the_view_from_the_first_snapshot() -> None:
    dashboard = Dashboard()
    async with following(dashboard, "s3cret") as log:
        server = await dashboard.accepted()
        await server.greet()
        await server.send(server.change("tea", 3), server.change("latte", 1), server.heartbeat())
        await log.until(lambda: Beat in log.kinds() and log.feed.version == 3)
        feed = log.feed
        assert feed.view is not None
        assert dict(feed.view.cube.cells()) == dict(server.view.cube.cells())
        assert feed.totals == server.view.cube.totals()
        assert (feed.epoch, feed.menu, feed.gaps) == ("one", MENU, 0)
        assert feed.health is not None
    assert log.kinds()[:4] == [Connecting, Connected, MenuUpdated, ViewReset]
    assert ViewChanged in log.kinds()
    request = dashboard.requests[0]
    assert request.headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(request.url)
    assert server.query == {}


async def test_resumes_from_where_it_was() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        first = await dashboard.accepted()
        await first.greet()
        await first.send(first.change("tea", 3))
        await log.until(lambda: log.feed.version == 2)
        await first.socket.close(code=1012)

        second = await dashboard.accepted()
        assert second.query == {"epoch": "one", "version": "2"}
        second.view, second.version = first.view, first.version
        missed = second.change("mocha", 2)
        await second.send(second.hello(), missed)
        await log.until(lambda: log.feed.version == 3)
        assert log.feed.view is not None
        assert dict(log.feed.view.cube.cells()) == dict(second.view.cube.cells())
    assert [e.resumed for e in log.events if isinstance(e, Connected)] == [False, True]
    assert log.kinds().count(ViewReset) == 1
    assert log.disconnections()[0].reason == "is restarting"
    assert log.feed.gaps == 0


async def test_asks_for_the_whole_view_where_a_change_is_missing() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        server.change("lost", 1)
        await server.send(server.change("tea", 2), server.change("tea", 3))
        assert await server.next_frame() == frames.Resync()
        await server.send(server.snapshot(), server.change("mocha", 1))
        await log.until(lambda: log.feed.version == 5)
        assert log.feed.view is not None
        assert dict(log.feed.view.cube.cells()) == dict(server.view.cube.cells())
        assert server.received.empty(), "one gap, one resync"
    assert log.feed.gaps == 1
    assert [e for e in log.events if isinstance(e, GapFound)] == [GapFound(1, 2)]


async def test_two_heartbeats_ahead_of_the_view_mean_a_lost_change() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        server.change("lost", 1)
        await server.send(server.heartbeat(), server.heartbeat())
        assert await server.next_frame() == frames.Resync()
        await server.send(server.snapshot())
        await log.until(lambda: log.feed.version == 2)
    assert log.feed.gaps == 1


async def test_silence_of_four_heartbeats_is_a_dead_link() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet(heartbeat=0.02)
        await dashboard.accepted()
        assert log.disconnections()[0].reason == "has gone silent"


async def test_comes_back_when_the_goodbye_said() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        await server.send(frames.Goodbye(reason="the server stops", retry_after=3_000))
        await server.socket.close(code=1012)
        await log.until(lambda: bool(log.disconnections()))
        (gone,) = log.disconnections()
        assert gone.reason == "said goodbye: the server stops"
        assert gone.retry_in is not None
        assert 3_000 <= gone.retry_in <= 3_750
        log.feed.reconnect_now()
        await dashboard.accepted()


@pytest.mark.parametrize(("status", "words"), [(401, "token"), (403, "allow"), (404, "dashboard")])
async def test_asks_only_now_and_then_where_it_was_never_let_in(status: int, words: str) -> None:
    dashboard = Dashboard()
    dashboard.refuse_with = status
    async with following(dashboard) as log:
        await log.until(lambda: bool(log.disconnections()))
        (refused,) = log.disconnections()
        assert words in refused.reason
        assert refused.retry_in is not None
        assert refused.retry_in >= websocket.REFUSED_RETRY_SECONDS
        dashboard.refuse_with = None
        log.feed.reconnect_now()
        await (await dashboard.accepted()).greet()
        await log.until(lambda: log.feed.view is not None)


async def test_where_it_was_never_let_in_it_goes_on_by_itself_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "REFUSED_RETRY_SECONDS", 0.01)
    dashboard = Dashboard()
    dashboard.refuse_with = 404
    async with following(dashboard) as log:
        await log.until(lambda: len(log.disconnections()) > 2)
        dashboard.refuse_with = None
        await (await dashboard.accepted()).greet()
        await log.until(lambda: log.feed.view is not None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 426, 500, 502, 503, 504, 200, 302])
async def test_once_live_no_refusal_is_a_verdict(status: int) -> None:
    """As of a proxy that exchanges the server behind it."""
    dashboard = Dashboard()
    async with following(dashboard) as log:
        first = await dashboard.accepted()
        await first.greet()
        await log.until(lambda: log.feed.view is not None)
        dashboard.refuse_with = status
        await first.socket.close()
        await log.until(lambda: len(log.disconnections()) == 3)
        waiting = asyncio.create_task(log.feed.place(TEA))
        await log.until(lambda: len(log.disconnections()) == 4)
        assert all(event.retry_in is not None for event in log.disconnections())
        assert log.feed.view is not None
        dashboard.refuse_with = None
        second = await dashboard.accepted()
        await second.greet()
        await acknowledge(second, await order(second))
        assert (await waiting).attempts == 1


@pytest.mark.long
async def test_it_is_said_for_how_long_a_token_is_not_taken() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        dashboard.refuse_with = 401
        await log.until(lambda: log.feed.view is not None)
        await server.socket.close()
        said = re.compile(r"has answered 401 for \d+ s: is the token still right\?")
        await log.until(lambda: any(said.fullmatch(gone.reason) for gone in log.disconnections()))


async def test_a_handshake_that_is_never_answered_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "HELLO_TIMEOUT_SECONDS", 0.05)

    async def hang(request: web.Request) -> web.Response:
        await asyncio.get_running_loop().create_future()
        return web.Response()

    async with serving(web.get("/ws/dashboard", hang)) as url, DashboardFeed(url) as feed:
        async for event in feed.events():
            if isinstance(event, Disconnected):
                assert event.reason == "did not answer in time"
                break


async def test_another_protocol_is_refused() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.send(server.hello(protocol=99))
        await log.until(lambda: bool(log.disconnections()))
        assert "protocol 99" in log.disconnections()[0].reason
        with pytest.raises(ServerUnavailable, match="protocol 99"):
            await log.feed.place(TEA)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type":"surprise"}', '{"type":"delta"}', "null"])
async def test_a_frame_that_is_none_ends_the_connection_not_the_feed(text: str) -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        await server.socket.send_str(text)
        await (await dashboard.accepted()).greet()
        assert "no frame of this protocol" in log.disconnections()[0].reason


@pytest.mark.parametrize("damage", [{"stores": []}, {"calendar_of": {"uptown": 1}}])
async def test_columns_that_contradict_themselves_end_the_connection_not_the_feed(
    damage: dict[str, object],
) -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        good = server.change("tea", 1)
        columns = msgspec.structs.replace(good.view, **damage)
        await server.send(msgspec.structs.replace(good, view=columns))
        await (await dashboard.accepted()).greet()
        assert "no frame of this protocol" in log.disconnections()[0].reason


async def test_without_retry_the_first_loss_ends_the_events() -> None:
    dashboard = Dashboard()
    async with following(dashboard, retry=False) as log:
        server = await dashboard.accepted()
        await server.greet()
        await log.until(lambda: log.feed.view is not None)
        await server.socket.close()
        await log.until(lambda: log.ended)
        assert log.disconnections() == [Disconnected("closed the connection", None)]
        with pytest.raises(ServerUnavailable):
            await log.feed.place(TEA)


async def test_a_server_that_is_not_there_is_told_and_tried_again() -> None:
    async with serving() as url:
        pass
    async with DashboardFeed(url) as feed:
        attempts = []
        async for event in feed.events():
            if isinstance(event, Disconnected):
                assert "does not answer" in event.reason
                assert event.retry_in is not None
            if isinstance(event, Connecting):
                attempts.append(event.attempt)
                feed.reconnect_now()
            if len(attempts) == 3:
                break
    assert attempts == [1, 2, 3]


async def test_places_orders_over_the_same_connection() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        good = asyncio.create_task(log.feed.place(TEA))
        bad = asyncio.create_task(log.feed.place(Draft("nowhere", "tea")))
        asked = {frame.store: frame for frame in [await order(server), await order(server)]}
        await server.send(
            frames.Refusal(
                status=422,
                title="Invalid value",
                detail="No.",
                ref=asked["nowhere"].ref,
                errors=(FieldError("store", "is unknown"),),
            )
        )
        await acknowledge(server, asked["uptown"])
        placed = await good
        assert str(placed.order.order_id) == asked["uptown"].order_id
        assert (placed.replayed, placed.attempts) == (False, 1)
        with pytest.raises(Invalid) as refused:
            await bad
        assert refused.value.errors == (FieldError("store", "is unknown"),)


async def test_an_order_unanswered_when_the_link_breaks_is_sent_again_under_its_key() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        first = await dashboard.accepted()
        await first.greet()
        task = asyncio.create_task(log.feed.place(TEA))
        asked = await order(first)
        await first.socket.close()
        second = await dashboard.accepted()
        await second.greet()
        again = await order(second)
        assert again.order_id == asked.order_id
        await acknowledge(second, again, status=200)
        assert (await task).replayed


async def test_an_order_without_an_answer_says_that_it_may_be_stored() -> None:
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        await log.until(lambda: log.feed.view is not None)
        with pytest.raises(OutcomeUnknown, match="may be stored"):
            await log.feed.place(TEA, timeout=0.05)


async def test_a_refused_client_places_nothing() -> None:
    dashboard = Dashboard()
    dashboard.refuse_with = 401
    async with following(dashboard) as log:
        waiting = asyncio.create_task(log.feed.place(TEA))
        with pytest.raises(Unauthorized):
            await waiting
        await log.until(lambda: bool(log.disconnections()))
        with pytest.raises(Unauthorized):
            await log.feed.place(TEA)


async def order(server: Connection) -> frames.OrderFrame:
    frame = await server.next_frame()
    assert isinstance(frame, frames.OrderFrame)
    return frame


async def acknowledge(server: Connection, asked: frames.OrderFrame, status: int = 201) -> None:
    body = stored(draft_from_request(asked, 2))
    await server.send(frames.Ack(ref=asked.ref, status=status, order=body))


async def delays_of(url: str, losses: int) -> list[float]:
    """Return the delays that a feed announces, without waiting for them."""
    delays: list[float] = []
    async with DashboardFeed(url) as feed:
        async for event in feed.events():
            if isinstance(event, Disconnected) and event.retry_in is not None:
                delays.append(event.retry_in)
                feed.reconnect_now()
            if len(delays) == losses:
                break
    return delays


async def test_a_server_of_this_machine_is_asked_every_two_seconds() -> None:
    async with serving() as url:
        pass
    assert max(await delays_of(url, 12)) <= websocket.SOON_SECONDS


async def test_a_lost_server_is_asked_every_two_seconds_for_some_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "is_local_host", lambda host: False)
    dashboard = Dashboard()
    async with following(dashboard) as log:
        server = await dashboard.accepted()
        await server.greet()
        await log.until(lambda: log.feed.view is not None)
        dashboard.refuse_with = 502

        async def lose(times: int) -> list[float]:
            before = len(log.disconnections())
            while (known := len(log.disconnections())) < before + times:
                log.feed.reconnect_now()
                await eventually(lambda: len(log.disconnections()) > known)
            return [gone.retry_in or 0.0 for gone in log.disconnections()[before:]]

        await server.socket.close()
        assert max(await lose(10)) <= websocket.SOON_SECONDS
        monkeypatch.setattr(websocket, "EXPECTED_BACK_SECONDS", 0.0)
        assert max(await lose(4)) > websocket.SOON_SECONDS

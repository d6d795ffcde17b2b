"""Orders over HTTP against a peer that fails in every way a network can."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from aiohttp import web

from coffeert.client import OrderClient
from coffeert.domain.orders import Draft, new_order_id
from coffeert.errors import (
    ApiError,
    Conflict,
    FieldError,
    Invalid,
    OutcomeUnknown,
    ServerUnavailable,
    Unavailable,
)
from coffeert.wire.order_requests import decode_order
from coffeert.wire.orders import BatchResult, LineProblem, Problem, encode
from tests.integration.client.peer import (
    MENU,
    Script,
    accept,
    always,
    answer,
    cut,
    serving,
    stored,
)

TEA = Draft("uptown", "tea")


def unavailable(retry_after: float | None = 0.0, title: str = "Unavailable") -> web.Response:
    return answer(Problem(title, 503, "Too busy.", retry_after=retry_after), 503)


async def replay(request: web.Request) -> web.Response:
    return answer(stored(decode_order(await request.read())))


async def test_an_order_is_given_its_key_and_comes_back_as_stored() -> None:
    script, menu = Script(accept), Script(always(lambda: answer(MENU)))
    routes = web.post("/api/orders", script.handle), web.get("/api/menu", menu.handle)
    async with serving(*routes) as url, OrderClient(url) as client:
        placed = await client.place(Draft("uptown", "tea", price_cents=275))
        await client.place(Draft("uptown", "tea", total_cents=550))
    assert len(menu.requests) == 1, "it says how many decimal places an amount has"
    assert (placed.order.drink, placed.order.price_cents) == ("tea", 275)
    assert decode_order(script.bodies[0]).order_id == placed.order.order_id
    assert (placed.replayed, placed.attempts) == (False, 1)
    assert placed.submitted <= placed.committed


async def test_retries_go_under_the_same_key_through_busy_and_broken_answers() -> None:
    script = Script(
        always(unavailable),
        cut,
        always(lambda: web.Response(status=502, text="<html>")),
        always(lambda: answer(Problem("Slow down", 429, "d"), 429, **{"Retry-After": "0"})),
        replay,
    )
    key = new_order_id()
    async with serving(web.post("/api/orders", script.handle)) as url, OrderClient(url) as client:
        placed = await client.place(Draft("uptown", "tea", order_id=key))
        assert client.retries == 4
    assert {decode_order(body).order_id for body in script.bodies} == {key}
    assert (placed.replayed, placed.attempts) == (True, 5)


async def test_what_is_refused_for_good_is_raised_at_once_with_its_fields() -> None:
    fault = FieldError("drink", "is not on the menu")
    script = Script(always(lambda: answer(Problem("Invalid value", 422, "No.", (fault,)), 422)))
    async with serving(web.post("/api/orders", script.handle)) as url, OrderClient(url) as client:
        with pytest.raises(Invalid, match=r"^No\.$") as refused:
            await client.place(TEA)
    assert refused.value.errors == (fault,)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("title", "kind"), [("Unavailable", Unavailable), ("Outcome unknown", OutcomeUnknown)]
)
async def test_past_its_patience_it_raises_what_the_server_said_last(
    title: str, kind: type[ApiError]
) -> None:
    script = Script(always(lambda: unavailable(60.0, title)))
    async with (
        serving(web.post("/api/orders", script.handle)) as url,
        OrderClient(url, patience=5) as client,
    ):
        with pytest.raises(kind, match="Too busy") as refused:
            await client.place(TEA)
    assert refused.value.retry_after == 60
    assert len(script.requests) == 1, "the server asked for longer than there was"


async def test_a_server_that_is_not_there_is_told_in_plain_words() -> None:
    async with serving() as url:
        pass
    async with OrderClient(url, patience=0.2) as client:
        with pytest.raises(ServerUnavailable, match=r"127\.0\.0\.1:\d+ does not answer") as gone:
            await client.place(TEA)
    assert "Errno" not in str(gone.value)


async def test_the_token_travels_in_its_header_and_is_not_redirected() -> None:
    elsewhere = Script(accept)
    script = Script(always(lambda: web.Response(status=307, headers={"Location": "/elsewhere"})))
    async with (
        serving(
            web.post("/api/orders", script.handle), web.post("/elsewhere", elsewhere.handle)
        ) as url,
        OrderClient(url, "s3cret") as client,
    ):
        with pytest.raises(ApiError, match=rf"{url} redirects to {url}/elsewhere .*307.*\.$"):
            await client.place(TEA)
    assert script.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(script.requests[0].url)
    assert not elsewhere.requests


async def test_void_menu_and_dashboard_ask_at_their_addresses() -> None:
    key = new_order_id()
    void = Script(always(lambda: answer(stored(Draft("uptown", "tea", order_id=key)), 201)))
    menu = Script(always(lambda: answer(MENU)))
    dashboard = Script(always(lambda: answer(Problem("Not found", 404, "No."), 404)))
    routes = (
        web.post(f"/api/orders/{key}/void", void.handle),
        web.get("/api/menu", menu.handle),
        web.get("/api/dashboard", dashboard.handle),
    )
    async with serving(*routes) as url, OrderClient(url) as client:
        assert (await client.void(key)).order.order_id == key
        assert await client.menu() == MENU
        with pytest.raises(ApiError):
            await client.dashboard(datetime.fromisoformat("2026-01-31T22:00:00+03:00"))
    assert dashboard.requests[0].query["at"] == "2026-01-31T22:00:00+03:00"


async def drafts(count: int) -> AsyncIterator[Draft]:
    for number in range(count):
        yield Draft("uptown", f"drink-{number}")


async def test_a_batch_that_breaks_off_is_taken_up_where_it_broke() -> None:
    broken = BatchResult(2, 1, 1, (LineProblem(2, 422, "a"),), Problem("Unavailable", 503, "busy"))
    script = Script(
        cut,
        always(lambda: answer(broken, 503)),
        always(lambda: answer(BatchResult(2, 0, 1, (LineProblem(1, 409, "b"),)))),
    )
    async with (
        serving(web.post("/api/orders/batch", script.handle)) as url,
        OrderClient(url) as client,
    ):
        result = await client.batch(drafts(7))
        assert client.retries == 2
    assert (result.accepted, result.replayed, result.rejected) == (4, 1, 2)
    assert [(error.line, error.detail) for error in result.errors] == [(2, "a"), (5, "b")]
    all_lines, again, rest = [body.split(b"\n") for body in script.bodies]
    assert again == all_lines
    assert rest == all_lines[4:]
    assert script.requests[0].content_type == "application/x-ndjson"


async def test_lines_refused_only_for_now_are_sent_again() -> None:
    busy = BatchResult(1, 0, 2, (LineProblem(2, 503, "busy"),))
    script = Script(always(lambda: answer(busy)), always(lambda: answer(BatchResult(2, 1, 0))))
    async with (
        serving(web.post("/api/orders/batch", script.handle)) as url,
        OrderClient(url) as client,
    ):
        result = await client.batch(drafts(3))
    assert (result.accepted, result.replayed, result.rejected) == (2, 1, 0)
    assert script.bodies[0] == script.bodies[1]


async def test_a_batch_refused_for_good_is_raised() -> None:
    broken = BatchResult(1, 0, 0, (), Problem("Too large", 413, "Line 2 is too long."))
    script = Script(always(lambda: answer(broken, 413)))
    async with (
        serving(web.post("/api/orders/batch", script.handle)) as url,
        OrderClient(url) as client,
    ):
        with pytest.raises(ApiError, match=r"^Line 2 is too long\.$"):
            await client.batch(drafts(3))


async def test_a_long_batch_is_cut_into_requests_and_counted_as_one() -> None:
    sizes: list[int] = []

    async def count(request: web.Request) -> web.Response:
        lines = (await request.read()).split(b"\n")
        sizes.append(len(lines))
        return answer(BatchResult(len(lines) - 1, 0, 1, (LineProblem(len(lines), 422, "last"),)))

    async with serving(web.post("/api/orders/batch", count)) as url, OrderClient(url) as client:
        result = await client.batch(drafts(12_000))
    assert sum(sizes) == 12_000
    assert max(sizes) <= 5_000
    assert [error.line for error in result.errors] == [5_000, 10_000, 12_000]
    assert (result.accepted, result.rejected) == (11_997, 3)


async def test_a_conflict_after_no_retry_is_a_conflict() -> None:
    script = Script(always(lambda: answer(Problem("Conflict", 409, "Other content."), 409)))
    async with serving(web.post("/api/orders", script.handle)) as url, OrderClient(url) as client:
        with pytest.raises(Conflict):
            await client.place_body(encode({"order_id": new_order_id()}))


async def test_a_closed_client_says_so() -> None:
    with pytest.raises(ServerUnavailable, match="async with"):
        await OrderClient("http://127.0.0.1:1").menu()

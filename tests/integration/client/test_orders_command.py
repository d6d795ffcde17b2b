"""`coffeert orders` against a real server."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest

from coffeert.client import OrderClient
from coffeert.domain.orders import Draft
from coffeert.wire.order_pages import decode_order_list
from tests.integration.inject.command import run

DAY = datetime(2024, 7, 31, 19, tzinfo=UTC)


@pytest.mark.long
async def test_a_table_json_and_csv_of_what_matches(server_url: str) -> None:
    async with OrderClient(server_url) as client:
        for number in range(5):
            await client.place(
                Draft("uptown", "tea", 2, 290 + number, DAY + timedelta(days=number), receipt="17")
            )
        placed = await client.place(Draft("central", "latte", 1, 480, DAY, key="k"))
        await client.void("k")

    async def out(*arguments: str) -> str:
        done = await run("orders", "--url", server_url, *arguments)
        assert (done.code, done.err) == (0, "")
        return done.out

    table = (await out("--limit", "2")).splitlines()
    assert re.match(r"2024-08-04 19:00:00  tea +uptown +2 +5.88  receipt 17$", table[0])
    assert table[2] == "2 of 6 orders; --limit shows more, --csv all"
    kyiv = await out("--drink", "Latte", "--timezone", "Europe/Kyiv")
    assert "2024-07-31 22:00:00" in kyiv
    assert "void since" in kyiv
    found = decode_order_list(await out("--json", "--min-price", "2.91", "--max-price", "2.93"))
    assert ([order.price for order in found.orders], found.total) == (["2.93", "2.92", "2.91"], 3)
    days = decode_order_list(await out("--json", "--from", "2024-08-01", "--to", "2024-08-02"))
    assert days.total == 2
    before = decode_order_list(await out("--json", "--to", "2024-08-01T19:00"))
    assert before.total == 2
    rows = list(csv.DictReader(io.StringIO(await out("--csv", "--store", "central"))))
    assert [row["quantity"] for row in rows] in (["1", "-1"], ["-1", "1"])
    assert str(placed.order.order_id) in [row["order_id"] for row in rows]
    for arguments, said in (
        (("--store", "uptwon"), "Nothing was found"),
        (("--min-price", "1,5"), "--min-price"),
        (("--from", "yesterday"), "--from"),
        (("--json", "--csv"), "--json or --csv"),
    ):
        done = await run("orders", "--url", server_url, *arguments)
        assert (done.code != 0, said in done.err) == (True, True), done.err

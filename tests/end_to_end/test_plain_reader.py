"""A reader that knows nothing but the documented protocol keeps the dashboard's own numbers."""

from __future__ import annotations

import ast
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from coffeert.client import OrderClient
from tests.end_to_end.ledger import Ledger
from tests.end_to_end.processes import Command, Shell
from tests.ports import free_port
from tests.waiting import eventually

SOURCE = Path(__file__).with_name("plain_reader.py")
LINES = 36  # six of them for the calendars of stores


@pytest.mark.long
async def test_it_follows_orders_voids_and_restarts(shell: Shell, books: Ledger) -> None:
    port = free_port()
    server, url = await shell.serve(port=port)
    address = f"{url.replace('http', 'ws', 1)}/ws/dashboard"
    reader = shell.start(str(SOURCE), address, program=(sys.executable,))
    await eventually(lambda: _pictures(reader))
    injected = await shell.run("inject", "--url", url, "--count", "150", "--rate", "200")
    assert injected.code == 0, injected.err
    async with OrderClient(url) as client:
        for order in (await client.dashboard()).view.recent[:20]:
            seen = len(_pictures(reader))
            await client.void(order.order_id)
            await eventually(partial(_more_than, reader, seen))
        truth = await books.total()
        assert truth.orders == 130
        await eventually(lambda: _pictures(reader)[-1]["hour"] == list(truth))
        totals = (await client.dashboard()).view.totals
        latest = _pictures(reader)[-1]
        assert [list(totals.minute), list(totals.hour), list(totals.day)] == [
            latest[grain] for grain in ("minute", "hour", "day")
        ]
    await server.stopped()
    _, url = await shell.serve(port=port)
    async with OrderClient(url) as client:
        await client.void((await client.dashboard()).view.recent[-1].order_id)
    truth = await books.total()
    await eventually(lambda: _pictures(reader)[-1]["hour"] == list(truth))
    assert all(picture["agree"] for picture in _pictures(reader))
    assert reader.running
    assert not reader.err


def test_it_is_short_and_owes_us_nothing() -> None:
    tree = ast.parse(SOURCE.read_text())
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any("coffeert" in ast.unparse(node) for node in imports)
    lines = SOURCE.read_text().splitlines()[max(node.lineno for node in imports) :]
    code = [line for line in lines if line.strip() and not line.strip().startswith('"""')]
    guard = [line for line in code if "__main__" in line or "asyncio.run" in line]
    assert len(code) - len(guard) <= LINES


def test_it_is_the_one_in_the_documents() -> None:
    documents = SOURCE.parents[2] / "docs" / "protocol.md"
    assert f"```python\n{SOURCE.read_text()}```" in documents.read_text()


def _more_than(reader: Command, pictures: int) -> bool:
    return len(_pictures(reader)) > pictures


def _pictures(reader: Command) -> list[Any]:
    return [json.loads(line) for line in reader.out.splitlines(keepends=True) if line[-1] == "\n"]

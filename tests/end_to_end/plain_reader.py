"""Follow a server's dashboard without any of coffeert's code: the reader in docs/protocol.md."""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from websockets import ConnectionClosed, connect

cells: dict[Any, list[int]] = {}  # by grain, bucket, store and drink: orders, quantity, cents


def apply_view(view: Any) -> dict[str, list[int]]:
    """Replace our cells by the view's, and return the sums of each window and of today."""
    for grain in ("minute", "hour", "day"):
        for start, keys, *columns in view[grain]:
            for key, *totals in zip(keys, *columns, strict=True):
                store, drink = divmod(key, len(view["drinks"]))
                cells[grain, start, view["stores"][store], view["drinks"][drink]] = totals
    sums = {name: [0, 0, 0] for name in ("minute", "hour", "day", "today")}
    for cell, totals in list(cells.items()):
        grain, start, store, _ = cell
        today = view["days"][view["calendar_of"].get(store, 0)][2]
        after = {"minute": view["as_of"] - 3600, "hour": view["as_of"] - 86400}
        if start <= after.get(grain, today - 30 * 86400):
            del cells[cell]
            continue
        for window in [grain] + ["today"] * (grain == "day" and start == today):
            sums[window] = [a + b for a, b in zip(sums[window], totals, strict=True)]
    return sums


async def follow(socket: Any, epoch: str = "", version: int = 0) -> None:
    """Print the sums after each change until the connection ends."""
    async for text in socket:
        frame = json.loads(text)
        if frame["type"] == "snapshot":
            cells.clear()
        elif frame["type"] != "delta":
            continue
        elif frame["epoch"] != epoch or not frame["from"] <= version < frame["to"]:
            await socket.send('{"type": "resync"}')  # changes are missing
            continue
        epoch, version = frame["epoch"], frame.get("to", frame.get("version"))
        sums = apply_view(frame["view"])
        agree = frame["view"]["totals"] == sums
        print(json.dumps({"version": version, "agree": agree, **sums}), flush=True)


async def main(url: str) -> None:
    """Follow the dashboard at `url` through lost connections, until stopped."""
    async for socket in connect(url, max_size=None):  # again and again, with growing delays
        with suppress(ConnectionClosed):
            await follow(socket)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

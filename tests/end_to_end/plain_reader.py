"""Follow a server's dashboard without any of coffeert's code: the reader in docs/protocol.md."""

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from websockets import ConnectionClosed, connect

WINDOWS = {"minute": (60, 60), "hour": (3600, 24), "day": (86400, 30)}  # seconds, buckets
cells: dict[Any, list[int]] = {}


def apply_view(view: Any, grain: str, seconds: int, buckets: int) -> list[int]:
    """Replace our cells of one grain by the view's, and return the sums of its window."""
    for start, keys, *columns in view[grain]:
        for key, *totals in zip(keys, *columns, strict=True):
            store, drink = divmod(key, len(view["drinks"]))
            cells[grain, start, view["stores"][store], view["drinks"][drink]] = totals
    first = view["as_of"] - view["as_of"] % seconds - (buckets - 1) * seconds
    for key in [key for key in cells if key[0] == grain and key[1] < first]:
        del cells[key]
    inside = [totals for key, totals in cells.items() if key[0] == grain]
    return [sum(column) for column in zip([0, 0, 0], *inside, strict=True)]


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
        sums = {grain: apply_view(frame["view"], grain, *WINDOWS[grain]) for grain in WINDOWS}
        agree = all(frame["view"]["totals"][grain] == sums[grain] for grain in sums)
        print(json.dumps({"version": version, "agree": agree, **sums}), flush=True)


async def main(url: str) -> None:
    """Follow the dashboard at `url` through lost connections, until stopped."""
    async for socket in connect(url, max_size=None):  # again and again, with growing delays
        with suppress(ConnectionClosed):
            await follow(socket)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

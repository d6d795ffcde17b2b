"""Follow a server's dashboard with nothing of coffeert's: the reader in docs/protocol.md."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from websockets import ConnectionClosed, connect

WINDOWS = {"minute": (60, 60), "hour": (3600, 24), "day": (86400, 30)}  # seconds, buckets


def take_in(cells: dict[Any, list[int]], view: Any) -> dict[str, list[int]]:
    """Put the view's cells in place of ours, and sum up each window."""
    sums = {}
    for grain, (seconds, buckets) in WINDOWS.items():
        for start, keys, *columns in view[grain]:
            for key, *tally in zip(keys, *columns, strict=True):
                store, drink = divmod(key, len(view["drinks"]))
                cells[grain, start, view["stores"][store], view["drinks"][drink]] = tally
        first = view["as_of"] - view["as_of"] % seconds - (buckets - 1) * seconds
        for key in [key for key in cells if key[0] == grain and key[1] < first]:
            del cells[key]
        inside = [tally for key, tally in cells.items() if key[0] == grain]
        sums[grain] = [sum(column) for column in zip([0, 0, 0], *inside, strict=True)]
    return sums


async def follow(url: str) -> None:
    """Print the sums after each change, through lost connections, until stopped."""
    cells: dict[Any, list[int]] = {}
    epoch, version = "", 0
    while True:
        try:
            async with connect(f"{url}?epoch={epoch}&version={version}", max_size=None) as socket:
                async for text in socket:
                    frame = json.loads(text)
                    mine = frame["type"] == "delta" and frame["epoch"] == epoch
                    if frame["type"] == "snapshot":
                        cells.clear()
                        epoch, version = frame["epoch"], frame["version"]
                    elif mine and frame["from"] <= version < frame["to"]:
                        version = frame["to"]
                    else:
                        if frame["type"] == "delta":  # changes are missing
                            await socket.send('{"type": "resync"}')
                        continue
                    sums = take_in(cells, frame["view"])
                    agree = all(frame["view"]["totals"][grain] == sums[grain] for grain in sums)
                    print(json.dumps({"version": version, "agree": agree, **sums}), flush=True)
        except (OSError, ConnectionClosed):
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1]))

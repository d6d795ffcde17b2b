"""How fast `coffeert import` stores a CSV, beside plain COPY of the same rows into an equal table.

    python benchmarks/imports.py 1000000

The embedded PostgreSQL and a server with its aggregator run in a new directory, which is removed at the
end. The import's time is that of storing and counting, after the look, whose own rate is printed too. COPY
fills, in one transaction, a table with the same columns and indexes, and nobody counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from coffeert.embedded import embedded_services

if TYPE_CHECKING:
    from collections.abc import Iterator

STORES = ("Uptown", "Downtown", "Central", "Southend")
DRINKS = {"Cappuccino": "4.50", "Americano": "3.50", "Latte": "4.80", "Tea": "2.90", "Chai": "4.10"}
PROGRAM = (sys.executable, "-m", "coffeert")
BEGAN = datetime(2022, 1, 1, 6, tzinfo=UTC)
SPAN_SECONDS = 4 * 365 * 86_400
_COPIED = (
    "order_id, xid, placed_at, received_at, quantity, price_cents, store, drink, amount, source, "
    "receipt, import_id"
)


def write_file(path: Path, rows: int) -> int:
    """Write a till's export in the order of time; return the sum in cents."""
    rng = random.Random(1)
    step = SPAN_SECONDS / rows
    cents = 0
    with path.open("w") as file:
        file.write("placed_at,store,drink,quantity,price\n")
        for row in range(rows):
            moment = BEGAN + timedelta(seconds=int(row * step))
            drink, price = rng.choice(list(DRINKS.items()))
            quantity = rng.choice((1, 1, 1, 2, 3))
            cents += quantity * int(price.replace(".", ""))
            file.write(
                f"{moment:%Y-%m-%dT%H:%M:%SZ},{rng.choice(STORES)},{drink},{quantity},{price}\n"
            )
    return cents


@contextmanager
def serving(settings: dict[str, str]) -> Iterator[None]:
    """Run a server until the block ends."""
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0"],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        while "coffeert serves" not in (line := process.stdout.readline()):
            assert line, "the server has ended"
        yield
    finally:
        process.terminate()
        process.communicate()


def run(settings: dict[str, str], *arguments: str) -> tuple[dict[str, Any], float, float]:
    """Run a command; return its JSON, its seconds, and its peak memory in MiB."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [*PROGRAM, *arguments], env=os.environ | settings, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, out
    return json.loads(out), time.perf_counter() - began, usage.ru_maxrss / 1024


async def copy_plainly(url: str, file: Path) -> float:
    """Copy the imported rows into an equal table; return the seconds."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"COPY (SELECT {_COPIED} FROM orders) TO '{file}' (FORMAT binary)")
        await connection.execute("CREATE TABLE plain (LIKE orders INCLUDING ALL)")
        await connection.execute("CHECKPOINT")
        began = time.perf_counter()
        await connection.execute(f"COPY plain ({_COPIED}) FROM '{file}' (FORMAT binary)")
        return time.perf_counter() - began
    finally:
        await connection.close()


async def totals(url: str) -> tuple[int, int, int]:
    """Count rows, different keys, and cents."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(
            "SELECT count(*), count(DISTINCT order_id), "
            "sum(order_amount(quantity, price_cents, amount)) FROM orders"
        )
        assert row is not None
        return int(row[0]), int(row[1]), int(row[2])
    finally:
        await connection.close()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="?", default=200_000)
    parser.add_argument("--directory", type=Path, help="where to work (a new one in /tmp)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coffeert-imports-", dir=options.directory) as name:
        directory = Path(name)
        directory.chmod(0o777)  # PostgreSQL may run under another account
        cents = write_file(directory / "sales.csv", options.rows)
        settings = {"COFFEERT_DATA_DIR": str(directory / "data")}
        with embedded_services(directory / "data") as embedded, serving(settings):
            file = str(directory / "sales.csv")
            report, seconds, memory = run(settings, "import", file, "--yes", "--json")
            verified, _, _ = run(settings, "verify", "--json")
            found = asyncio.run(totals(embedded.database_url))
            plain = asyncio.run(copy_plainly(embedded.database_url, directory / "plain"))
    stored = report["stored"]
    rate = stored["orders"] / stored["seconds"]
    exact = not any(grain["differing"] for grain in verified["grains"])
    print(f"rows             {options.rows:,}")
    print(f"look             {report['rows_per_s']:,.0f} rows/s read, {seconds:.1f} s in all")
    print(f"stored, counted  {rate:,.0f} rows/s ({stored['seconds']:.1f} s)")
    print(f"plain COPY       {options.rows / plain:,.0f} rows/s ({plain:.1f} s)")
    print(f"ratio            {rate / (options.rows / plain):.2f}")
    print(f"peak memory      {memory:.0f} MiB")
    print(
        f"lost {options.rows - found[1]}, duplicated {found[0] - found[1]}, "
        f"cents {'right' if found[2] == cents else 'WRONG'}"
    )
    print(
        f"rollups          {'equal' if exact else 'DIFFER FROM'} the orders, "
        f"{verified['uncounted']} uncounted"
    )
    return 0 if (found, exact) == ((options.rows, options.rows, cents), True) else 1


if __name__ == "__main__":
    sys.exit(main())

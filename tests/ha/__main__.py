"""`python -m tests.ha`: loses each part of a highly available installation, and prints what came of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from coffeert.errors import EmbeddedError
from tests.ha.faults import FAULTS, HaFault
from tests.ha.programs import postgres_programs
from tests.ha.shop import open_shop
from tests.ha.stage import Stage, staged
from tests.torture.overload import replace_table

_BEFORE_SECONDS = 2.0
_STEADY_SECONDS = 3.0
_MOST_SECONDS = 120.0
_HEAD = (
    "| replication | fault | acknowledged | refused, sent again | lost | duplicated | exact |"
    " dashboards stand still | allowed |\n|---|---|---:|---:|---:|---:|---|---:|---:|\n"
)


@dataclass(frozen=True)
class Outcome:
    """A row of the table; `standstill` and `allowed` are in seconds."""

    replication: str
    fault: str
    acknowledged: int
    refused: int
    lost: int
    duplicated: int
    exact: bool
    standstill: float
    allowed: float
    reasons: Counter[str]

    @property
    def good(self) -> bool:
        """Whether it is as promised, time apart."""
        return self.exact and not self.lost and not self.duplicated

    def row(self) -> str:
        """As a line of the table."""
        exact = "yes" if self.exact else "NO"
        counts = (
            f"{self.acknowledged:,} | {self.refused:,} | {self.lost} | {self.duplicated} | {exact}"
        )
        times = f"{self.standstill:.1f} s | {self.allowed:g} s"
        return f"| {self.replication} | {self.fault} | {counts} | {times} |\n"


async def _strike(stage: Stage, fault: HaFault, replication: str, ttl: int, rate: float) -> Outcome:
    async with open_shop(stage, rate) as shop:
        started = time.monotonic()
        async with asyncio.timeout(_MOST_SECONDS):
            await shop.moves_on(started, _BEFORE_SECONDS)
            struck = time.monotonic()
            await fault.strike(stage)
            await shop.moves_on(struck, _STEADY_SECONDS)
        standstill = shop.longest_standstill(struck)
    if fault.mend is not None:
        await fault.mend(stage)
    await stage.whole()
    stored = await stage.stored()
    verified = await stage.shell.run("verify", "--json")
    return Outcome(
        replication=replication,
        fault=fault.name,
        acknowledged=len(shop.acknowledged),
        refused=shop.refusals.total(),
        lost=sum(key not in stored for key in shop.acknowledged),
        duplicated=sum(stored[key] > 1 for key in shop.acknowledged),
        exact=verified.code == 0,
        standstill=standstill,
        allowed=fault.target(ttl),
        reasons=shop.refusals,
    )


async def run(modes: list[str], only: str, times: int, rate: float) -> tuple[str, list[Outcome]]:
    """Lose each part `times` times in turn, with each kind of replication; return settings and rows."""
    outcomes: list[Outcome] = []
    async with staged() as stage:
        settings = stage.postgres.settings()
        said = (
            f"Patroni: ttl {settings['ttl']} s, loop_wait {settings['loop_wait']} s, retry_timeout "
            f"{settings['retry_timeout']} s; Sentinel: down after 1 s; HAProxy asks every 0.5 to 1 s; "
            f"{rate:g} orders/s; PostgreSQL {postgres_programs().parent.name}."
        )
        print(said, flush=True)
        for mode in modes:
            await asyncio.to_thread(stage.postgres.set_synchronous, on=mode == "synchronous")
            for fault in FAULTS:
                if only.lower() not in fault.name.lower():
                    continue
                if fault.asynchronous_only and mode == "synchronous":
                    continue
                for _ in range(times):
                    outcome = await _strike(stage, fault, mode, settings["ttl"], rate)
                    outcomes.append(outcome)
                    print(outcome.row(), end="", flush=True)
                    for reason, number in outcome.reasons.most_common(3):
                        print(f"    {number} x {reason}", flush=True)
    return said, outcomes


def main() -> int:
    """Run, print the table, and write it where `--write` says."""
    parser = argparse.ArgumentParser(prog="python -m tests.ha", description=__doc__)
    parser.add_argument("--times", type=int, default=2, help="of each fault, one after the other")
    parser.add_argument("--mode", choices=("synchronous", "asynchronous"), action="append")
    parser.add_argument("--rate", type=float, default=100, help="orders a second")
    parser.add_argument("--only", default="", help="faults whose name holds this")
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    options = parser.parse_args()
    try:
        postgres_programs()
    except EmbeddedError as error:
        print(f"coffeert: {error}")
        return error.exit_code
    os.environ.setdefault("COFFEERT_TEST_REDIS", str(shutil.which("redis-server")))
    modes = options.mode or ["synchronous", "asynchronous"]
    said, outcomes = asyncio.run(run(modes, options.only, options.times, options.rate))
    table = f"{said}\n\n{_HEAD}{''.join(outcome.row() for outcome in outcomes)}"
    print(f"\n{table}")
    if options.write:
        replace_table(options.write, "ha", table)
    return 0 if all(outcome.good for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())

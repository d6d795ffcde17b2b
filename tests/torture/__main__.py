"""`python -m tests.torture`: every fault, with several seeds, and the table of what came of it."""

from __future__ import annotations

import argparse
import asyncio
import math
import time
import traceback
from pathlib import Path

from tests.torture.checker import Verdict
from tests.torture.faults import FAULTS
from tests.torture.faults.fault import NotPossible
from tests.torture.overload import replace_table
from tests.torture.run import Run, run
from tests.torture.small_disk import NoSmallDisk

_HEAD = (
    "| fault | runs | orders sent | acknowledged | lost | duplicated | rollup == truth | heals in |"
    " remarks |\n"
    "|---|---:|---:|---:|---:|---:|---|---:|---|\n"
)


async def torture(seeds: int, orders: int, only: str, first: int) -> list[Run]:
    """Run every fault whose name holds `only` with each seed."""
    runs = []
    for seed in range(first, first + seeds):
        for kind in FAULTS:
            if only.lower() not in kind.name.lower():
                continue
            started = time.monotonic()
            try:
                done = await run(kind(), seed, orders=orders, pause=0.001)
            except (NoSmallDisk, NotPossible) as reason:
                print(f"seed {seed}  {kind.name:<52} skipped: {reason}", flush=True)
                continue
            except Exception as error:  # noqa: BLE001 (whatever it is, the run has failed)
                traceback.print_exc()
                failed = Verdict(0, 0, 0, 0, exact=False, faults=(f"the run failed: {error!r}",))
                done = Run(kind.name, seed, failed, math.inf, 0)
            runs.append(done)
            verdict = done.verdict
            print(
                f"seed {seed}  {done.fault:<52} sent {verdict.sent:>6}  ack {verdict.acknowledged:>6}"
                f"  lost {verdict.lost}  twice {verdict.duplicated}  exact {verdict.exact}"
                f"  heal {done.heal:.1f} s  frames {done.frames}  feed {verdict.feed}"
                f"  ({time.monotonic() - started:.0f} s)",
                *verdict.faults,
                sep="\n    ",
                flush=True,
            )
    return runs


def table(runs: list[Run]) -> str:
    """Put the runs into one row for each fault."""
    rows = []
    for name in dict.fromkeys(done.fault for done in runs):
        mine = [done for done in runs if done.fault == name]
        verdicts = [run.verdict for run in mine]
        sums = [
            sum(getattr(verdict, field) for verdict in verdicts)
            for field in ("sent", "acknowledged", "lost", "duplicated")
        ]
        good = "yes" if all(verdict.exact for verdict in verdicts) else "NO"
        if any(verdict.faults for verdict in verdicts):
            good = "NO"
        numbers = " | ".join(f"{number:,}" for number in sums)
        heal = max(done.heal for done in mine)
        rows.append(
            f"| {name} | {len(mine)} | {numbers} | {good} | {heal:.1f} s | {_remark(mine)} |\n"
        )
    total = [
        sum(getattr(done.verdict, field) for done in runs)
        for field in ("sent", "acknowledged", "lost", "duplicated")
    ]
    numbers = " | ".join(f"**{number:,}**" for number in total)
    rows.append(f"| **all** | {len(runs)} | {numbers} | | | |\n")
    frames, compared, resumes = (
        sum(getattr(done, field) for done in runs) for field in ("frames", "compared", "resumes")
    )
    watched = (
        f"The dashboards received {frames:,} frames, each checked; {compared:,} times one's view was"
        f" compared with another's, or with the server's own, at the same version, and {resumes:,} times"
        " one that came back was brought up to date by a merged delta.\n"
    )
    feeds = [done.verdict.feed for done in runs if done.verdict.feed is not None]
    read = (
        f"Readers of the feed, {sum(feed.readers for feed in feeds):,} in all, read"
        f" {sum(feed.events for feed in feeds):,} events: in the end each had every order once, with the"
        " same SHA-256 over all ids as one who began only then.\n"
    )
    return f"{_HEAD}{''.join(rows)}\n{watched}\n{read}"


def _remark(runs: list[Run]) -> str:
    times = [done.frame_times for done in runs if done.frame_times is not None]
    feed_times = [done.feed_times for done in runs if done.feed_times is not None]
    remarks = [sum(times[1:], times[0]).remark()] if times else []
    if feed_times:
        remarks.append(sum(feed_times[1:], feed_times[0]).remark())
    feeds = [done.verdict.feed for done in runs if done.verdict.feed is not None]
    if restarts := sum(feed.restarts for feed in feeds):
        remarks.append(f"readers of the feed began again {restarts:,} times (410)")
    return "; ".join(remarks)


def main() -> int:
    """Run, print the table, and write it where `--write` says."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--orders", type=int, default=5_000, help="acknowledged, in each run")
    parser.add_argument("--only", default="", help="faults whose name holds this")
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    options = parser.parse_args()
    runs = asyncio.run(torture(options.seeds, options.orders, options.only, options.first_seed))
    text = table(runs)
    print(text)
    if options.write:
        replace_table(options.write, "torture", text)
    return 0 if all(done.verdict.good for done in runs) else 1


if __name__ == "__main__":
    raise SystemExit(main())

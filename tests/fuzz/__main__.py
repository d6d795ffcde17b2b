"""`python -m tests.fuzz`: fuzz each surface for a while and count what was tried and what broke."""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.surfaces import SURFACES
from tests.fuzz.target import TOKEN, Target, Totals, fuzzed_server
from tests.torture.overload import replace_table

_CHECKS = "not_a_server_error,content_type_conformance,status_code_conformance,response_schema_conformance"


async def fuzz(seconds: float, seed: int, only: str) -> list[Totals]:
    """Fuzz all surfaces one after another."""
    tallies = []
    async with fuzzed_server() as target:
        for name, surface in SURFACES.items():
            if only not in name:
                continue
            rng = random.Random(f"{name} {seed}")
            tally = await surface(rng, time.monotonic() + seconds, target)
            _tell(tally)
            tallies.append(tally)
        if not only or only == "openapi":
            tallies.append(await asyncio.to_thread(_openapi, target, seconds, seed))
            await target.check(tallies[-1])
            _tell(tallies[-1])
    return tallies


def _openapi(target: Target, seconds: float, seed: int) -> Totals:
    """Everything that the description of the API promises, by schemathesis."""
    tally = Totals("/openapi.json (schemathesis)")
    command = [
        sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
        "run", f"{target.url}/openapi.json", "--checks", _CHECKS, "--seed", str(seed),
        "--header", f"Authorization: Bearer {TOKEN}", "--max-time", str(int(seconds)),
        "--exclude-path", "/api/orders/batch", "--continue-on-failure", "--no-color",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as place:  # it leaves files where it runs
        ended = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    for line in ended.stdout.splitlines():
        words = line.split()
        if "generated" in line and words and words[0].isdigit():
            tally.tried += int(words[0])
    if ended.returncode:
        tally.note("schemathesis", ended.stdout[-1500:])
    return tally


def _tell(tally: Totals) -> None:
    print(f"{tally.surface:<32} tried {tally.tried:>9,}  crashes {len(tally.crashes)}", flush=True)
    for crash in tally.crashes[:5]:
        print("   ", crash)


def main() -> int:
    """Fuzz and print; 1 where anything broke, or a surface was not tried at all."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180, help="for each surface")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="surfaces whose name holds this")
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    options = parser.parse_args()
    tallies = asyncio.run(fuzz(options.seconds, options.seed, options.only))
    if not tallies:
        parser.error(f"no surface's name holds {options.only!r}: {', '.join(SURFACES)}, openapi")
    if options.write:
        rows = "".join(
            f"| {tally.surface} | {tally.tried:,} | {len(tally.crashes)} |\n" for tally in tallies
        )
        head = "| surface | inputs tried | crashes |\n|---|---:|---:|\n"
        replace_table(options.write, "fuzz", head + rows)
    return 1 if any(tally.crashes or not tally.tried for tally in tallies) else 0


if __name__ == "__main__":
    raise SystemExit(main())

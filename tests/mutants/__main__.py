"""`python -m tests.mutants`: break the safeguards one by one in a copy, and report which were noticed."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.catalogue import MUTANTS, Mutant
from tests.torture.overload import replace_table

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 400.0
_COPIED = ("coffeert", "deploy", "sql", "tests", "pyproject.toml")


def copy_tree(place: Path) -> None:
    """Copy what the tests need."""
    ignore = shutil.ignore_patterns("__pycache__", "__snapshots__")
    for name in _COPIED:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, place / name, ignore=ignore)
        else:
            shutil.copy2(source, place / name)


def noticed(place: Path, tests: tuple[str, ...]) -> bool:
    """Run tests in a copy until one fails; tell whether one did."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider"]
    command += ["-p", "tests.mutants.no_shrinking"]
    environment = os.environ | {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    for test in tests:
        try:
            ended = subprocess.run(
                [*command, test],
                cwd=place,
                env=environment,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False  # nobody can tell
        if ended.returncode not in {0, 1}:
            raise SystemExit(ended.stdout.decode() + ended.stderr.decode())
        if ended.returncode:
            return True
    return False


def killed(mutant: Mutant) -> bool:
    """Apply a mutant to a copy and tell whether its tests notice."""
    with tempfile.TemporaryDirectory(prefix="coffeert-mutant-", dir="/tmp") as directory:
        place = Path(directory)
        copy_tree(place)
        file = place / mutant.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            raise SystemExit(f"{mutant.name}: {mutant.file} has changed; adapt the catalogue.")
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        return noticed(place, mutant.tests)


def outcomes_on(page: Path | None) -> dict[str, str]:
    """Read what became of mutants from the table of a page."""
    lines = page.read_text(encoding="utf-8").splitlines() if page else []
    cells = (line.strip("| ").split(" | ") for line in lines if line.startswith("| "))
    names = {mutant.name for mutant in MUTANTS}
    return {row[0]: row[1] for row in cells if len(row) == 2 and row[0] in names}


def main() -> int:
    """Try all mutants; 1 if one survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name holds this")
    parser.add_argument("--new", action="store_true", help="mutants that the page does not have")
    parser.add_argument("--write", type=Path, help="a page whose table is brought up to date")
    options = parser.parse_args()
    outcomes = outcomes_on(options.write)
    chosen = [
        mutant
        for mutant in MUTANTS
        if options.only in mutant.name and not (options.new and mutant.name in outcomes)
    ]
    survivors = 0
    for mutant in chosen:
        started = time.monotonic()
        outcome = outcomes[mutant.name] = "killed" if killed(mutant) else "SURVIVED"
        survivors += outcome != "killed"
        print(f"{outcome:<9} {mutant.name}  ({time.monotonic() - started:.0f} s)", flush=True)
    if options.write:
        tried = [mutant.name for mutant in MUTANTS if mutant.name in outcomes]
        rows = "".join(f"| {name} | {outcomes[name]} |\n" for name in tried)
        replace_table(options.write, "mutants", f"| broken on purpose | |\n|---|---|\n{rows}")
    print(f"{len(chosen) - survivors} of {len(chosen)} killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())

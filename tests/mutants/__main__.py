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


def main() -> int:
    """Try all mutants; 1 where one survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name holds this")
    parser.add_argument("--write", type=Path, help="a page whose table is replaced")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    survivors = 0
    rows = ""
    for mutant in chosen:
        started = time.monotonic()
        outcome = "killed" if killed(mutant) else "SURVIVED"
        survivors += outcome != "killed"
        rows += f"| {mutant.name} | {outcome} |\n"
        print(f"{outcome:<9} {mutant.name}  ({time.monotonic() - started:.0f} s)", flush=True)
    if options.write:
        replace_table(options.write, "mutants", f"| broken on purpose | |\n|---|---|\n{rows}")
    print(f"{len(chosen) - survivors} of {len(chosen)} killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())

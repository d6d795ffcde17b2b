"""The installed wheel, away from the repository: it has its SQL with it and needs nothing beside."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import aiohttp
import pytest

from tests.end_to_end.ledger import ledger, shows_all
from tests.end_to_end.processes import Shell

REPOSITORY = Path(__file__).parents[2]
WHERE = "import coffeert, sys; print(coffeert.__file__)"


@pytest.fixture
def wheel(directory: Path) -> Path:
    """The wheel that the repository makes."""
    build = ("-m", "hatchling", "build", "-t", "wheel", "-d", str(directory))
    _run(sys.executable, *build, place=REPOSITORY)
    (wheel,) = directory.glob("*.whl")
    return wheel


@pytest.fixture
def programs(directory: Path, wheel: Path) -> Path:
    """The programs of an environment with the wheel in it, and with what it depends on at hand."""
    environment = directory / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", str(environment), place=directory)
    python = str(environment / "bin" / "python")
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", str(wheel))
    _run(sys.executable, "-m", "pip", "--python", python, "install", *options, place=directory)
    # A path file adds a directory only: what makes the repository importable there is not followed.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert str(environment) in _run(python, "-c", WHERE, place=directory)
    return environment / "bin"


@pytest.mark.long
async def test_the_installed_wheel_serves(
    wheel: Path, programs: Path, shell: Shell, empty_database_url: str
) -> None:
    _holds_what_runs_and_nothing_else(wheel)
    for program in ("coffeert", "coffeert-tui"):
        assert "Usage" in _run(str(programs / program), "--help", place=programs)
    shell.settings["database_url"] = empty_database_url
    coffeert = (str(programs / "coffeert"),)
    migrated = await shell.start("migrate", program=coffeert).ended()
    assert "applied 0001_orders" in migrated.out, migrated.err
    server = shell.start("serve", "--port", "0", "--aggregation-interval", "0.2", program=coffeert)
    url = await server.url()
    async with aiohttp.ClientSession(url) as session:
        for path in ("/livez", "/readyz", "/api/menu", "/openapi.json", "/metrics"):
            assert (await session.get(path)).status == 200, path
        order = {"store": "uptown", "drink": "latte", "quantity": 2}
        placed = await session.post("/api/orders", json=order)
        assert placed.status == 201
        assert (await placed.json())["price"] == "4.80"
    injector = shell.start(
        "inject", "--url", url, "--count", "20", "--rate", "200", program=coffeert
    )
    assert (await injector.ended()).code == 0
    async with ledger(empty_database_url) as books:
        assert await books.count() == 21
        await shows_all(url, books)
    verified = await shell.start("verify", "--json", program=coffeert).ended()
    assert json.loads(verified.out)["grains"]
    assert (await server.stopped()).code == 0


def _holds_what_runs_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert top == {"coffeert", next(name for name in top if name.endswith(".dist-info"))}
    sql = {name.removeprefix("coffeert/") for name in names if name.endswith(".sql")}
    assert sql == {str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("sql/**/*.sql")}
    assert "coffeert/py.typed" in names


def _run(*command: str, place: Path) -> str:
    ended = subprocess.run(
        command, cwd=place, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout

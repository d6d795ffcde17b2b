"""Every error on the command line is one plain sentence and an exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from coffeert.cli import cli, run

RECORDING = Path(__file__).parents[3] / "docs" / "recordings" / "rush.ndjson.gz"
NOWHERE = "postgresql://nobody:s3cret@127.0.0.1:1/shop"
SENTENCE = re.compile(r"\Acoffeert: [^\n]+\.\n\Z")
# click's own: usage, a hint, and one line that says what is wrong.
USAGE = re.compile(r"\AUsage: [^\n]+\n(Try '[^\n]+' for help\.\n)?\nError: [^\n]+\n\Z")

CASES: dict[str, tuple[tuple[str, ...], dict[str, str], int, str]] = {
    "an unknown command": (("brew",), {}, 2, "No such command 'brew'"),
    "an unknown option": (("serve", "--milk"), {}, 2, "No such option"),
    "an unknown profile": (("inject", "--profile", "dust", "--count", "1"), {}, 2, "dust"),
    "an unknown way": (("inject", "--via", "pigeon", "--count", "1"), {}, 2, "pigeon"),
    "no speed": (
        ("replay", "--from", "2026-01-01T10:00", "--to", "2026-01-01T11:00", "--speed", "nan"),
        {}, 2, "0.1",
    ),
    "no speed of the terminal": (("tui", "--speed", "nan"), {}, 2, "0.1"),
    "no server": (("status", "--url", "http://127.0.0.1:1"), {}, 3, "127.0.0.1:1"),
    "no server to inject into": (
        ("inject", "--url", "http://127.0.0.1:1", "--count", "1"), {}, 3, "127.0.0.1:1",
    ),
    "an address of another kind": (("status", "--url", "ftp://x"), {}, 2, "http"),
    "no address at all": (("inject", "--url", "coffee", "--count", "1"), {}, 2, "http"),
    "a moment that is none": (("status", "--at", "half past nine"), {}, 2, "a day"),
    "strangers let in": (("serve", "--host", "0.0.0.0"), {}, 2, "COFFEERT_TOKEN"),
    "a negative interval": (("serve", "--aggregation-interval", "-1"), {}, 2, "interval"),
    "an interval that is no number": (("serve", "--aggregation-interval", "soon"), {}, 2, "interval"),
    "an interval of nothing": (("aggregate", "--aggregation-interval", "nan"), {}, 2, "interval"),
    "a port beyond all ports": (("serve", "--port", "70000"), {}, 2, "port"),
    "an unknown zone": (("serve", "--timezone", "Mars/Olympus"), {}, 2, "timezone"),
    "a zone that is a path": (("serve", "--timezone", "../../etc/passwd"), {}, 2, "timezone"),
    "a bad environment": (("verify",), {"database_pool_size": "many"}, 2, "database_pool_size"),
    "a rate of nothing": (("inject", "--rate", "0"), {}, 2, "rate"),
    "a duration of nothing": (("inject", "--duration", "0s"), {}, 2, "duration"),
    "the database away": (("verify",), {"database_url": NOWHERE}, 3, "PostgreSQL"),
    "the database away from a server": (("serve",), {"database_url": NOWHERE}, 3, "PostgreSQL"),
    "the database away from a pass": (("aggregate-once",), {"database_url": NOWHERE}, 3, "Postgre"),
    "no such scheme": (("migrate",), {"database_url": "mysql://x/y"}, 2, "postgresql://"),
    "no such Redis scheme": (("aggregate-once",), {"redis_url": "http://x"}, 2, "Redis"),
    "a file that is not there": (("inject", "--file", "absent.csv"), {}, 2, "'absent.csv' cannot be"),
    "a file that is a directory": (("inject", "--file", "."), {}, 2, "'.' cannot be read"),
    "a file without a name": (("inject", "--file", ""), {}, 2, "'' cannot be read"),
    "a name with a control sequence": (("inject", "--file", "\x1b[2J"), {}, 2, "cannot be read"),
    "a rate that is no number": (("inject", "--rate", "nan"), {}, 2, "rate"),
    "a rate without end": (("inject", "--rate", "inf", "--count", "1"), {}, 2, "rate"),
    "a demo at a rate below nothing": (("demo", "--rate", "-1"), {}, 2, "rate"),
    "a demo where no directory can be": (("demo", "--data-dir", "/dev/null"), {}, 3, "null is not a"),
    "a duration without end": (("inject", "--duration", "9" * 20 + "h"), {}, 2, "at most a year"),
    "a profile without a name": (("inject", "--profile", "", "--count", "1"), {}, 2, "profile ''"),
    "an address with a bell": (("status", "--url", "http://x\x07"), {}, 2, "host"),
    "an address with a space": (("status", "--url", "http://a b"), {}, 2, "host"),
    "an address with a query": (("inject", "--url", "http://x/y?z=1", "--count", "1"), {}, 2, "path"),
    "an address with a password": (
        ("status", "--url", "http://u:s3cret@127.0.0.1"), {}, 2, "COFFEERT_TOKEN",
    ),
    "a server by an unknown name": (
        ("status", "--url", "http://no.such.host.invalid"), {}, 3, "cannot be resolved",
    ),
    "a rule that is none": (("status", "--check", "much"), {}, 2, "no rule"),
    "a token of two lines": (("status",), {"token": "s3cret\ns3cret"}, 2, "token"),
    "a token with an accent": (("status",), {"token": "s3crèt"}, 2, "token"),
    "an empty token": (("status",), {"token": ""}, 2, "token"),
    "an empty data directory": (("verify",), {"data_dir": ""}, 2, "data_dir"),
    "a data directory without a name": (("verify", "--data-dir", ""), {}, 2, "must name one"),
    "a demo's without a name": (("demo", "--data-dir", ""), {}, 2, "must name one"),
    "a recording without a name": (("tui", "--record", ""), {}, 2, "must name one"),
    "a cursor's file without a name": (("feed", "--state", ""), {}, 2, "must name one"),
    "results without a directory": (("lab", "--out", "", "idle"), {}, 2, "must name one"),
    "an unknown level": (("serve",), {"log_level": "loud"}, 2, "log_level"),
    "an unknown experiment": (("lab", "milk"), {}, 2, "milk"),
    "a price that is none": (("menu", "add", "drink", "chai", "--price", "free"), {}, 2, "price"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory to work in, and settings that lead nowhere."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COFFEERT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COFFEERT_DATABASE_URL", NOWHERE)
    monkeypatch.setenv("COFFEERT_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setattr(cli, "name", "coffeert")


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_each_error_is_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, settings, code, part = CASES[name]
    for setting, value in settings.items():
        monkeypatch.setenv(f"COFFEERT_{setting.upper()}", value)
    assert run(cli, list(arguments)) == code
    said = capfd.readouterr()
    assert not said.out
    assert part in said.err
    assert _is_plain(said.err)


@pytest.mark.parametrize(
    "text",
    [
        "aggregation_interval = soon",
        "aggregation_intervall = 1",
        "aggregation_interval = -3",
        "[x",
        "\xff\x00",
    ],
)
def test_a_bad_file_of_settings_is_named(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("coffeert.toml").write_text(text, encoding="latin-1")
    assert run(cli, ["serve", "--port", "0"]) == 2
    said = capfd.readouterr()
    assert "coffeert.toml" in said.err or "interval" in said.err
    assert _is_plain(said.err)


def _is_plain(text: str) -> bool:
    return (
        bool(SENTENCE.match(text) or USAGE.match(text))
        and "s3cret" not in text
        and all(character.isprintable() or character == "\n" for character in text)
    )


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"]])
def test_an_output_that_cannot_be_written_is_reported(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "coffeert", *arguments],
            stdout=full, stderr=subprocess.PIPE, check=False, text=True,
        )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == "coffeert: The output cannot be written: No space left on device.\n"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], pytest.param(["tui", "--replay", str(RECORDING)], marks=pytest.mark.long)],
)
def test_an_output_that_is_closed_is_reported(arguments: list[str]) -> None:
    ended = without(">&-", arguments)
    assert ended.returncode == 1
    assert ended.stderr.endswith("coffeert: The output cannot be written: Bad file descriptor.\n")
    assert "Traceback" not in ended.stderr


def without(closed: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command with standard streams closed, as a shell says which."""
    shell = ["sh", "-c", f'exec "$0" -m coffeert "$@" {closed}', sys.executable]
    return subprocess.run(
        [*shell, *arguments], capture_output=True, check=False, text=True, timeout=30
    )


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"]])
def test_a_closed_pipe_is_not_an_error(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ended = subprocess.run(
            [sys.executable, "-m", "coffeert", *arguments],
            stdout=pipe, stderr=subprocess.PIPE, check=False, text=True,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.parametrize("present", [(), ("notes.txt",)])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("command", "then"),
    [
        (["verify"], []),
        (["rebuild"], []),
        (["imports"], []),
        (["imports"], ["undo", "1"]),
        (["menu"], ["list"]),
        (["menu"], ["calendar", "--recompute"]),
        (["forward", "--list"], []),
    ],
)
def test_no_database_is_made_to_be_looked_at(
    tmp_path: Path,
    present: tuple[str, ...],
    named: bool,
    command: list[str],
    then: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COFFEERT_DATABASE_URL")
    place = tmp_path / "mistyped"
    for name in present:
        place.mkdir(exist_ok=True)
        (place / name).touch()
    monkeypatch.setattr("coffeert.embedded.default_path", lambda: place)
    given = ["--data-dir", str(place)] if named else []
    assert run(cli, [*command, *given, *then]) == 2
    assert capsys.readouterr().err == (
        f"coffeert: There is no database in {place}: nothing is stored there.\n"
    )
    assert place.exists() == bool(present)
    assert [each.name for each in tmp_path.rglob("*.*")] == list(present)

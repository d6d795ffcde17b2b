"""Every error on the command line is one plain sentence and an exit code, without a traceback."""

from __future__ import annotations

import re
import socket
import sys

import pytest

from tests.end_to_end.processes import Command, Ended, Shell
from tests.ports import free_port

NOWHERE = "postgresql://nobody:s3cret@127.0.0.1:1/shop"
SENTENCE = re.compile(r"\Acoffeert: [^\n]+\.\n\Z")
LOG = re.compile(r"^\d{4}-[^\n]+ \[(info|warning) +\] [^\n]*\n", re.MULTILINE)

CASES: dict[str, tuple[tuple[str, ...], dict[str, str], int, str]] = {
    "no server": (("status", "--url", "http://127.0.0.1:1"), {}, 3, "127.0.0.1:1"),
    "strangers let in": (("serve", "--host", "0.0.0.0"), {}, 2, "COFFEERT_TOKEN"),
    "the database away": (("serve", "--port", "0"), {"database_url": NOWHERE}, 3, "PostgreSQL"),
    "an unknown profile": (("inject", "--profile", "dust"), {}, 2, "dust"),
}


@pytest.mark.long
async def test_errors_are_sentences(shell: Shell) -> None:
    commands = {name: _start(shell, name) for name in CASES}
    for name, command in commands.items():
        *_, code, part = CASES[name]
        ended = await command.ended()
        assert ended.code == code, (name, ended)
        assert part in ended.err, (name, ended)
        assert _is_plain(ended), (name, ended)


async def test_a_taken_port_is_named(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = await shell.run("serve", "--port", str(port))
    assert ended.code == 2
    assert _is_plain(ended)
    assert f"127.0.0.1:{port} is in use" in ended.err


@pytest.mark.long
async def test_a_foreign_server_is_no_server_of_ours(shell: Shell) -> None:
    web = shell.start(
        *("-u", "-m", "http.server", str(port := free_port()), "--bind", "127.0.0.1"),
        program=(sys.executable,),
    )
    await web.says("Serving")
    for command in (("status",), ("inject", "--count", "1")):
        ended = await shell.run(*command, "--url", f"http://127.0.0.1:{port}")
        assert ended.code in (1, 3), ended
        assert _is_plain(ended), ended


@pytest.mark.long
async def test_an_external_database_is_migrated_on_request_only(
    shell: Shell, empty_database_url: str
) -> None:
    shell.settings["database_url"] = empty_database_url
    commands = [
        ("serve", "--port", "0"), ("aggregate",), ("verify",), ("aggregate-once",), ("menu", "list")
    ]  # fmt: skip
    started = [shell.start(*command) for command in commands]
    for command in started:
        ended = await command.ended()
        assert ended.code == 4, ended
        assert _is_plain(ended), ended
        assert "run `coffeert migrate`" in ended.err
    for said in ("applied 0001_orders", "the schema is up to date"):
        migrated = await shell.run("migrate")
        assert migrated.code == 0
        assert said in migrated.out
    assert (await shell.run("verify")).code == 0


def _start(shell: Shell, name: str) -> Command:
    arguments, settings, *_ = CASES[name]
    return shell.start(*arguments, settings=settings)


def _is_plain(ended: Ended) -> bool:
    text = LOG.sub("", ended.err)
    return (
        bool(SENTENCE.match(text))
        and "s3cret" not in text
        and all(character.isprintable() or character == "\n" for character in text)
    )

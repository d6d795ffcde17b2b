"""Holidays, and the day on which weeks start."""

from __future__ import annotations

import pytest

from coffeert.cli import cli, run


@pytest.fixture(autouse=True)
def _command_line(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COFFEERT_DATABASE_URL", database_url)


def test_days_are_marked_listed_and_unmarked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["menu", "mark", "2026-12-25", "Xmas"]) == 0
    assert run(cli, ["menu", "mark", "2026-12-25", "Christmas"]) == 0
    assert run(cli, ["menu", "week", "sunday"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "2026-12-25 is marked as Christmas.",
        "Weeks start on Sunday.",
    ]
    assert run(cli, ["menu", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "weeks start on Sunday",
        "marked: 2026-12-25 Christmas",
    ]
    assert run(cli, ["menu", "unmark", "2026-12-25"]) == 0
    assert run(cli, ["menu", "unmark", "2026-12-25"]) == 1
    assert capsys.readouterr().err == "coffeert: 2026-12-25 is not marked.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("1999-12-31", "Old"), "The date must lie between 2000-01-01 and"),
        (("2026-12-25", " "), "The name must be 1 to 80 printable characters."),
        (("2026-02-30", "Never"), "does not match the format"),
    ],
)
def test_what_cannot_be_marked_is_said_in_a_sentence(
    arguments: tuple[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, ["menu", "mark", *arguments]) in (1, 2)
    assert sentence in capsys.readouterr().err

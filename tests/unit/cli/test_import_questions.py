"""Questions about a file, answered on a terminal."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from coffeert.cli.import_questions import ask
from coffeert.importer.plan import Answer, Question

STORE = Question(
    "In which store?",
    (
        Answer(("--store", "uptown"), "Uptown"),
        Answer(("--store", "central"), "Central"),
        Answer(("--store", "NAME"), "another store"),
    ),
)
ZONE = Question("Which zone?", (Answer(("--timezone", "ZONE"), "that of the store"),))
CLOCK = Question(
    "Is 1:15 in the afternoon?",
    (Answer(("--clock", "TIME"), "yes"), Answer(("--clock", "24"), "no")),
)
DATES = Question(
    "Is 0:20 of the day after its date?",
    (Answer(("--dates-begin", "HOUR"), "yes"), Answer(("--dates-begin", "00:00"), "no")),
)
SIGN = Question("Is DH a sign?", (Answer(("--currency", "CODE"), "yes"),))
ORDER = Question(
    "Which order?",
    (
        Answer(("--date-format", "dmy"), "day first"),
        Answer(("--date-format", "mdy"), "month first"),
    ),
)


def answered(question: Question, *typed: str) -> tuple[str, str]:
    """The arguments that were chosen, and the screen."""

    @click.command()
    def command() -> None:
        click.echo(f"= {' '.join(ask([question]))}")

    result = CliRunner().invoke(command, input="".join(f"{text}\n" for text in typed))
    assert result.exit_code == 0, result.output
    screen, _, chosen = result.output.rpartition("= ")
    return chosen.strip(), screen


@pytest.mark.parametrize(
    ("question", "typed", "chosen"),
    [
        (STORE, ["2"], "--store central"),
        (STORE, ["3", "Kiosk"], "--store Kiosk"),
        (STORE, ["Kiosk"], "--store Kiosk"),
        (STORE, ["9", "1"], "--store uptown"),
        (ZONE, ["Europe/Kyiv"], "--timezone Europe/Kyiv"),
        (ZONE, ["1", "kyiv"], "--timezone Europe/Kyiv"),
        (ZONE, ["Erope/Kyiv", "Europe/Kyiv"], "--timezone Europe/Kyiv"),
        (CLOCK, ["7:00"], "--clock 7:00"),
        (CLOCK, ["1", "13:00", "07:00"], "--clock 07:00"),
        (CLOCK, ["2"], "--clock 24"),
        (DATES, ["4:30"], "--dates-begin 4:30"),
        (DATES, ["1", "13:00", "05:00"], "--dates-begin 05:00"),
        (DATES, ["2"], "--dates-begin 00:00"),
        (SIGN, ["1", "EURO", "mad"], "--currency MAD"),
        (SIGN, ["MAD"], "--currency MAD"),
        (ORDER, ["2"], "--date-format mdy"),
        (ORDER, ["mdy", "1"], "--date-format dmy"),
    ],
)
def test_a_number_or_the_value_itself_answers(
    question: Question, typed: list[str], chosen: str
) -> None:
    assert answered(question, *typed)[0] == chosen


def test_answers_are_shown_without_options() -> None:
    _, screen = answered(STORE, "1")
    assert "  1) Uptown\n  2) Central\n  3) another store\n" in screen
    assert "--store" not in screen

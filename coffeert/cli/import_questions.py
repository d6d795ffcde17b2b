"""The questions that only a file's owner can answer."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from coffeert.errors import ConfigError
from coffeert.importer.plan import MeaningOptions, Question
from coffeert.importer.spelling.zones import zone_named
from coffeert.printable import printable

if TYPE_CHECKING:
    from coffeert.cli.import_file import ImportOptions

_BLANKS: Final = frozenset({"NAME", "ZONE"})
"""Arguments that stand for what only the owner knows."""
_LINE_LENGTH: Final = 1000


def meaning_options(options: ImportOptions, currency: str | None) -> MeaningOptions:
    """Return what the command line says of the meaning; `currency` is the installation's."""
    return MeaningOptions(
        preset=options.preset,
        columns=_pairs("--map", options.columns),
        missing=_pairs("--missing", options.missing),
        store=options.store,
        zone=None if options.timezone is None else _zone(options.timezone),
        date_format=options.date_format,
        decimal_mark=options.decimal_mark,
        skip=options.skip,
        refund=options.refund,
        sale=options.sale,
        currency=currency or options.currency,
    )


def unanswered(questions: Sequence[Question]) -> str:
    """Return the questions, and what answers them, for somebody who cannot be asked."""
    lines = ["Nothing was stored; the file alone does not say:"]
    for question in questions:
        lines.append(f"  {question.text}")
        lines += [
            f"    {shlex.join(answer.arguments)}  {answer.meaning}" for answer in question.answers
        ]
    return "\n".join(printable(line, _LINE_LENGTH) for line in lines)


def ask(questions: Sequence[Question]) -> tuple[str, ...]:
    """Ask everything; return the arguments that were chosen."""
    chosen: list[str] = []
    for question in questions:
        picks = [(answer.arguments, answer.meaning) for answer in question.answers]
        chosen += _pick(question.text, picks)
    return tuple(chosen)


def ask_which(question: str) -> tuple[str, ...]:
    """Ask whether equal rows are the same sales; return the arguments that say it."""
    return _pick(
        question,
        [
            (("--same",), "the same sales again: store only the others"),
            (("--source", "NAME"), "another till's: store them too, under its name"),
        ],
    )


def _pick(text: str, picks: Sequence[tuple[tuple[str, ...], str]]) -> tuple[str, ...]:
    click.echo(printable(text, _LINE_LENGTH))
    for number, (arguments, meaning) in enumerate(picks, 1):
        click.echo(printable(f"  {number}) {meaning}  ({shlex.join(arguments)})", _LINE_LENGTH))
    number = click.prompt("Which", type=click.IntRange(1, len(picks)))
    return tuple(_filled(argument) for argument in picks[number - 1][0])


def _filled(argument: str) -> str:
    if argument not in _BLANKS:
        return argument
    value: str = click.prompt(argument.capitalize())
    return value


def _pairs(option: str, given: Sequence[str]) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"{option} takes FIELD=VALUE, and {text!r} is none.")
        if name.strip() in pairs and pairs[name.strip()] != value:
            raise ConfigError(f"{option} names the field {name.strip()} twice.")
        pairs[name.strip()] = value
    return pairs


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_named(name)
    except ValueError as error:
        raise ConfigError(f"--timezone: {error}.") from None

"""The questions that only a file's owner can answer."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from coffeert.cli.wrapped_lines import echo_lines
from coffeert.domain.currency import CURRENCIES
from coffeert.errors import ConfigError
from coffeert.importer.meaning.business_days import beginning_of_dates
from coffeert.importer.meaning.clock_decision import opening_time
from coffeert.importer.plan import MeaningOptions, Question
from coffeert.importer.spelling.zones import zone_named
from coffeert.printable import printable

if TYPE_CHECKING:
    from coffeert.cli.import_file import ImportOptions

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
        clock=options.clock,
        dates_begin=options.dates_begin,
        decimal_mark=options.decimal_mark,
        amounts=options.amounts,
        skip=options.skip,
        refund=options.refund,
        sale=options.sale,
        refund_drink=options.refund_drink,
        currency=currency or options.currency,
        names_currency=options.currency is not None and currency in (None, options.currency),
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
    """Ask for the number of an answer; the name or the zone that one of them needs can be said at once."""
    answers = (f"  {number}) {meaning}" for number, (_, meaning) in enumerate(picks, 1))
    echo_lines(["", text, *answers])
    blanks = [(arguments, blank) for arguments, _ in picks if (blank := _blank(arguments))]
    if len(blanks) != 1:
        number = click.prompt("Which", type=click.IntRange(1, len(picks)))
        return picks[number - 1][0]
    ((arguments, blank),) = blanks

    def chosen(text: str) -> tuple[str, ...]:
        text = text.strip()
        if text.isdecimal():
            if not 1 <= int(text) <= len(picks):
                raise click.BadParameter(f"{text} is not one of the answers.")
            return picks[int(text) - 1][0]
        return _filled(arguments, _BLANKS[blank](text))

    answer: tuple[str, ...] = click.prompt(
        f"Which, or the {blank.lower()} itself", value_proc=chosen
    )
    if answer == arguments:
        value: str = click.prompt(blank.capitalize(), value_proc=_BLANKS[blank])
        return _filled(arguments, value)
    return answer


def _blank(arguments: tuple[str, ...]) -> str | None:
    return next((argument for argument in arguments if argument in _BLANKS), None)


def _filled(arguments: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(value if argument in _BLANKS else argument for argument in arguments)


def _zone_key(text: str) -> str:
    try:
        return zone_named(text).key
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def _opening_time(text: str) -> str:
    try:
        opening_time(text)
    except ConfigError as error:
        raise click.BadParameter(str(error).removeprefix("--clock ")) from None
    return text.strip()


def _currency_code(text: str) -> str:
    code = text.strip().upper()
    if code not in CURRENCIES:
        raise click.BadParameter("that is no code of ISO 4217 such as EUR.")
    return code


def _beginning_of_dates(text: str) -> str:
    try:
        beginning_of_dates(text)
    except ConfigError as error:
        raise click.BadParameter(str(error).removeprefix("--dates-begin ")) from None
    return text.strip()


_BLANKS: Final[Mapping[str, Callable[[str], str]]] = {
    "NAME": str.strip,
    "ZONE": _zone_key,
    "TIME": _opening_time,
    "CODE": _currency_code,
    "HOUR": _beginning_of_dates,
}
"""Arguments that stand for what only the owner knows, and what reads that."""


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

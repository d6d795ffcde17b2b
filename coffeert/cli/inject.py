"""`coffeert inject`: send orders, made up or from a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BufferedReader

import click
import msgspec
import uvloop

from coffeert.cli.params import DurationParam, RateParam, server_token, server_url
from coffeert.cli.progress import error_lines, progress, report_lines
from coffeert.cli.signals import call_on_signals
from coffeert.client import OrderClient
from coffeert.config import load_config
from coffeert.errors import ConfigError
from coffeert.inject import (
    PROFILES,
    InjectionReport,
    Injector,
    OutcomeRecorder,
    TakenBack,
    Target,
    arrival_plan,
    generated_chunks,
    inject,
    profiles_named,
    run_name,
    take_back,
)
from coffeert.inject.file_source import Pace, orders_from, read_in_thread
from coffeert.inject.injector import PATIENCE_SECONDS
from coffeert.inject.order_reader import OrderReader, order_reader
from coffeert.inject.rows import Rows
from coffeert.inject.scheduled_order import ScheduledOrder
from coffeert.inject.senders import CONNECTIONS, transports_named
from coffeert.wire.orders import MenuBody


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectOptions:
    """The options of the command line."""

    url: str | None
    rate: float | None
    count: int | None
    duration: float | None
    profile: str | None
    seed: int | None
    via: str
    connections: int | None
    patience: float
    file: str | None
    speed: float | None
    undo: str | None
    json: bool
    attended: bool


@click.command("inject")
@click.option(
    "--url", envvar="COFFEERT_URL", help="The server (the one that runs here). [env: COFFEERT_URL]"
)
@click.option("--rate", type=RateParam(), help="Mean orders per second (10).")
@click.option("--count", type=click.IntRange(1), help="How many orders; of a file, the first ones.")
@click.option("--duration", type=DurationParam(), help="For how long, such as 20s or 5m.")
@click.option("--profile", help=f"One or several in turn: {', '.join(PROFILES)} (steady).")
@click.option(
    "--seed",
    type=int,
    help="Make the same orders under the same keys each time, so that a repetition adds nothing. "
    "Without it every run makes new orders.",
)
@click.option("--via", default="http", show_default=True, help="One or several of http, ws, batch.")
@click.option(
    "--connections",
    type=click.IntRange(1, 10_000),
    help=f"Of each transport ({', '.join(map(str, CONNECTIONS.values()))}).",
)
@click.option(
    "--patience",
    type=DurationParam(),
    default=f"{PATIENCE_SECONDS:g}s",
    show_default=True,
    help="How long an order is sent again through failures.",
)
@click.option("--file", help="NDJSON, such as a recording; - is standard input.")
@click.option(
    "--speed", type=RateParam(), help="Times the recorded pace; a file is sent at once by default."
)
@click.option(
    "--undo", metavar="RUN", help="Take a run of made-up orders back: void them; nothing else."
)
@click.option("--json", is_flag=True, help="Print the report as one JSON object, and nothing else.")
@click.option("--attended", is_flag=True, hidden=True, help="End with standard input.")
def command(**values: object) -> int:
    """Send orders to a running server and report their outcomes.

    Orders are sent when they are due, whether earlier ones have been answered or not, and latency
    counts from then. Each has a key, so it is sent again through failures and restarts until the
    server has answered. Of --rate, --count and --duration, two decide the third; without the last two
    it goes on until Ctrl-C.

    A file's rows get keys derived from their content: loading a file twice adds nothing, equal rows are
    different orders, and neither their order nor rows appended later matter. A line {"void": ID} voids
    an order.

    Made-up orders have the source "inject" and the name of their run as receipt; the report says how to
    take them back.

    The exit code is 0 only if every order was stored. COFFEERT_TOKEN holds the server's token.
    """
    options = msgspec.convert(values, InjectOptions)
    _check(options)
    if options.undo is not None:
        return _undo(options, options.undo)
    config = load_config()
    target = Target(
        server_url(config, options.url),
        server_token(config),
        transports_named(options.via),
        options.connections,
        options.patience,
        config.ca_file,
    )
    with _plan(options) as send:
        report = send(target, asyncio.run(_fetch_menu(target)))
    _print(report, as_json=options.json)
    return 0 if report.clean else 1


def _check(options: InjectOptions) -> None:
    from_file = options.file is not None
    for name, for_files in (
        ("speed", True),
        ("duration", False),
        ("profile", False),
        ("seed", False),
    ):
        if getattr(options, name) not in (None, False) and from_file != for_files:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag} goes {'with' if for_files else 'without'} --file.")
    if options.speed is not None and options.rate is not None:
        raise ConfigError("Give --speed or --rate, not both: each sets the pace.")


def _undo(options: InjectOptions, run: str) -> int:
    config = load_config()
    url, token = server_url(config, options.url), server_token(config)

    async def undo() -> TakenBack:
        async with OrderClient(url, token, patience=0, ca_file=config.ca_file) as client:
            return await take_back(client, run)

    taken = asyncio.run(undo())
    if not taken.voided + taken.before:
        raise ConfigError(f"{url} has no made-up orders of a run {run!a}.")
    click.echo(f"Voided {taken.voided:,} made-up orders; {taken.before:,} had been voided before.")
    return 0


async def _fetch_menu(target: Target) -> MenuBody:
    # Without retries: a server that is away at the beginning is reported at once.
    async with OrderClient(target.url, target.token, patience=0, ca_file=target.ca_file) as client:
        return await client.menu()


Send = Callable[[Target, MenuBody], InjectionReport]


@contextmanager
def _plan(options: InjectOptions) -> Iterator[Send]:
    """Check all options, and open the file, before the server is asked for anything."""
    if options.file is None:
        yield _generated(options)
        return
    with _opened(options.file) as stream:
        yield _from_file(options, stream)


def _generated(options: InjectOptions) -> Send:
    planned = arrival_plan(options.rate, options.count, options.duration)
    profiles = profiles_named("steady" if options.profile is None else options.profile)
    run = run_name(options.seed)

    def send(target: Target, menu: MenuBody) -> InjectionReport:
        orders = generated_chunks(planned, profiles, menu, run, options.seed)
        total = None if planned.endless else planned.count
        return uvloop.run(_run(options, target, orders, OutcomeRecorder(run), total))

    return send


def _from_file(options: InjectOptions, stream: BufferedReader) -> Send:
    name = options.file or "-"
    # Another kind of file is refused before the server is asked; a live stream may begin later.
    opened = Rows(stream, name) if stream.seekable() else None

    def send(target: Target, menu: MenuBody) -> InjectionReport:
        rows = opened or Rows(stream, name)
        return uvloop.run(_inject_file(options, target, rows, order_reader(menu)))

    return send


async def _inject_file(
    options: InjectOptions, target: Target, rows: Rows, reader: OrderReader
) -> InjectionReport:
    recorder = OutcomeRecorder()
    orders = orders_from(rows, reader, Pace(options.rate, options.speed), options.count)
    return await _run(
        options, target, read_in_thread(orders, rows.ready, recorder), recorder, options.count
    )


async def _run(
    options: InjectOptions,
    target: Target,
    orders: AsyncIterator[Sequence[ScheduledOrder]],
    recorder: OutcomeRecorder,
    total: int | None,
) -> InjectionReport:
    def on_start(injector: Injector) -> None:
        call_on_signals(injector.stop, at_end_of_input=options.attended)

    async with progress(recorder, total):
        return await inject(target, orders, recorder, on_start=on_start)


@contextmanager
def _opened(name: str) -> Iterator[BufferedReader]:
    with ExitStack() as stack:
        try:
            # Standard input by its number, left open, so that both are the same kind of stream.
            source = 0 if name == "-" else name
            stream = stack.enter_context(open(source, "rb", closefd=source != 0))
        except OSError as error:
            raise ConfigError(f"The file {name!r} cannot be read: {error.strerror}.") from None
        yield stream


def _print(report: InjectionReport, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(report))
        return
    for line in error_lines(report):
        click.echo(line, err=True)
    for line in report_lines(report):
        click.echo(line)

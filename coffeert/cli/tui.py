"""`coffeert tui`, also installed as `coffeert-tui`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coffeert.cli.params import PlaceParam, SpeedParam
from coffeert.errors import ConfigError
from coffeert.tui.render.appearance import Appearance
from coffeert.tui.render.glyphs import GLYPH_SETS, GlyphSet, glyphs_for

if TYPE_CHECKING:
    from coffeert.alert_rules import Rule
    from coffeert.client.webhook import Webhook
    from coffeert.tui.app import CoffeertApp
    from coffeert.tui.model.clock import Clock
    from coffeert.tui.model.source import Archive, LiveFeed

_HANGUP_CODE = 129
THEMES = ("dark", "light", "safe")


@click.command()
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option(
    "--url",
    envvar="COFFEERT_URL",
    help="The server (the one that runs here). [env: COFFEERT_URL]",
)
@click.option("--theme", type=click.Choice(THEMES), help="Colours to begin with (dark).")
@click.option(
    "--glyphs",
    type=click.Choice(GLYPH_SETS),
    help="Characters to draw with; by default chosen by the terminal's encoding.",
)
@click.option(
    "--record",
    type=PlaceParam(dir_okay=False),
    help="Write what is seen into a new file; `coffeert inject --file` takes its orders.",
)
@click.option(
    "--replay",
    type=PlaceParam(exists=True, dir_okay=False),
    help="Show a recording instead of a server.",
)
@click.option(
    "--speed",
    type=SpeedParam(),
    default=1.0,
    help="How many times as fast to replay.",
)
@click.option(
    "--settings",
    type=PlaceParam(exists=True, dir_okay=False),
    help="Alerts, saved views and keys (coffeert-tui.toml here, or in the user's configuration).",
)
@click.option("--no-animation", is_flag=True, help="Nothing moves. [also: TEXTUAL_ANIMATIONS=none]")
@click.option("--plain", is_flag=True, help="Lines of prose now and then, for a screen reader.")
@click.option(
    "--forget", is_flag=True, help="Do not use or keep the last range, filter, theme and tab."
)
@click.option(
    "--alert-webhook",
    envvar="COFFEERT_ALERT_WEBHOOK",
    metavar="URL",
    help="Post alerts there as JSON when they begin and end. [env: COFFEERT_ALERT_WEBHOOK]",
)
@click.option(
    "--allow-inject",
    is_flag=True,
    help="Allow sending made-up orders, which then count among the real ones.",
)
@click.option("--read-only", is_flag=True, help="Offer no keys that place, void or inject orders.")
@click.option("--demo-socket", type=int, hidden=True, help="Where the demo listens.")
def command(**values: Any) -> int:
    """Show the dashboard in the terminal; of several URLs, F4 shows the next server.

    If the server needs a token, it is read from COFFEERT_TOKEN only: every user of the machine can see
    arguments; each server of several gets it. COFFEERT_CA_FILE names the certificate of a private CA.
    """
    urls = tuple(values.pop("urls"))
    if urls:
        values["url"] = urls[0]
    options = TuiOptions(**values, other_urls=urls[1:])
    if not options.plain and not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(
            "coffeert-tui: This is no terminal, so here is prose, as with --plain.", err=True
        )
        options = replace(options, plain=True)
    return asyncio.run(_replay(options) if options.replay else _watch(options))


@dataclass(frozen=True, slots=True, kw_only=True)
class TuiOptions:
    """What the command line asks for."""

    url: str | None
    other_urls: tuple[str, ...]
    theme: str | None
    glyphs: GlyphSet | None
    record: Path | None
    replay: Path | None
    speed: float
    settings: Path | None
    no_animation: bool
    plain: bool
    forget: bool
    allow_inject: bool
    alert_webhook: str | None
    read_only: bool
    demo_socket: int | None

    def webhook(self) -> Webhook | None:
        """Return what alerts are posted to; raises `ConfigError` for a URL that cannot be used."""
        if self.alert_webhook is None:
            return None
        from coffeert.client.webhook import Webhook, parse_webhook_url

        return Webhook(parse_webhook_url(self.alert_webhook))

    def appearance(self, last_theme: str = "") -> Appearance:
        """Return what to draw with; `last_theme` is the theme of the last start."""
        glyphs = self.glyphs or glyphs_for(sys.stdout.encoding, os.environ.get("TERM"))
        theme = f"coffeert-{self.theme}" if self.theme else last_theme or "coffeert-dark"
        return Appearance(glyphs=glyphs, theme=theme, animated=not self.no_animation)

    def state_path(self) -> Path | None:
        """Return the file in which the last choices are kept; `None` to forget them."""
        from platformdirs import user_state_path

        return None if self.forget else user_state_path("coffeert") / "tui.json"


async def _watch(options: TuiOptions) -> int:
    from coffeert.client.url import DEFAULT_URL, parse_server_url
    from coffeert.tui.live_source import LiveSource
    from coffeert.tui.model.server_address import ServerAddress

    server = parse_server_url(options.url or DEFAULT_URL)
    token = os.environ.get("COFFEERT_TOKEN")
    ca_file = Path(given) if (given := os.environ.get("COFFEERT_CA_FILE")) else None
    if ca_file is not None:
        # It loads aiohttp, but the user must hear of a bad file before the screen is drawn.
        from coffeert.client.tls import tls_for

        tls_for(server, ca_file)
    address = ServerAddress(str(server))
    find = None if options.url else partial(_find_server, address.url)
    source = LiveSource(address, token, ca_file, find=find)
    from coffeert.tui.settings import load_settings, settings_path

    settings, webhook = load_settings(settings_path(options.settings)), options.webhook()
    if options.plain:
        return await _read_aloud(source, source, settings.alerts, webhook, address.name)
    from coffeert.tui.app import CoffeertApp
    from coffeert.tui.injection import Injection
    from coffeert.tui.render.glyphs import GLYPHS
    from coffeert.tui.saved_state import SavedState, load_saved_state
    from coffeert.tui.server_tab import ServerTab

    demo = None
    if options.demo_socket is not None:
        from coffeert.tui.demo_link import DemoLink

        demo = DemoLink(options.demo_socket)

    def injection_for(place: ServerAddress, *, is_demo: bool = False) -> Injection:
        return Injection(place, token, allowed=options.allow_inject, demo=is_demo, ca_file=ca_file)

    state_path = options.state_path()
    saved = SavedState() if state_path is None else load_saved_state(state_path)
    appearance = options.appearance(saved.theme)
    others = []
    for url in options.other_urls:
        place = ServerAddress(str(parse_server_url(url)))
        other = LiveSource(place, token, ca_file)
        others.append(
            ServerTab(
                other,
                other,
                place,
                GLYPHS[appearance.glyphs],
                settings,
                has_token=bool(token),
                injection=injection_for(place),
                webhook=webhook,
                read_only=options.read_only,
            )
        )
    app = CoffeertApp(
        source,
        source,
        url=address,
        has_token=bool(token),
        appearance=appearance,
        settings=settings,
        injection=injection_for(address, is_demo=demo is not None),
        webhook=webhook,
        state_path=state_path,
        read_only=options.read_only,
        demo=demo,
        others=others,
    )
    saved.restore(app.state, app.tab.views)
    if options.record is not None:
        app.tab.recording.start(options.record)
    return await _run(app)


def _find_server(usual: str) -> str:
    """Return the URL of the server that runs here; `usual` if the settings cannot be read."""
    # Imported here, in a thread: it takes longer than the first screen may.
    from coffeert.cli.server_address import find_server
    from coffeert.config import load_config

    try:
        return find_server(load_config())
    except ConfigError:
        return usual


async def _run(app: CoffeertApp) -> int:
    """Run the app until it is quit, terminated, or its terminal is closed; returns the exit code."""
    loop = asyncio.get_running_loop()

    def hang_up() -> None:
        # Nothing can be written to the terminal or read from it any more: do not even try.
        app.on_unmount()
        os._exit(_HANGUP_CODE)

    loop.add_signal_handler(signal.SIGTERM, app.exit)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    await app.run_async()
    return app.return_code or 0


async def _replay(options: TuiOptions) -> int:
    from coffeert.tui.history.replayer import Replayer

    assert options.replay is not None
    replayer = Replayer(options.replay, options.speed)
    if options.plain:
        return await _read_aloud(replayer, None, {}, None, replayer.server, replayer.clock)
    from coffeert.tui.app import CoffeertApp

    url = f"{replayer.server}, recorded"
    appearance = options.appearance()
    app = CoffeertApp(
        replayer, None, url=url, past=replayer, clock=replayer.clock, appearance=appearance
    )
    app.session.replaying = True
    return await _run(app)


async def _read_aloud(
    feed: LiveFeed,
    archive: Archive | None,
    rules: Mapping[str, Rule],
    webhook: Webhook | None,
    server: str,
    clock: Clock | None = None,
) -> int:
    from coffeert.tui.dashboard_state import DashboardState
    from coffeert.tui.model.alerts import Alerts
    from coffeert.tui.model.clock import SystemClock
    from coffeert.tui.model.session import Session
    from coffeert.tui.render.glyphs import ASCII
    from coffeert.tui.screen_reader import run_screen_reader

    state = DashboardState(Session(clock or SystemClock()), ASCII)
    alerts = Alerts(rules)
    try:
        await run_screen_reader(
            state,
            feed,
            click.echo,
            archive=archive,
            alerts=alerts,
            webhook=webhook,
            server=server,
            dated=clock is not None,
        )
    except ExceptionGroup as group:
        unwritable = group.subgroup(OSError)
        if unwritable is None:
            raise
        raise unwritable.exceptions[0] from None  # told as every command tells it
    return 0

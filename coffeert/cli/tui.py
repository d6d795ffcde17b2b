"""`coffeert tui`, also installed as `coffeert-tui`."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from coffeert.tui.glyphs import GLYPH_SETS, GlyphSet, glyphs_for
from coffeert.tui.look import Look

THEMES = ("dark", "light", "safe")


@click.command()
@click.option(
    "--url",
    envvar="COFFEERT_URL",
    default="http://127.0.0.1:8765",
    show_default=True,
    help="The server. [env: COFFEERT_URL]",
)
@click.option("--theme", type=click.Choice(THEMES), default="dark", help="Colours to begin with.")
@click.option(
    "--glyphs",
    type=click.Choice(GLYPH_SETS),
    help="Characters to draw with; chosen by the terminal's encoding where not given.",
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what is seen into a new file; `coffeert inject --file` takes its orders.",
)
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Show a recording instead of a server.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 1000),
    default=1.0,
    help="How many times as fast to replay.",
)
def command(**values: Any) -> int:
    """Show the dashboard in the terminal.

    The token, where the server needs one, is read from COFFEERT_TOKEN only: arguments are seen by
    every user of the machine.
    """
    options = Options(**values)
    return asyncio.run(_replay(options) if options.replay else _watch(options))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for."""

    url: str
    theme: str
    glyphs: GlyphSet | None
    record: Path | None
    replay: Path | None
    speed: float

    def look(self) -> Look:
        """Return how the dashboard is to look."""
        chosen = self.glyphs or glyphs_for(sys.stdout.encoding, os.environ.get("TERM"))
        return Look(glyphs=chosen, theme=f"coffeert-{self.theme}")


async def _watch(options: Options) -> int:
    from coffeert.client.feed import DashboardFeed
    from coffeert.client.orders import OrderClient
    from coffeert.tui.app import CoffeertApp

    url, token = options.url, os.environ.get("COFFEERT_TOKEN")
    async with DashboardFeed(url, token) as feed, OrderClient(url, token, connections=4) as archive:
        app = CoffeertApp(feed, archive, url=url, look=options.look())
        if options.record is not None:
            app.start_recording(options.record)
        await app.run_async()
        return app.return_code or 0


async def _replay(options: Options) -> int:
    from coffeert.tui.app import CoffeertApp
    from coffeert.tui.memory.player import Player

    assert options.replay is not None
    player = Player(options.replay, options.speed)
    place = f"{player.server}, recorded"
    app = CoffeertApp(player, None, url=place, clock=player.clock, look=options.look())
    app.session.replaying = True
    await app.run_async()
    return app.return_code or 0

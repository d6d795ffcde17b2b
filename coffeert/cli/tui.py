"""`coffeert tui`, also installed as `coffeert-tui`."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from coffeert.tui.glyphs import GLYPH_SETS, GlyphSet, glyphs_for

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
def command(url: str, theme: str, glyphs: GlyphSet | None) -> int:
    """Show the dashboard in the terminal.

    The token, where the server needs one, is read from COFFEERT_TOKEN only: arguments are seen by
    every user of the machine.
    """
    chosen = glyphs or glyphs_for(sys.stdout.encoding, os.environ.get("TERM"))
    return asyncio.run(_run(url, f"coffeert-{theme}", chosen))


async def _run(url: str, theme: str, glyphs: GlyphSet) -> int:
    from coffeert.client.feed import DashboardFeed
    from coffeert.client.orders import OrderClient
    from coffeert.tui.app import CoffeertApp

    token = os.environ.get("COFFEERT_TOKEN")
    async with DashboardFeed(url, token) as feed, OrderClient(url, token, connections=4) as archive:
        app = CoffeertApp(feed, archive, url=url, theme=theme, glyphs=glyphs)
        await app.run_async()
        return app.return_code or 0

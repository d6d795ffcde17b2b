"""Logging in to the page, and what a hostile page, name or neighbour can do to it: nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, async_playwright, expect

from coffeert.client import OrderClient
from coffeert.server.http.read_cookie import ReadCookie
from tests.end_to_end.processes import Shell
from tests.fuzz.inputs import NASTY
from tests.integration.client.proxies import proxied
from tests.page.conftest import chromium
from tests.page.screen import PHONE, Screen, Screens

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

TOKEN, READ = "orders-and-reads-0123456789", "reads-only-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LATTE = {"store": "uptown", "drink": "latte"}


@pytest.fixture
def guarded(shell: Shell) -> Shell:
    """Runs servers that ask for a token."""
    shell.settings |= {"token": TOKEN, "read_token": READ}
    return shell


async def log_in(screen: Screen, token: str) -> None:
    await screen.page.get_by_label("Token").fill(token)
    await screen.page.get_by_role("button", name="Log in").click()


async def test_a_token_opens_the_page_and_a_wrong_one_does_not(
    guarded: Shell, screens: Screens
) -> None:
    _, url = await guarded.serve()
    screen = await screens.open(url, viewport=PHONE)
    await screen.shows(lambda at: at.state == "login")
    await log_in(screen, "wrong")
    await expect(screen.page.locator("#login-error")).to_contain_text("not the token")
    await log_in(screen, READ)
    await screen.shows(lambda at: at.state == "live")
    cookies = await screen.page.context.cookies()
    assert [(c["httpOnly"], c["sameSite"]) for c in cookies] == [(True, "Strict")]
    assert await screen.page.evaluate("document.cookie") == ""
    assert READ not in await screen.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    await screen.page.reload()
    await screen.shows(lambda at: at.state == "live")
    await screen.page.get_by_role("button", name="Log out").click()
    await screen.shows(lambda at: at.state == "login")
    assert await screen.page.context.cookies() == []
    assert [error for error in screen.errors if "401" not in error] == []  # of the wrong token


async def test_a_link_opens_it_once_and_leaves_no_trace(guarded: Shell, screens: Screens) -> None:
    # Under an address in the network browsers forbid more than on loopback.
    _, listening = await guarded.serve("--host", "0.0.0.0")
    port = urlsplit(listening).port
    async with OrderClient(f"http://127.0.0.1:{port}", READ) as client:
        link = await client.login_link()
    url = (link.url or f"http://127.0.0.1:{port}/").rstrip("/")
    screen = await screens.open(f"{url}/#code={link.code}")
    await screen.shows(lambda at: at.state == "live")
    assert link.code is not None
    assert link.code not in screen.page.url
    assert screen.errors == []
    second = await screens.open(f"{url}/#code={link.code}")
    await second.shows(lambda at: at.state == "login")
    await expect(second.page.locator("#login-error")).to_contain_text("has been used")


@pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx")
async def test_under_a_path_behind_nginx_until_the_cookie_expires(
    guarded: Shell, screens: Screens
) -> None:
    _, upstream = await guarded.serve()
    async with (
        proxied(upstream, kind="nginx", path="/coffee") as url,
        OrderClient(upstream, TOKEN) as client,
        aiohttp.ClientSession(headers=BEARER) as http,
    ):
        screen = await screens.open(f"{url}/?period=60m")
        await log_in(screen, READ)
        await screen.shows(lambda at: at.state == "live")
        (cookie,) = await screen.page.context.cookies()
        assert cookie.get("path") == "/coffee"
        await http.post(f"{upstream}/api/orders", json=LATTE)
        await screen.shows(lambda at: at.total == (1, 480))
        await screen.page.get_by_role("link", name="Uptown").click()
        assert screen.page.url == f"{url}/?period=60m&store=uptown"
        assert (await client.dashboard()).view.totals.today.orders == 1
        # In two seconds.
        ending = ReadCookie(READ, 60, clock=lambda: time.time() - 58)
        value = ending.field(secure=False).split(";")[0].partition("=")[2]
        await screen.page.context.add_cookies(
            [{"name": ending.name, "value": value, "path": "/coffee", "domain": "127.0.0.1"}]
        )
        await screen.page.reload()
        await screen.shows(lambda at: at.state == "live")
        await screen.shows(lambda at: at.state == "login")
        await expect(screen.page.get_by_label("Token")).to_be_focused()
        await log_in(screen, READ)
        await screen.shows(lambda at: at.state == "live" and at.total == (1, 480))
        assert screen.errors == []


async def test_hostile_names_are_shown_and_do_nothing(
    shell: Shell, database_url: str, screens: Screens
) -> None:
    """Also those that the menu's commands would refuse."""
    run = "window.pwned=1"
    hostile = [
        f"<img src=x onerror={run}>", f"<script>{run}</script>", f'"><svg onload={run}>',
        f"javascript:{run}", f"</title><script>{run}</script>", "{{constructor}}", "${pwned=1}",
        f"' onmouseover='{run}", "&lt;b&gt;", "__proto__", "constructor",
        *(text for text in NASTY if text.isprintable() and text.strip() and len(text) < 80),
    ]  # fmt: skip
    codes = ["constructor", "to-string", *(f"c{number}" for number in range(2, len(hostile)))]
    database = await asyncpg.connect(database_url)
    await database.executemany(
        "INSERT INTO menu_store (code, name) VALUES ($1, $2)",
        list(zip(codes, hostile, strict=True)),
    )
    await database.executemany(
        "INSERT INTO menu_drink (code, name, price_cents) VALUES ($1, $2, 100)",
        list(zip(codes, hostile, strict=True)),
    )
    await database.close()
    _, url = await shell.serve()
    lines = [json.dumps({"store": code, "drink": code}) for code in codes]
    async with aiohttp.ClientSession(url) as http:
        ndjson = {"Content-Type": "application/x-ndjson"}
        answer = await http.post("/api/orders/batch", data="\n".join(lines), headers=ndjson)
        assert (await answer.json())["accepted"] == len(hostile)
    screen = await screens.open(url)
    shown = await screen.shows(lambda at: len(at.stores) == len(set(hostile)))
    assert set(shown.stores) == set(shown.drinks) == set(hostile)
    for code in codes[:3]:
        await screen.page.goto(f"{url}/?store={code}&drink={code}&period=constructor")
        await screen.shows(lambda at: at.total == (1, 100))
    await screen.page.goto(f"{url}/?store=<img src=x onerror=window.pwned=1>&period=<b>&wall=<b>")
    await screen.shows(lambda at: "No store is called <img" in at.fault)
    assert await screen.page.evaluate("window.pwned") is None
    assert screen.errors == []


async def test_text_cannot_become_markup(shell: Shell, screens: Screens) -> None:
    """Even a script of ours could not make HTML, run text, or ask another host: the policy forbids it."""
    _, url = await shell.serve()
    screen = await screens.open(url)
    outcome = await screen.page.evaluate(
        """() => {
          const append = given => {
            const script = Object.assign(document.createElement('script'), given)
            document.body.append(script)
          }
          return [
          () => { document.body.innerHTML = '<b id=made>x</b>' },
          () => { new DOMParser().parseFromString('<b id=made>', 'text/html') },
          () => append({ text: 'pwned = 1' }),
          () => append({ src: 'data:,pwned=1' }),
          () => { document.body.setAttribute('onclick', 'pwned = 1'); document.body.click() },
          () => { location.href = 'javascript:pwned=1' },
        ].map(attempt => { try { attempt() } catch (error) { return error.name } })
        }"""
    )
    assert outcome[:2] == ["TypeError"] * 2
    assert await screen.page.locator("#made").count() == 0
    assert await screen.page.evaluate("fetch('http://127.0.0.2:9/').then(() => 1, () => 0)") == 0
    assert await screen.page.evaluate("window.pwned") is None
    screens.allowed_hosts.add("127.0.0.2:9")  # the attempt


@asynccontextmanager
async def hostile_page(html: str) -> AsyncIterator[str]:
    """A page of another site: `localhost` is one to `127.0.0.1`."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    async with TestServer(app) as server:
        yield f"http://localhost:{server.port}/"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])  # another site, and the same site
async def test_another_page_neither_reads_nor_writes(
    guarded: Shell, screens: Screens, host: str
) -> None:
    _, url = await guarded.serve()
    context = await screens.context()
    screen = await screens.open(url, context=context)
    await log_in(screen, TOKEN)
    await screen.shows(lambda at: at.state == "live")
    async with hostile_page("<form method=post enctype=text/plain><input name=x></form>") as evil:
        evil = evil.replace("localhost", host)
        attacker = await screens.open(evil, context=context)
        outcome = await attacker.page.evaluate(
            """async ([url, order]) => {
              const tries = {}
              const options = { credentials: 'include', mode: 'cors' }
              const attempt = async (name, path, more = {}) => {
                tries[name] = await fetch(url + path, { ...options, ...more })
                  .then(answer => answer.text(), () => 'refused')
              }
              await attempt('read', '/api/dashboard')
              await attempt('state', '/login')
              const json = { method: 'POST', body: JSON.stringify(order) }
              const headers = { 'Content-Type': 'application/json' }
              await attempt('order', '/api/orders', { ...json, headers })
              await attempt('simple', '/api/orders', { ...json, mode: 'no-cors' })
              await attempt('logout', '/logout', { method: 'POST', mode: 'no-cors' })
              tries.socket = await new Promise(done => {
                const socket = new WebSocket(url.replace('http', 'ws') + '/ws/dashboard')
                socket.onmessage = ({ data }) => done(data)
                socket.onclose = () => done('refused')
              })
              return tries
            }""",
            [url, LATTE],
        )
        screens.allowed_hosts.add(urlsplit(url).netloc)
    assert outcome["read"] == outcome["state"] == outcome["order"] == outcome["socket"] == "refused"
    await screen.page.reload()
    await screen.shows(lambda at: at.state == "live")  # it was not logged out either
    async with OrderClient(url, TOKEN) as client:
        assert (await client.dashboard()).view.totals.day.orders == 0


@pytest.mark.parametrize("framed", [False, True])
async def test_only_allowed_pages_frame_it(guarded: Shell, screens: Screens, framed: bool) -> None:
    async with hostile_page("<iframe></iframe>") as evil:
        if framed:
            guarded.settings["frame_ancestors"] = evil.rstrip("/")
        _, url = await guarded.serve()
        screen = await screens.open(evil)
        screens.allowed_hosts.add(urlsplit(url).netloc)
        await screen.page.evaluate("url => { document.querySelector('iframe').src = url }", url)
        inner = screen.page.frame_locator("iframe").get_by_label("Token")
        if framed:
            await expect(inner).to_be_visible()
        else:
            while not any("frame-ancestors" in error for error in screen.errors):
                await asyncio.sleep(0.05)
            await expect(inner).to_have_count(0)


async def test_a_name_that_points_here_is_not_answered(
    shell: Shell, browser: Browser
) -> None:  # `browser` skips without one
    """DNS rebinding: a page under a name of its own gets this machine's address for it."""
    _, url = await shell.serve()
    assert browser.is_connected()
    async with async_playwright() as playwright:
        rebinding = await playwright.chromium.launch(
            executable_path=chromium(), args=["--host-resolver-rules=MAP evil.example 127.0.0.1"]
        )
        page = await rebinding.new_page()
        answer = await page.goto(f"http://evil.example:{urlsplit(url).port}/")
        assert answer is not None
        assert answer.status == 421
        read = await page.evaluate("fetch('/api/dashboard').then(answer => answer.status)")
        assert read == 421
        await rebinding.close()

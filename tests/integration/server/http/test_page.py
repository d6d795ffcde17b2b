"""`GET /`: the page's files, their headers, and their size."""

from __future__ import annotations

import re
from importlib.resources import files

import aiohttp
import pytest

from tests.integration.server.conftest import RunServer

MAX_BYTES = 30_000
FOLDER = files("coffeert.server").joinpath("page")
FILES = sorted(file.name for file in FOLDER.iterdir())


def needed() -> set[str]:
    """What a browser loads to show the page, without icons."""
    html = FOLDER.joinpath("index.html").read_text()
    return set(re.findall(r'(?:src|href)="page/([^"]+\.(?:js|css))"', html))


async def test_it_is_small(server_url: str) -> None:
    async with aiohttp.ClientSession(server_url, auto_decompress=False) as http:
        answers = [await http.get(path) for path in ("/", *(f"/page/{name}" for name in needed()))]
        assert all(answer.status == 200 for answer in answers)
        assert sum([len(await answer.read()) for answer in answers]) <= MAX_BYTES


def test_it_loads_all_its_modules_at_once() -> None:
    assert {name for name in FILES if name.endswith((".js", ".css"))} <= needed()


@pytest.mark.parametrize("path", ["/", *(f"/page/{name}" for name in FILES)])
async def test_files_arrive_with_type_and_policy(http: aiohttp.ClientSession, path: str) -> None:
    answer = await http.get(path)
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    source = FOLDER.joinpath(path.rpartition("/")[2] or "index.html").read_bytes()
    sent = await answer.read()
    if path.endswith(".js"):
        # Comments that fill lines are not sent; all else is, in its order.
        assert re.search(rb"^\s*(//|/\*\*|\*[ /])", sent, re.MULTILINE) is None
        lines = iter(source.splitlines())
        assert all(line in lines for line in sent.splitlines())
        assert len(source.splitlines()) - len(sent.splitlines()) == len(
            re.findall(rb"^\s*(?://|/\*\*|\*[ /])", source, re.MULTILINE)
        )
    else:
        assert sent == source
    again = await http.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304
    assert (await http.get(path, headers={"If-None-Match": "*"})).status == 304


@pytest.mark.parametrize("name", ["../auth.py", "%2e%2e/auth.py", "nothing.js", "__init__.py"])
async def test_nothing_else_is_served(http: aiohttp.ClientSession, name: str) -> None:
    assert (await http.get(f"/page/{name}")).status == 404


async def test_nothing_in_it_is_inline() -> None:
    html = FOLDER.joinpath("index.html").read_text()
    assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=|javascript:", html)
    for name in FILES:
        if name.endswith(".js"):
            source = FOLDER.joinpath(name).read_text()
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source
            )


async def test_it_is_there_for_everybody_but_the_figures_are_not(run_server: RunServer) -> None:
    async with run_server(token="orders-0123456789") as url, aiohttp.ClientSession(url) as http:
        assert (await http.get("/")).status == 200
        assert (await http.get("/api/dashboard")).status == 401


async def test_signage_may_frame_it_by_a_setting(run_server: RunServer) -> None:
    framing = {"token": "orders-0123456789", "frame_ancestors": ("https://signage.example",)}
    async with run_server(**framing) as url, aiohttp.ClientSession(url) as http:
        policy = (await http.get("/")).headers["Content-Security-Policy"]
        assert "frame-ancestors 'self' https://signage.example" in policy
        answer = await http.post("/login", json={"token": "orders-0123456789"})
        assert answer.headers["Set-Cookie"].endswith("SameSite=None; Secure; Partitioned")


async def test_names_of_other_machines_are_refused_without_a_token(server_url: str) -> None:
    async with aiohttp.ClientSession(server_url) as http:
        assert (await http.get("/", headers={"Host": "evil.example"})).status == 421

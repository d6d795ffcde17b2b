"""Reverse proxies that publish a server under a path: one of the test's own, and nginx if there is one."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import WSMsgType, hdrs, web
from aiohttp.test_utils import TestServer

from tests.ports import free_port
from tests.servers import temporary_directory
from tests.waiting import eventually

KINDS = ["own", *(["nginx"] if shutil.which("nginx") else [])]

NGINX = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    server {{
        listen 127.0.0.1:{port};
        location {path}/ {{
            proxy_pass {upstream}/;
            {upgrade}
        }}
    }}
}}
"""
UPGRADE = """
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
"""
HOPS = {hdrs.HOST, hdrs.CONNECTION, hdrs.UPGRADE, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_LENGTH}


@asynccontextmanager
async def proxied(
    upstream: str,
    *,
    kind: str = "own",
    path: str = "",
    upgrade: bool = True,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """The URL under which a proxy publishes a server; `upgrade`: it passes WebSockets."""
    if kind == "nginx":
        async with _nginx(upstream, path, UPGRADE if upgrade else "") as url:
            yield url
        return
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        proxy = _Proxy(upstream, session, upgrade=upgrade)
        application = web.Application()
        application.router.add_route("*", f"{path}/{{rest:.*}}", proxy.handle)
        server = TestServer(application)
        await server.start_server(shutdown_timeout=0.1, ssl=tls)
        try:
            yield f"{server.make_url('')}".rstrip("/") + path
        finally:
            await server.close()


class _Proxy:
    def __init__(self, upstream: str, session: aiohttp.ClientSession, *, upgrade: bool) -> None:
        self._upstream = upstream
        self._session = session
        self._upgrade = upgrade

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._pass_on(request)
        except aiohttp.ClientConnectorError:  # as an ingress says it while it exchanges the server
            return web.Response(status=404, text="<html>default backend", content_type="text/html")

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        url = f"{self._upstream}/{request.match_info['rest']}"
        kept = {name: value for name, value in request.headers.items() if name.title() not in HOPS}
        if self._upgrade and hdrs.UPGRADE in request.headers:
            return await self._bridge(request, url, kept)
        async with self._session.request(
            request.method, url, params=request.query, headers=kept, data=await request.read()
        ) as answer:
            passed = {k: v for k, v in answer.headers.items() if k.title() not in HOPS}
            return web.Response(status=answer.status, headers=passed, body=await answer.read())

    async def _bridge(
        self, request: web.Request, url: str, kept: dict[str, str]
    ) -> web.StreamResponse:
        outer = web.WebSocketResponse()
        kept = {k: v for k, v in kept.items() if not k.lower().startswith("sec-websocket")}
        async with self._session.ws_connect(url, params=request.query, headers=kept) as inner:
            await outer.prepare(request)

            async def pump(
                source: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
                sink: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
            ) -> None:
                async for message in source:
                    if message.type is WSMsgType.TEXT:
                        await sink.send_str(message.data)
                await sink.close()

            await asyncio.gather(pump(inner, outer), pump(outer, inner))
        return outer


@asynccontextmanager
async def _nginx(upstream: str, path: str, upgrade: str) -> AsyncIterator[str]:
    port = free_port()
    with temporary_directory() as directory:
        config = directory / "nginx.conf"
        config.write_text(
            NGINX.format(
                directory=directory, port=port, path=path, upstream=upstream, upgrade=upgrade
            )
        )
        process = await asyncio.create_subprocess_exec(
            "nginx", "-c", str(config), "-e", str(directory / "error.log")
        )
        try:
            await eventually((directory / "nginx.pid").exists)
            yield f"http://127.0.0.1:{port}{path}"
        finally:
            process.terminate()
            await process.wait()

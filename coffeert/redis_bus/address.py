"""The forms of a Redis URL: one server, the primary of a Sentinel's service, or a cluster.

    redis://user:password@host:6379/0, rediss:// (TLS), unix:///path?db=0
    redis+sentinel://user:password@host:26379,host/service/0?sentinel_username=...&sentinel_password=...
    redis+cluster://user:password@host:6379,host
    rediss+sentinel://, rediss+cluster:// (TLS to every server and Sentinel)

All options of the library, such as `ssl_ca_certs=/path`, may follow the question mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from redis.asyncio.connection import parse_url

_LOCATED: Final = re.compile(r"redis(s?)\+(sentinel|cluster)://(.*)", re.DOTALL)
_HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/@]+)(?::([0-9]{1,5}))?")
_DATABASE: Final = re.compile(r"[0-9]*")
_PORTS: Final = {"sentinel": 26379, "cluster": 6379}
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OF_SENTINELS: Final = ("sentinel_username", "sentinel_password")


class UnusableAddress(ValueError):
    """What is wrong with a URL, in words that repeat nothing that may be secret."""


class RedisNode(msgspec.Struct, frozen=True):
    """Where one server or Sentinel listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class RedisAddress(msgspec.Struct, frozen=True):
    """Where our keys are. Without `nodes` it is the one server that `options` name.

    Else `nodes` say where: the Sentinels of `service`, or servers of a cluster if that is empty. `options`
    are the library's for a connection; `sentinel_options` those for a connection to a Sentinel.
    """

    options: Mapping[str, Any]
    nodes: tuple[RedisNode, ...] = ()
    service: str = ""
    sentinel_options: Mapping[str, Any] = {}


def parse_address(url: str) -> RedisAddress:
    """Read a URL; raises `ValueError`, of which only an `UnusableAddress` may be repeated."""
    if (found := _LOCATED.fullmatch(url)) is None:
        if not url.startswith("unix:") and not _DATABASE.fullmatch(urlsplit(url).path.strip("/")):
            raise UnusableAddress("the database must be a number")
        return RedisAddress(_options(url))
    tls, kind, rest = found.groups()
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    user, at, hosts = authority.rpartition("@")
    nodes = tuple(_node(host, _PORTS[kind]) for host in hosts.split(","))
    service, database = "", path
    if kind == "sentinel":
        service, _, database = path.partition("/")
        if not service:
            raise UnusableAddress("the name of the Sentinels' service is missing")
    if not _DATABASE.fullmatch(database):
        raise UnusableAddress("the database must be a number")
    settings = parse_qsl(query, keep_blank_values=True)
    apart = _OF_SENTINELS if kind == "sentinel" else ()
    ours = urlencode([pair for pair in settings if pair[0] not in apart])
    plain = f"redis{tls}://{user}{at}host/{database}?{ours}"
    options = _options(plain)
    theirs = {name.removeprefix("sentinel_"): value for name, value in settings if name in apart}
    own = ("username", "password", "db")
    common = {name: value for name, value in options.items() if name not in own}
    return RedisAddress(options, nodes, service, {**common, **theirs})


def _options(url: str) -> Mapping[str, Any]:
    options = dict(parse_url(url))
    for name in _FILES:
        file = options.get(name)
        if isinstance(file, str) and not Path(file).is_file():
            raise UnusableAddress(f"there is no file {file}, which {name} names")
    return options


def _node(text: str, port: int) -> RedisNode:
    if (found := _HOST_AND_PORT.fullmatch(text)) is None:
        raise UnusableAddress("a host is not one")
    host, own_port = found.groups()
    number = int(own_port) if own_port else port
    if not 0 < number < 65536:
        raise UnusableAddress("a port is not one")
    return RedisNode(host.strip("[]"), number)

"""The forms of a Redis URL, and what is said about one that cannot be used."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio.connection import SSLConnection

from coffeert.errors import ConfigError
from coffeert.redis_bus.address import RedisNode, parse_address
from coffeert.redis_bus.connection import open_client


def test_sentinels_with_logins_of_their_own() -> None:
    address = parse_address(
        "redis+sentinel://user:p%40w@h1:26380,h2,[::1]:7/coffee/3"
        "?sentinel_username=watch&sentinel_password=s%2Fw&socket_timeout=2"
    )
    assert address.nodes == (RedisNode("h1", 26380), RedisNode("h2", 26379), RedisNode("::1", 7))
    assert address.service == "coffee"
    assert address.options["username"] == "user"
    assert address.options["password"] == "p@w"
    assert address.options["db"] == 3
    assert address.options["socket_timeout"] == 2
    assert address.sentinel_options["username"] == "watch"
    assert address.sentinel_options["password"] == "s/w"
    assert "db" not in address.sentinel_options
    assert "sentinel_password" not in address.options


def test_sentinels_do_not_get_the_password_of_the_servers() -> None:
    assert "password" not in parse_address("redis+sentinel://:pw@h/coffee").sentinel_options


def test_a_cluster_by_tls() -> None:
    address = parse_address("rediss+cluster://user:a@b@h1,h2:7000?ssl_check_hostname=false")
    assert address.nodes == (RedisNode("h1", 6379), RedisNode("h2", 7000))
    assert address.service == ""
    assert address.options["connection_class"] is SSLConnection
    assert address.options["ssl_check_hostname"] is False
    assert address.options["password"] == "a@b"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("localhost", ""),
        ("http://h", ""),
        ("redis+sentinel://h1,h2", "the name of the Sentinels' service is missing"),
        ("redis+sentinel:///coffee", "a host is not one"),
        ("redis+sentinel://h1,,h2/coffee", "a host is not one"),
        ("redis+sentinel://h1:x/coffee", "a host is not one"),
        ("redis+sentinel://h1:70000/coffee", "a port is not one"),
        ("redis+sentinel://h1/coffee/first", "the database must be a number"),
        ("redis+cluster://h1:0", "a port is not one"),
        ("redis+cluster://h1/coffee", "the database must be a number"),
        ("redis+cluster://u:se/cret@h1", ""),
        ("redis+cluster://u:se#cret@h1", ""),
        ("redis+cluster://u:se?cret@h1", ""),
        ("redis+cluster://h1?cret=1", ""),
        ("redis+cluster://h1?sentinel_password=cret", ""),
        ("redis://h/first", "the database must be a number"),
        ("redis://u:se/cret@h/0", ""),
        ("redis://u:se:cret@h:port", ""),
        (
            "rediss://h?ssl_ca_certs=/no/such.pem",
            "there is no file /no/such.pem, which ssl_ca_certs",
        ),
        ("rediss+cluster://h?ssl_certfile=/no/such.pem", "/no/such.pem, which ssl_certfile names"),
    ],
)
def test_one_that_cannot_be_used_is_explained_without_its_secrets(url: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_client(url)
    said = str(refused.value)
    assert said.startswith("The Redis URL cannot be used")
    assert "redis+sentinel://host:26379,host/service/0" in said
    assert reason in said
    assert "cret" not in said


@settings(max_examples=40)
@given(st.text(alphabet="redis+sentinelcluster:/@,?&=#%[].0123abc\u00e9 \x00", max_size=60))
def test_no_text_gives_anything_but_a_client_or_a_sentence(text: str) -> None:
    for scheme in ("", "redis://", "redis+sentinel://", "rediss+cluster://"):
        with suppress(ConfigError):
            open_client(scheme + text)


def test_a_ca_file_that_is_there_is_used(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("")
    assert parse_address(f"rediss://h?ssl_ca_certs={file}").options["ssl_ca_certs"] == str(file)

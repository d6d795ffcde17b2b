"""Which texts are a server's URL, and how others are refused."""

from __future__ import annotations

import pytest

from coffeert.client.url import parse_server_url, socket_url, token_headers
from coffeert.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://127.0.0.1:8765/", "http://127.0.0.1:8765"),
        ("https://shop.example", "https://shop.example"),
        ("http://[::1]:8765", "http://[::1]:8765"),
        ("https://shop.example/coffee", "https://shop.example/coffee"),
        ("https://shop.example/coffee/", "https://shop.example/coffee"),
        ("https://shop.example:8443/a%20b/c//", "https://shop.example:8443/a%20b/c"),
        ("https://shop.example/a/../b\x1b", "https://shop.example/b%1B"),
    ],
)
def test_takes_scheme_host_port_and_path(text: str, origin: str) -> None:
    assert str(parse_server_url(text)) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:8765",
        "127.0.0.1",
        "ftp://localhost",
        "http://",
        "http://:8765",
        "http://localhost:0",
        "http://localhost:99999",
        "http://localhost:port",
        "http://localhost/coffee?token=1",
        "http://localhost/coffee#top",
        "http://localhost?token=1",
        "http://localhost#top",
        "http://[::1",
    ],
)
def test_refuses_everything_else_in_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^The server's URL .*\.$"):
        parse_server_url(text)


@pytest.mark.parametrize("text", ["http://me:s3cret@localhost:1", "http://s3cret@localhost:1"])
def test_never_repeats_credentials(text: str) -> None:
    with pytest.raises(ConfigError, match="COFFEERT_TOKEN") as refused:
        parse_server_url(text)
    assert "s3cret" not in str(refused.value)


def test_the_socket_asks_to_resume_only_with_an_epoch() -> None:
    server = parse_server_url("https://shop.example")
    assert str(socket_url(server)) == "wss://shop.example/ws/dashboard"
    below = parse_server_url("http://shop.example/coffee/")
    assert str(socket_url(below)) == "ws://shop.example/coffee/ws/dashboard"
    assert dict(socket_url(server, epoch="a b", version=7).query) == {
        "epoch": "a b",
        "version": "7",
    }


def test_a_token_that_no_header_can_hold_is_refused_in_a_sentence() -> None:
    assert token_headers(None) == {}
    assert token_headers("a1-") == {"Authorization": "Bearer a1-"}
    for token in ("secret\n", "sec ret", "s\u00e9cret"):  # such as a file's line end
        with pytest.raises(ConfigError, match=r"travels in a header\.$"):
            token_headers(token)

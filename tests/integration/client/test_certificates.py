"""A private CA is trusted by every client that is told of it, and a certificate that fails is explained."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from coffeert.client import Connected, DashboardFeed, Disconnected, OrderClient, OrderSocket
from coffeert.domain.orders import Draft
from coffeert.errors import ConfigError, ServerUnavailable
from tests.integration.client.peer import Dashboard, serving
from tests.integration.client.proxies import proxied
from tests.integration.inject.command import run

pytestmark = pytest.mark.long

TEA = Draft("uptown", "tea")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
Issue = Callable[..., trustme.LeafCert]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    return written(tmp_path / "ca.pem", ca.cert_pem.bytes())


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def behind(certificate: trustme.LeafCert, url: str) -> AbstractAsyncContextManager[str]:
    return proxied(url, path="/coffee", tls=tls(certificate))


@asynccontextmanager
async def nobody(certificate: trustme.LeafCert) -> AsyncIterator[str]:
    async with serving(Dashboard().route()) as url, behind(certificate, url) as published:
        yield published


@pytest.mark.long
@pytest.mark.parametrize("form", ["PEM", "DER"])
async def test_every_client_trusts_it(
    server_url: str,
    ca: trustme.CA,
    tmp_path: Path,
    form: str,
) -> None:
    pem = ca.cert_pem.bytes()
    data = pem if form == "PEM" else ssl.PEM_cert_to_DER_cert(pem.decode())
    ca_file = written(tmp_path / "ca", data)
    async with behind(ca.issue_cert("127.0.0.1"), server_url) as url:
        async with (
            OrderClient(url, ca_file=ca_file) as client,
            OrderSocket(url, ca_file=ca_file) as orders,
        ):
            await client.place(TEA)
            await orders.place(TEA)
        async with DashboardFeed(url, ca_file=ca_file) as feed:
            assert await ended(feed) is None
        refused = await run("status", "--url", url)
        assert refused.code == 3
        assert refused.err.count("\n") == 1
        assert "COFFEERT_CA_FILE" in refused.err
        settings = {"ca_file": str(ca_file)}
        done = await run("status", "--url", url, settings=settings)
        assert (done.code, done.err) == (0, "")
        sent = await run(
            *("inject", "--url", url, "--count", "20", "--rate", "1000"),
            *("--via", "http,ws,batch", "--json"),
            settings=settings,
        )
        assert (sent.code, sent.report().accepted) == (0, 20)


async def test_the_usual_variable_is_kept_to(
    server_url: str, ca: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    async with behind(ca.issue_cert("127.0.0.1"), server_url) as url:
        # It is read when the program is loaded, so that no forked one would do: this one has an input.
        assert (await run("status", "--url", url, data=b"")).code == 0


@pytest.mark.parametrize(
    ("names", "valid", "trusted", "words"),
    [
        (["127.0.0.1"], (None, None), False, "COFFEERT_CA_FILE"),
        (["127.0.0.2"], (None, None), True, "another address"),
        (["other.example"], (None, None), True, "another address"),
        (["127.0.0.1"], (LONG_AGO, LONG_AGO + timedelta(days=1)), True, "expired"),
        (["127.0.0.1"], (datetime.now(UTC) + timedelta(days=9), None), True, "not valid yet"),
    ],
)
async def test_a_certificate_that_does_not_verify_is_explained(
    ca: trustme.CA,
    ca_file: Path,
    names: list[str],
    valid: tuple[datetime | None, datetime | None],
    trusted: bool,
    words: str,
) -> None:
    certificate = ca.issue_cert(*names, not_before=valid[0], not_after=valid[1])
    given = ca_file if trusted else None
    async with nobody(certificate) as url:
        async with OrderClient(url, ca_file=given, patience=5) as client:
            with pytest.raises(ServerUnavailable, match=f"^The server at {url} has a .*{words}"):
                await client.menu()
            assert client.retries == 0
        async with DashboardFeed(url, ca_file=given) as feed:
            lost = await ended(feed)
            assert lost is not None
            assert words in lost.reason
            assert lost.retry_in is not None


async def test_another_host_name_is_told_apart(ca: trustme.CA, ca_file: Path) -> None:
    async with nobody(ca.issue_cert("other.example")) as url:
        named = url.replace("127.0.0.1", "localhost")
        async with OrderClient(named, ca_file=ca_file, patience=0) as client:
            with pytest.raises(ServerUnavailable, match="another host name"):
                await client.menu()


async def test_a_port_without_tls_is_told_apart() -> None:
    async with (
        serving(Dashboard().route()) as url,
        OrderClient(url.replace("http", "https"), patience=0) as client,
    ):
        with pytest.raises(ServerUnavailable, match=r"does not speak TLS .*http://"):
            await client.menu()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "no certificate"),
        (b"hello", "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate"),
        (b"\x30\x82\x01", "no certificate"),
        ("key", "no certificate"),
        ("directory", "cannot be read: Is a directory"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    ca: trustme.CA,
    tmp_path: Path,
    content: bytes | str | None,
    words: str,
) -> None:
    path = tmp_path / "ca\x07.pem"
    if content == "key":
        content = ca.private_key_pem.bytes()
    if content == "directory":
        path = tmp_path
    elif isinstance(content, bytes):
        written(path, content)
    for make in (OrderClient, OrderSocket, DashboardFeed):
        with pytest.raises(ConfigError, match=rf"^The CA file .*{words}.*\.$") as refused:
            make("https://127.0.0.1:1", ca_file=path)
        assert str(refused.value).isprintable()
    for command in (("status",), ("tui", "--plain"), ("inject",)):
        settings = {"ca_file": str(path)}
        done = await run(*command, "--url", "https://127.0.0.1:1", settings=settings)
        assert (done.code, done.out) == (2, "")
        assert done.err.count("\n") == 1


async def ended(feed: DashboardFeed) -> Disconnected | None:
    async for event in feed.events():
        if isinstance(event, Connected):
            return None
        if isinstance(event, Disconnected):
            return event
    raise AssertionError("the feed ended")

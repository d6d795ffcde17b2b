"""What keeps us from a database is said in one sentence: the true reason, and never the password."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from types import SimpleNamespace

import pytest
import structlog
import trustme

from coffeert.cli import cli, run
from coffeert.embedded import PostgresServer
from coffeert.errors import DatabaseUnavailable
from coffeert.postgres import connecting
from coffeert.postgres.pool import close, connect, open_pool
from tests.servers import postgres_with_tls, temporary_directory
from tests.standby import standby_of

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs loopback addresses of its own"
)

HBA = """
local all postgres trust
host shop known 127.0.0.0/8 scram-sha-256
hostssl shop encrypted 127.0.0.0/8 trust
"""


@pytest.fixture(scope="module")
def secured() -> Iterator[SimpleNamespace]:
    """A PostgreSQL on an address of its own that asks for passwords and offers TLS."""
    address = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
    authority, stranger = trustme.CA(), trustme.CA()
    with temporary_directory() as directory:
        postgres = postgres_with_tls(
            directory, settings={"listen_addresses": address, "fsync": "off"}
        )
        if postgres is None:
            pytest.skip("needs a PostgreSQL with TLS, such as Debian's postgresql-15")
        postgres.start()
        try:
            cluster = postgres.directory.cluster
            issued = authority.issue_cert(address)
            issued.cert_chain_pems[0].write_to_path(cluster / "server.crt")
            issued.private_key_pem.write_to_path(cluster / "server.key")
            (cluster / "server.key").chmod(0o600)
            for file in ("server.crt", "server.key"):
                postgres.directory.account.take(cluster / file)
            authority.cert_pem.write_to_path(directory / "ca.pem")
            stranger.cert_pem.write_to_path(directory / "other.pem")
            (directory / "no.pem").write_text("nothing of the kind")
            (cluster / "pg_hba.conf").write_text(HBA)
            for statement in (
                "ALTER SYSTEM SET ssl = on",
                "CREATE ROLE known LOGIN PASSWORD 'pa@ss'",
                "CREATE ROLE encrypted LOGIN",
                "CREATE DATABASE shop",
                "SELECT pg_reload_conf()",
            ):
                postgres.execute(statement)
            yield SimpleNamespace(host=address, files=directory, postgres=postgres)
        finally:
            postgres.stop("immediate")


REFUSED = {
    "wrong password": (
        "known:secret@{host}/shop",
        'refuses the user or the password: password authentication failed for user "known"',
    ),
    "no password": ("known@{host}/shop?passfile=/nowhere", "password"),
    "unknown role in pg_hba": ("secret@{host}/shop", "no pg_hba.conf entry for host"),
    "not without TLS": (
        "encrypted@{host}/shop?sslmode=disable",
        r'refuses the connection: no pg_hba.conf entry for host .*user "encrypted".*no encryption',
    ),
    "other database in pg_hba": ("known:pa%40ss@{host}/none", "no pg_hba.conf entry"),
    "missing database": ("postgres@/none?host={sockets}", 'no such database: database "none" does'),
    "unknown host": ("me:secret@no-such-host.invalid/shop", "the name of its host is unknown"),
    "nobody listens": ("me:secret@{host}:1/shop", "cannot be reached: connection refused"),
    "no socket": ("me:secret@/shop?host=/nowhere", "there is no socket of it"),
    "unknown authority": (
        "encrypted@{host}/shop?sslmode=verify-full&sslrootcert={files}/other.pem",
        "its certificate cannot be trusted, unable to get local issuer certificate",
    ),
    "system's authorities": (
        "encrypted@{host}/shop?sslrootcert=system",
        "its certificate cannot be trusted",
    ),
    "missing file": (
        "encrypted@{host}/shop?sslmode=verify-ca&sslrootcert=/nowhere.pem",
        r"the file that sslrootcert names cannot be read \(no such file or directory\)",
    ),
    "no certificate": (
        "encrypted@{host}/shop?sslmode=verify-ca&sslrootcert={files}/no.pem",
        "TLS fails, no certificate or crl found",
    ),
    "wrong setting": (
        "postgres@/postgres?host={sockets}&options=-c%20no_such=1",
        "refuses the connection: unrecognized configuration parameter",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_is_given_its_reason(secured: SimpleNamespace, case: str) -> None:
    parts, reason = REFUSED[case]
    url = "postgresql://" + parts.format(
        host=secured.host, files=secured.files, sockets=secured.postgres.directory.sockets
    )
    with pytest.raises(DatabaseUnavailable, match=reason) as raised:
        await connect(url, application_name="test")
    assert str(raised.value).startswith("PostgreSQL ")
    assert str(raised.value).endswith(".")
    assert "secret" not in str(raised.value) or parts.startswith("secret")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "parts",
    [
        "known:pa%40ss@{host}/shop",
        "known:pa%40ss@{host}/shop?channel_binding=require&keepalives=1&sslmode=require",
        "encrypted@{host}/shop?sslmode=verify-full&sslrootcert={files}/ca.pem",
        "/shop?host={host}&user=known&password=pa@ss&connect_timeout=3",
        "127.0.0.1:1,{host}/shop?user=known&password=pa@ss",
    ],
)
async def test_what_should_connect_does(secured: SimpleNamespace, parts: str) -> None:
    url = "postgresql://" + parts.format(host=secured.host, files=secured.files)
    connection = await connect(url, application_name="test")
    assert await connection.fetchval("SELECT current_database()") == "shop"
    await close(connection)


async def test_a_server_without_tls_says_so(secured: SimpleNamespace) -> None:
    secured.postgres.execute("ALTER SYSTEM SET ssl = off")
    secured.postgres.execute("SELECT pg_reload_conf()")
    try:
        async with asyncio.timeout(10):
            while secured.postgres.execute("SHOW ssl") != "off":
                await asyncio.sleep(0.01)
        with pytest.raises(DatabaseUnavailable, match="it offers no TLS, which sslmode asks for"):
            await connect(
                f"postgresql://known:secret@{secured.host}/shop?sslmode=require",
                application_name="test",
            )
    finally:
        secured.postgres.execute("ALTER SYSTEM SET ssl = on")
        secured.postgres.execute("SELECT pg_reload_conf()")


def test_a_command_says_it_in_one_line(
    secured: SimpleNamespace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://known:secret@{secured.host}/shop"
    monkeypatch.setenv("COFFEERT_DATABASE_URL", url)
    assert run(cli, ["verify"]) == 3
    printed = capsys.readouterr().err
    assert printed.startswith("coffeert: PostgreSQL refuses the user or the password: ")
    assert printed.count("\n") == 1
    assert "secret" not in printed


async def test_what_has_no_effect_is_told_once(database_url: str) -> None:
    connecting._told.clear()
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            await close(
                await connect(f"{database_url}&keepalives=1&schema=public", application_name="test")
            )
    assert [line["names"] for line in lines] == ["keepalives, schema"]


@pytest.mark.long
async def test_of_several_hosts_the_primary_is_found_also_after_a_second_failover(
    own_postgres: PostgresServer, opened: AsyncExitStack
) -> None:
    own_postgres.ensure_database("shop")
    with standby_of(own_postgres) as standby:
        hosts = f"{standby.socket_directory},{own_postgres.directory.sockets}"
        url = f"postgresql://postgres@/shop?host={hosts}"
        pool = await open_pool(url, size=2, application_name="test")
        opened.callback(pool.terminate)
        asked = "SELECT pg_is_in_recovery()"
        assert await pool.fetchval(asked) is False
        await asyncio.to_thread(own_postgres.stop, "immediate")
        with pytest.raises(DatabaseUnavailable, match="is a standby; the primary is needed"):
            await connect(url, application_name="test")
        await asyncio.to_thread(standby.promote)
        await pool.expire_connections()
        assert await pool.fetchval(asked) is False
        standby.stop()
        await asyncio.to_thread(own_postgres.start)
        await pool.expire_connections()
        assert await pool.fetchval(asked) is False


async def test_a_host_that_does_not_answer_keeps_nobody_from_the_next(
    secured: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "_NEXT_HOST_SECONDS", 0.05)
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        port = silent.getsockname()[1]
        url = f"postgresql://known:pa%40ss@127.0.0.1:{port},{secured.host}/shop"
        async with asyncio.timeout(4):
            connection = await connect(url, application_name="test")
        await close(connection)

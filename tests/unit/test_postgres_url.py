"""What a database's URL says is understood as by libpq, passed over by name, or refused in a sentence."""

from __future__ import annotations

import string
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coffeert.config import load_config
from coffeert.errors import ConfigError
from coffeert.postgres_url import Host, parse_postgres_url

NEON = (
    "postgresql://owner:npg_x@ep-cool-pooler.eu-central-1.aws.neon.tech/neondb"
    "?sslmode=require&channel_binding=require"
)
SUPABASE = "postgres://postgres.ref:pw@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true"
AZURE = "postgresql://me%40server:pw@server.postgres.database.azure.com/postgres?sslmode=require"
DIGITALOCEAN = (
    "postgresql://doadmin:pw@db-do-user-1.ondigitalocean.com:25060/defaultdb?sslmode=require"
)
PLANETSCALE = "postgresql://u:pw@aws.connect.psdb.cloud/db?sslmode=verify-full&sslrootcert=system"
PRISMA = "postgresql://u:pw@h/db?schema=public&connection_limit=5&pool_timeout=20&sslaccept=strict"


@pytest.mark.parametrize("url", [NEON, SUPABASE, AZURE, DIGITALOCEAN, PLANETSCALE, PRISMA])
def test_what_offers_hand_out_is_understood(url: str) -> None:
    assert parse_postgres_url(url).hosts


def test_what_has_no_effect_is_named() -> None:
    assert parse_postgres_url(NEON).passed_over == ("channel_binding",)
    named = (
        "application_name=x&keepalives=1&keepalives_idle=30&gssencmode=disable&tcp_user_timeout=3"
    )
    found = parse_postgres_url(f"postgresql://h/d?{named}")
    assert found.passed_over == (
        "application_name", "keepalives", "keepalives_idle", "tcp_user_timeout",
    )  # fmt: skip


def test_parts_are_read() -> None:
    found = parse_postgres_url(
        "postgresql://me:p%40ss@[::1]:6000,b/shop?sslmode=verify-full&sslrootcert=/etc/ca.pem"
        "&connect_timeout=7&target_session_attrs=read-write&load_balance_hosts=random"
        "&options=-c%20geqo%3Doff&sslnegotiation=direct&pool_mode=session"
    )
    assert found.hosts == (Host("::1", 6000), Host("b", 5432))
    assert (found.user, found.password, found.database) == ("me", "p@ss", "shop")
    assert (found.wanted, found.shuffled, found.connect_timeout) == ("read-write", True, 7)
    assert (found.options, found.direct_tls, found.pool_mode) == ("-c geqo=off", True, "session")
    assert dict(found.driver) == {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ("host=/run/postgresql", (Host("/run/postgresql", 5432),)),
        ("host=a,b&port=1,2", (Host("a", 1), Host("b", 2))),
        ("host=a,b&port=7", (Host("a", 7), Host("b", 7))),
        ("hostaddr=10.0.0.1", (Host("10.0.0.1", 5432),)),
        ("", ()),
    ],
)
def test_hosts_in_the_parameters(query: str, hosts: tuple[Host, ...]) -> None:
    assert parse_postgres_url(f"postgresql://u@/d?{query}").hosts == hosts


def test_a_plus_is_a_plus() -> None:
    assert parse_postgres_url("postgresql://h/d?password=a+b%20c").password == "a+b c"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://h/d", "must begin with postgresql://"),
        ("postgresql+asyncpg://h/d", "must begin with postgresql://"),
        ("postgresql://h:70000/d", "a port that is no number"),
        ("postgresql://h:x/d", "a host or a port"),
        ("postgresql://a:1,b/d?port=1,2,3", "as many ports as hosts"),
        ("postgresql://h/d?sslmode=verify", "as sslmode"),
        ("postgresql://h/d?target_session_attrs=master", "read-write.* as target_session_attrs"),
        ("postgresql://h/d?load_balance_hosts=on", "disable, random as load_balance_hosts"),
        ("postgresql://h/d?channel_binding=always", "as channel_binding"),
        ("postgresql://h/d?sslnegotiation=x", "as sslnegotiation"),
        ("postgresql://h/d?gssencmode=require", "encrypted by TLS only"),
        ("postgresql://h/d?pool_mode=statement", "counted in transactions"),
        ("postgresql://h/d?sslrootcert=system&sslmode=require", "sslmode=verify-full"),
        ("postgresql://h/d?connect_timeout=soon", "a connect_timeout that"),
        ("postgresql://h/d?require_auth=scram-sha-256", "parameter require_auth, which"),
        ("postgresql://h/d?sslmod=verify-full", "parameter sslmod, which"),
        ("postgresql://h/d?sslmode", "as name=value"),
        ("postgresql://h/d?options=%zz", "a % in options"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_postgres_url(url)
    with pytest.raises(ConfigError, match=f"The setting database_url cannot be used: .*{reason}"):
        load_config(database_url=url)


@pytest.mark.parametrize(
    "password", ["se@cret", "se/cret", "se?cret", "se%cret", "12/se@cret", "%"]
)
def test_a_raw_sign_in_a_password_is_told_and_the_password_is_not(password: str) -> None:
    with pytest.raises(ConfigError, match="percent-encoded") as raised:
        load_config(database_url=f"postgresql://me:{password}@host:5432/shop")
    assert "cret" not in str(raised.value)


def test_the_url_of_a_standby_is_checked_alike() -> None:
    with pytest.raises(ConfigError, match="The setting read_url cannot be used: must begin"):
        load_config(read_url="standby")


@given(st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text))
def test_an_encoded_password_is_read_back(password: str) -> None:
    url = f"postgresql://me:{quote(password, safe='', errors='surrogatepass')}@host/shop"
    found = parse_postgres_url(url)
    assert found.hosts == (Host("host", 5432),)
    if not any("\ud800" <= sign <= "\udfff" for sign in password):
        assert found.password == password


@given(
    st.text(alphabet=string.printable, max_size=40), st.text(alphabet=string.printable, max_size=40)
)
def test_anything_is_read_or_refused(login: str, rest: str) -> None:
    with suppress(ValueError):
        parse_postgres_url(f"postgresql://{login}@host/{rest}")

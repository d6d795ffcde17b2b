"""Reading the URL of a database as libpq does (PostgreSQL's manual, 34.1.1.2), with what other drivers add.

No reason that is given here quotes a value: a password may stand in the wrong place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar, cast, get_args
from urllib.parse import unquote

SessionKind = Literal["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]
PoolMode = Literal["session", "transaction"]
_Choice = TypeVar("_Choice", bound=str)

_SCHEME: Final = re.compile(r"postgres(?:ql)?://")
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_HOST: Final = re.compile(
    r"(?:\[(?P<address>[0-9A-Fa-f:.%]+)\]|(?P<name>[^\s:\[\]@]*))(?::(?P<port>[0-9]*))?"
)
_DEFAULT_PORT: Final = 5432
_TIMEOUT_SECONDS: Final = (2, 60)
_RAW_SIGN: Final = (
    "has a sign in its user or password that must be percent-encoded: "
    "@ as %40, / as %2F, ? as %3F, % as %25"
)

# What asyncpg reads by itself, files and all.
_OF_DRIVER: Final = frozenset(
    {
        "gsslib", "krbsrvname", "passfile", "service", "sslcert", "sslcrl", "sslkey", "sslmode",
        "sslpassword", "sslrootcert", "ssl_max_protocol_version", "ssl_min_protocol_version",
    }
)  # fmt: skip
# In lower case. Of libpq first: connections here are named for what they do, and found dead by timeouts.
# Then those of Prisma, pgx, node-postgres, JDBC and SQLAlchemy, as offers hand them out.
_WITHOUT_MEANING: Final = frozenset(
    {
        "application_name", "client_encoding", "fallback_application_name", "gssdelegation", "hostaddr",
        "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
        "max_protocol_version", "min_protocol_version", "sslcertmode", "sslcompression",
        "sslkeylogfile", "sslsni", "tcp_user_timeout",
        "applicationname", "connection_limit", "currentschema", "default_query_exec_mode",
        "description_cache_capacity", "logintimeout", "max_overflow", "pool_health_check_period",
        "pool_max_conn_idle_time", "pool_max_conn_lifetime", "pool_max_conns", "pool_min_conns",
        "pool_size", "pool_timeout", "prepared_statement_cache_size", "prepared_statements",
        "preparedstatementcachequeries", "preparethreshold", "reconnect", "rewritebatchedinserts",
        "schema", "socket_timeout", "sockettimeout", "sslaccept", "sslidentity",
        "statement_cache_capacity", "statement_cache_mode", "statement_cache_size", "stringtype",
        "supa", "tcpkeepalive", "uselibpqcompat", "workaround",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Host:
    """A server's name or address, or the directory of its socket, and its port."""

    name: str
    port: int

    def __str__(self) -> str:
        if self.name.startswith("/"):
            return self.name
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """What a URL says. `None`, and no hosts, stand for PostgreSQL's defaults.

    `wanted` is the kind of session to be found among the hosts, which are tried in a random order if
    `shuffled`. `connect_timeout` is in seconds. `certificates`: the system's are trusted, or those that
    `driver` names. `driver` are parameters that asyncpg reads, and `passed_over` the names of those that
    have no effect.
    """

    hosts: tuple[Host, ...] = ()
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    wanted: SessionKind | None = None
    shuffled: bool = False
    connect_timeout: float | None = None
    direct_tls: bool = False
    certificates: Literal["system", "named"] = "named"
    options: str | None = None
    pool_mode: PoolMode | None = None
    driver: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    passed_over: tuple[str, ...] = ()


def parse_postgres_url(url: str) -> DatabaseUrl:
    """Read a URL; raises `ValueError` with what is wrong with it, such as `must begin with ...`."""
    scheme = _SCHEME.match(url := url.strip())
    if scheme is None:
        raise ValueError("must begin with postgresql://")
    rest = url[scheme.end() :]
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    path, _, query = rest[len(authority) :].partition("?")
    if authority.count("@") > 1 or "@" in path or _hides_login(authority, query):
        raise ValueError(_RAW_SIGN)
    login, _, servers = authority.rpartition("@")
    user, _, password = login.partition(":")
    given = _Parameters(query)
    ports = given.take("port") or ""
    hosts = _hosts(_decoded(servers), ports) or _hosts(given.take("host") or "", ports)
    if not hosts and (address := given.take("hostaddr")):
        hosts = _hosts(address, ports)
    named_database = given.take("dbname") or given.take("database")
    named_user, named_password = given.take("user"), given.take("password")
    return DatabaseUrl(
        hosts=hosts,
        user=_decoded(user) or named_user,
        password=_decoded(password) or named_password,
        database=_decoded(path.removeprefix("/")) or named_database,
        wanted=given.choice("target_session_attrs", get_args(SessionKind)),
        shuffled=given.choice("load_balance_hosts", ("disable", "random")) == "random",
        connect_timeout=_timeout(given.take("connect_timeout")),
        direct_tls=given.choice("sslnegotiation", ("postgres", "direct")) == "direct",
        certificates=given.certificates(),
        options=given.take("options"),
        pool_mode=given.pool_mode(),
        driver=given.of_driver(),
        passed_over=given.without_meaning(),
    )


def _hides_login(authority: str, query: str) -> bool:
    """Whether a raw sign in a password seems to have ended the part that holds it."""
    if "@" in authority:
        return False
    in_query = any("@" in part and "=" not in part for part in query.split("&"))
    hosts = all(map(_HOST.fullmatch, authority.split(",")))
    return in_query or ("@" in query and not hosts)


def _decoded(text: str) -> str:
    if _BROKEN_PERCENT.search(text):
        raise ValueError(_RAW_SIGN)
    return unquote(text)


def _hosts(names: str, ports: str) -> tuple[Host, ...]:
    if not names:
        return ()
    listed, numbers = names.split(","), ports.split(",")
    if len(numbers) == 1:
        numbers *= len(listed)
    if len(numbers) != len(listed):
        raise ValueError("must name as many ports as hosts, or one for all")
    return tuple(map(_host, listed, numbers))


def _host(text: str, port: str) -> Host:
    if text.startswith("/"):
        return Host(text, _port(port))
    match = _HOST.fullmatch(text)
    if match is None or not (match["address"] or match["name"]):
        raise ValueError("has a host or a port that cannot be one")
    return Host(match["address"] or match["name"], _port(match["port"] or port))


def _port(text: str) -> int:
    if not text:
        return _DEFAULT_PORT
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError("has a port that is no number from 1 to 65535")
    return int(text)


def _timeout(text: str | None) -> float | None:
    """Read `connect_timeout`; without one, or to wait for ever, ours is kept."""
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise ValueError("has a connect_timeout that is no whole number of seconds")
    shortest, longest = _TIMEOUT_SECONDS
    return max(shortest, min(int(text), longest)) if int(text) > 0 else None


class _Parameters:
    """The parameters behind the `?`; taken one by one, and each must be."""

    def __init__(self, query: str) -> None:
        self._left: dict[str, str] = {}
        for part in query.split("&") if query else ():
            name, equals, value = part.partition("=")
            if not equals or not re.fullmatch(r"[A-Za-z_.]+", name):
                raise ValueError("must give its parameters as name=value, with & between them")
            if _BROKEN_PERCENT.search(value):
                raise ValueError(f"has a % in {name} that must be written as %25")
            self._left[name] = unquote(value)

    def take(self, name: str) -> str | None:
        """Return the value of a parameter that is given and not empty."""
        return self._left.pop(name, None) or None

    def choice(self, name: str, choices: tuple[_Choice, ...]) -> _Choice | None:
        """Return the value of a parameter that must be one of a few."""
        value = self.take(name)
        if value is None:
            return None
        if value not in choices:
            raise ValueError(f"must have one of {', '.join(choices)} as {name}")
        return value

    def certificates(self) -> Literal["system", "named"]:
        """Whether `sslrootcert` is `system`, which libpq allows with `verify-full` only."""
        if self._left.get("sslrootcert") != "system":
            return "named"
        del self._left["sslrootcert"]
        if self._left.setdefault("sslmode", "verify-full") != "verify-full":
            raise ValueError("must have sslmode=verify-full with sslrootcert=system")
        return "system"

    def pool_mode(self) -> PoolMode | None:
        """What the URL says about a pooler in front of the database."""
        mode = self.choice("pool_mode", ("session", "transaction", "statement"))
        if mode == "statement":
            raise ValueError("cannot have pool_mode=statement: orders are counted in transactions")
        of_prisma = self.choice("pgbouncer", ("true", "false"))
        return "transaction" if of_prisma == "true" else cast("PoolMode | None", mode)

    def of_driver(self) -> tuple[tuple[str, str], ...]:
        """Take what asyncpg reads."""
        modes = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
        if self.choice("requiressl", ("0", "1")) == "1":
            self._left.setdefault("sslmode", "require")
        ssl = self.choice("ssl", ("true", "false", "1", "0", *modes))
        if ssl is not None:  # of other drivers
            self._left.setdefault("sslmode", {"true": "require", "1": "require"}.get(ssl, ssl))
        if self._left.get("sslmode") in ("false", "0"):
            del self._left["sslmode"]
        mode = self.choice("sslmode", modes)
        found = {} if mode is None else {"sslmode": mode}
        for name in sorted(_OF_DRIVER & self._left.keys()):
            if value := self.take(name):
                found[name] = value
        return tuple(found.items())

    def without_meaning(self) -> tuple[str, ...]:
        """Return the names that are passed over; raises `ValueError` for any that is not known."""
        if self.choice("gssencmode", ("disable", "prefer", "require")) == "require":
            raise ValueError(
                "cannot have gssencmode=require: connections are encrypted by TLS only"
            )
        names = [name for name in self._left if name.lower() in _WITHOUT_MEANING]
        if "channel_binding" in self._left:
            # `require` too, which offers hand out: TLS protects the connection without it.
            binding = self.choice("channel_binding", ("disable", "prefer", "require"))
            names += ["channel_binding"] if binding == "require" else []
        unknown = [name for name in self._left if name not in names and self._left[name]]
        if unknown:
            raise ValueError(
                f"has the parameter {unknown[0][:40]}, which coffeert does not know; settings of a session "
                "go into options, such as options=-c%20work_mem=8MB"
            )
        return tuple(sorted(names))

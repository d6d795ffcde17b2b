"""Settings: flags, `COFFEERT_*` in the environment, and `coffeert.toml`, the first of them winning."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from coffeert.durations import parse_duration
from coffeert.errors import ConfigError
from coffeert.net import is_local_host, name_of
from coffeert.postgres_url import parse_postgres_url

CONFIG_FILE = "coffeert.toml"
ENV_PREFIX = "COFFEERT_"
RENAMED = {
    "interval": "aggregation_interval",
    "aggregator": "run_aggregator",
    "live": "live_updates",
    "batch_rows": "max_batch_rows",
    "batch_writers": "max_concurrent_commits",
    "queue_wait": "max_queue_seconds",
    "body_limit": "max_body_bytes",
    "clients_limit": "max_websocket_clients",
    "client_connections": "max_connections_per_ip",
    "client_orders_per_s": "max_orders_per_second_per_ip",
    "frame_interval": "min_frame_interval",
    "heartbeat": "heartbeat_interval",
    "pool_size": "database_pool_size",
}
"""Old name -> new name of settings: the old one is refused with a sentence that names the new one."""

# RFC 6750 allows a bearer token less than that, but no visible ASCII breaks a header.
_HEADER_SAFE = re.compile(r"[!-~]+")
_JSON_LIST = re.compile(r'\s*\[\s*["\]]')  # and no IPv6 address
# As browsers send them: in lower case, without the scheme's own port. Apps have schemes of their own.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[0-9a-z._-]+)(:[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?")


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[float, BeforeValidator(_seconds)]
"""Seconds, given as a number or as a text with a unit such as `500ms` or `2m`."""


def _seconds_or_off(value: object) -> object:
    return None if value == "off" else _seconds(value)


OptionalDuration = Annotated[float | None, BeforeValidator(_seconds_or_off)]
"""Seconds likewise, or `off`, which is `None`."""


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    if _JSON_LIST.match(value):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("must be a list, its parts separated by commas") from None
    return tuple(part.strip() for part in value.split(",") if part.strip())


TextList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list, or a text in which commas separate the parts, or JSON."""


class Config(BaseSettings):
    """Every setting of a process, checked once and never changed."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database_url: SecretStr | None = None
    """PostgreSQL, as `postgresql://...`; unset starts the embedded one."""

    read_url: SecretStr | None = None
    """A standby, as `postgresql://...`, for what is only read: the past, reports, lists, `verify`."""

    redis_url: SecretStr | None = None
    """Redis, as `redis://`, `redis+sentinel://` or `redis+cluster://`; unset starts the embedded Valkey."""

    data_dir: Path | None = None
    """Where the embedded servers keep their data; unset means the user's data directory."""

    host: str = Field(default="127.0.0.1", pattern=r"^[0-9A-Za-z.:%_-]{1,255}$")
    """Address to listen on; any but loopback needs `token`."""

    port: int = Field(default=8765, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""

    token: SecretStr | None = None
    """Bearer token for orders, voids and the WebSocket."""

    read_token: SecretStr | None = None
    """Bearer token that may read and watch, but not order or void; needs `token`."""

    ca_file: Path | None = None
    """Certificate of a private CA in PEM or DER, which clients trust besides the system's."""

    allowed_origins: TextList = ()
    """Origins of web pages, such as `https://shop.example`, that may use the server besides its own."""

    allowed_hosts: TextList = ()
    """Names of this server, in addition to those of this machine; only asked if there is no `token`."""

    frame_ancestors: TextList = ()
    """Origins of web pages, such as `https://signage.example`, that may show the page in a frame; the page
    itself then needs `https`."""

    login_lifetime: Duration = Field(default=30 * 86400.0, ge=60, le=400 * 86400)
    """How long a login to the page lasts."""

    workers: int = Field(default=1, ge=1, le=64)
    """Server processes that share the port."""

    run_aggregator: bool = True
    """Whether this server also runs an aggregator; one leads, the others stand by."""

    aggregation_interval: Duration = Field(default=1.0, ge=0.05, le=3600)
    """Time between two passes of the aggregator."""

    minute_retention: Duration = Field(default=45 * 86400.0, ge=2 * 86400, le=366 * 86400)
    """How long sums by the minute are kept; those by quarter hour and by day are kept for good."""

    feed_retention: Duration = Field(default=7 * 86400.0, ge=3600, le=366 * 86400)
    """How long a reader of the change feed may be away and go on where it was; orders are kept for good."""

    max_feed_readers: int = Field(default=500, ge=1)
    """Readers of the change feed that one server process streams to or has waiting, at most."""

    max_feed_readers_per_ip: int = Field(default=50, ge=0)
    """The same from one address, except from this machine; 0 for no limit."""

    closing_after: OptionalDuration = Field(default=3600.0, ge=0, le=7 * 86400)
    """How long after its end at the last store a business day is closed; `off`: only when asked for."""

    live_updates: bool = True
    """Whether dashboards show orders before the next pass; if off, they change with passes only."""

    timezone: str = "UTC"
    """IANA name of the zone of a new database's default calendar; `coffeert menu calendar` changes it."""

    database_pool_size: int = Field(default=8, ge=2, le=100)
    """Connections to PostgreSQL for each server process."""

    max_batch_rows: int = Field(default=1000, ge=1, le=5000)
    """Rows of one INSERT, at most."""

    max_concurrent_commits: int = Field(default=2, ge=1, le=16)
    """Batches that commit at the same time, at most."""

    restore_acknowledged: bool = True
    """Whether a database that has gone back in time gets the last acknowledged orders again; off before a
    deliberate restore to an earlier time."""

    max_queue_seconds: Duration = Field(default=1.0, gt=0, le=60)
    """Predicted wait above which an order is refused with 503."""

    max_body_bytes: int = Field(default=16 * 1024, ge=1024)
    """Bytes of one order's body, one line of a batch, or one WebSocket frame, at most."""

    max_websocket_clients: int = Field(default=12_000, ge=1)
    """WebSocket clients of one server process, at most."""

    max_connections_per_ip: int = Field(default=2_000, ge=0)
    """Connections from one address, at most, except from this machine; 0 for no limit."""

    max_orders_per_second_per_ip: float = Field(default=20_000, ge=0)
    """Orders a second from one address, at most, except from this machine; 0 for no limit."""

    header_timeout: Duration = Field(default=10.0, ge=0.1, le=600)
    """How long a client may take to send the headers of a request."""

    body_timeout: Duration = Field(default=10.0, ge=0.1, le=600)
    """How long the server waits for a body, and one second more for each KiB that has arrived."""

    min_frame_interval: Duration = Field(default=0.002, ge=0, le=10)
    """Shortest time between two updates to a dashboard; up to 20ms under load, 100ms in overload."""

    heartbeat_interval: Duration = Field(default=1.0, ge=0.1, le=60)
    """Time between two heartbeats to a dashboard."""

    slow_client_timeout: Duration = Field(default=10.0, ge=0.1)
    """How long a dashboard may be behind before its WebSocket is closed with 4008."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe log line to write to stderr: `debug`, `info`, `warning` or `error`."""

    log_format: Literal["text", "json"] = "text"
    """Log lines as `text` or `json`."""

    @field_validator("data_dir", "ca_file", mode="before")
    @classmethod
    def _named_place(cls, place: object) -> object:
        if place == "":  # which would be the current directory
            raise ValueError("must name one, or be left out")
        return place

    @field_validator("database_url", "read_url")
    @classmethod
    def _usable_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and url.get_secret_value():
            parse_postgres_url(url.get_secret_value())
        return url

    @field_validator("allowed_origins", "frame_ancestors")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        named = [origin.removesuffix("/").lower() for origin in origins]
        if not all(map(_ORIGIN.fullmatch, named)):  # `*` and `null` would let every page in
            raise ValueError("must be single origins such as https://shop.example, without a path")
        return tuple(
            origin.removesuffix(_DEFAULT_PORTS.get(origin.partition(":")[0], "/"))
            for origin in named
        )

    @field_validator("allowed_hosts")
    @classmethod
    def _host_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(_HOST.fullmatch, hosts)):
            raise ValueError("must be host names such as dashboard.example")
        return tuple(map(name_of, hosts))

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("must be an IANA name such as Europe/Kyiv") from None
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags over the environment over the file."""
        file = TomlConfigSettingsSource(settings_cls, Path(CONFIG_FILE))
        return init_settings, env_settings, file


def load_config(**flags: Any) -> Config:
    """Read the settings; `flags` that are `None` were not given.

    Raises `ConfigError` naming the first setting that cannot be used, never its value.
    """
    _refuse_renamed_variables()
    try:
        config = Config(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise ConfigError(_sentence(error)) from None
    except ValueError as error:
        raise ConfigError(f"{CONFIG_FILE} cannot be read: {error}.") from None
    _check_tokens(config)
    if not is_local_host(config.host) and config.token is None:
        raise ConfigError(
            f"Listening on {config.host} lets strangers in: set COFFEERT_TOKEN first, "
            "or listen on 127.0.0.1."
        )
    return config


def _refuse_renamed_variables() -> None:
    # pydantic-settings never looks at variables that it does not know: an old name would be ignored.
    for old, new in RENAMED.items():
        if ENV_PREFIX + old.upper() in os.environ:
            raise ConfigError(f"{ENV_PREFIX}{old.upper()} is now called {ENV_PREFIX}{new.upper()}.")


_LIMITS = ("ge", "gt", "le", "lt")
_REASONS = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "string_pattern_mismatch": "has a character that cannot be there",
}


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] != "extra_forbidden":
        unit = " s" if Config.__annotations__.get(name, "").endswith("Duration") else ""
        limits = {
            key: f"{limit:g}{unit}" for key, limit in first.get("ctx", {}).items() if key in _LIMITS
        }
        plain = _REASONS.get(first["type"])
        reason = (
            first["msg"].removeprefix("Value error, ") if plain is None else plain.format(**limits)
        )
        return f"The setting {name} cannot be used: {reason}."
    if name in RENAMED:
        return f"The setting {name} is now called {RENAMED[name]}."
    return f"{CONFIG_FILE} names {name[:60]!a}, which is no setting."


def _check_tokens(config: Config) -> None:
    for name in ("token", "read_token"):
        token: SecretStr | None = getattr(config, name)
        if token is not None and not token.get_secret_value().strip():
            raise ConfigError(
                f"The setting {name} is empty: leave it out, or give it a long secret."
            )
        if token is not None and not _HEADER_SAFE.fullmatch(token.get_secret_value()):
            raise ConfigError(
                f"The setting {name} may hold only letters, digits and signs of ASCII, without spaces: "
                "it travels in a header."
            )
    if config.read_token is not None and config.token is None:
        raise ConfigError("COFFEERT_READ_TOKEN only makes sense beside COFFEERT_TOKEN.")
    if config.read_token is not None and config.read_token == config.token:
        raise ConfigError("COFFEERT_READ_TOKEN must differ from COFFEERT_TOKEN.")

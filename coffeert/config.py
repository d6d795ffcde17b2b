"""Settings: `COFFEERT_*` in the environment, `coffeert.toml`, and flags, in rising precedence."""

from __future__ import annotations

import re
from datetime import tzinfo
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from coffeert.errors import ConfigError

CONFIG_FILE = "coffeert.toml"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_SENDABLE = re.compile(r"[!-~]+")

Switch = Literal["on", "off"]


class Config(BaseSettings):
    """Every setting of a process, checked once and never changed."""

    model_config = SettingsConfigDict(
        env_prefix="COFFEERT_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database_url: SecretStr | None = None
    """PostgreSQL, as `postgresql://...`; unset starts the embedded one."""

    redis_url: SecretStr | None = None
    """Redis, as `redis://...`; unset starts the embedded Valkey."""

    data_dir: Path | None = None
    """Where the embedded servers keep their data; unset means the user's data directory."""

    host: str = Field(default="127.0.0.1", pattern=r"^[0-9A-Za-z.:%_-]{1,255}$")
    """The address to listen on. Any but loopback needs `token`."""

    port: int = Field(default=8765, ge=0, le=65535)
    """The port to listen on; 0 takes a free one."""

    token: SecretStr | None = None
    """The bearer token for orders, voids and the WebSocket."""

    read_token: SecretStr | None = None
    """A bearer token for the dashboard and what else is read, but not for orders; needs `token`."""

    allowed_origins: tuple[str, ...] = ()
    """Origins of web pages, besides the server's own, that may open the WebSocket."""

    workers: int = Field(default=1, ge=1, le=64)
    """How many server processes share the port."""

    aggregator: bool = True
    """Whether this server also stands for leading aggregator."""

    interval: float = Field(default=1.0, ge=0.05, le=3600)
    """Seconds between passes of the aggregator."""

    live: Switch = "on"
    """Whether orders show before the next pass; `off` is the pure batch mode."""

    timezone: str = "UTC"
    """IANA name of the zone whose midnight begins "today"."""

    pool_size: int = Field(default=8, ge=2, le=100)
    """Connections to PostgreSQL for each server process."""

    batch_rows: int = Field(default=1000, ge=1, le=5000)
    """The most rows in one insert."""

    batch_writers: int = Field(default=2, ge=1, le=16)
    """How many batches may be committing at once."""

    queue_wait: float = Field(default=1.0, gt=0, le=60)
    """Seconds of predicted wait past which an order is refused with 503."""

    body_limit: int = Field(default=16 * 1024, ge=1024)
    """Bytes of one order's body, one line of a batch, or one WebSocket frame."""

    clients_limit: int = Field(default=12_000, ge=1)
    """WebSocket clients of one server process."""

    client_connections: int = Field(default=2_000, ge=0)
    """Connections from one address, except from this machine; 0 for no limit."""

    client_orders_per_s: float = Field(default=20_000, ge=0)
    """Orders a second from one address, except from this machine; 0 for no limit."""

    header_timeout: float = Field(default=10.0, ge=0.1, le=600)
    """Seconds that a client may take to send the headers of a request."""

    body_timeout: float = Field(default=10.0, ge=0.1, le=600)
    """Seconds that a client may let the server wait for a body, and 1 more for each KiB it sends."""

    frame_interval: float = Field(default=0.02, ge=0, le=10)
    """The least number of seconds between two updates to a dashboard; 5 times as many in overload."""

    heartbeat: float = Field(default=1.0, ge=0.1, le=60)
    """Seconds between heartbeats to a dashboard."""

    slow_client_timeout: float = Field(default=10.0, ge=0.1)
    """Seconds that a client may be behind before it is closed with 4008."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe log line to write, to stderr."""

    log_format: Literal["text", "json"] = "text"
    """How log lines are written."""

    @field_validator("data_dir", mode="before")
    @classmethod
    def _named_directory(cls, place: object) -> object:
        if place == "":  # which would be the current one
            raise ValueError("must name a directory, or be left out")
        return place

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
        """Order the sources: flags over the file over the environment."""
        file = TomlConfigSettingsSource(settings_cls, Path(CONFIG_FILE))
        return init_settings, file, env_settings

    def zone(self) -> tzinfo:
        """Return the zone of `timezone`."""
        return ZoneInfo(self.timezone)


def load_config(**flags: Any) -> Config:
    """Read the settings; `flags` that are `None` were not given.

    Raises `ConfigError` naming the first setting that cannot be used, never its value.
    """
    try:
        config = Config(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"The setting {name} cannot be used: {first['msg']}.") from None
    except ValueError as error:
        raise ConfigError(f"{CONFIG_FILE} cannot be read: {error}.") from None
    _check_tokens(config)
    if config.host not in LOOPBACK and config.token is None:
        raise ConfigError(
            f"Listening on {config.host} lets strangers in: set COFFEERT_TOKEN first, "
            "or listen on 127.0.0.1."
        )
    return config


def _check_tokens(config: Config) -> None:
    for name in ("token", "read_token"):
        token: SecretStr | None = getattr(config, name)
        if token is not None and not token.get_secret_value().strip():
            raise ConfigError(
                f"The setting {name} is empty: leave it out, or give it a long secret."
            )
        if token is not None and not _SENDABLE.fullmatch(token.get_secret_value()):
            raise ConfigError(
                f"The setting {name} may hold only letters, digits and signs of ASCII, without spaces: "
                "it travels in a header."
            )
    if config.read_token is not None and config.token is None:
        raise ConfigError("COFFEERT_READ_TOKEN only makes sense beside COFFEERT_TOKEN.")
    if config.read_token is not None and config.read_token == config.token:
        raise ConfigError("COFFEERT_READ_TOKEN must differ from COFFEERT_TOKEN.")

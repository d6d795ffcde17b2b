"""What `--to` names: the sink for a URL or a file."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from yarl import URL

from coffeert.client.webhook import parse_webhook_url
from coffeert.errors import ConfigError
from coffeert.sinks.cursor import CursorFile
from coffeert.sinks.duckdb import DuckDBSink
from coffeert.sinks.kafka import KafkaSink, KafkaTopic
from coffeert.sinks.nats import NatsSink
from coffeert.sinks.ndjson import LineFileSink
from coffeert.sinks.parquet import ParquetSink
from coffeert.sinks.postgresql import PostgresSink
from coffeert.sinks.sink import Sink
from coffeert.sinks.webhook import WebhookSink, parse_secret

SECRET_VARIABLE: Final = "COFFEERT_WEBHOOK_SECRET"  # noqa: S105 (its name)
_KINDS: Final = (
    "--to takes kafka://host:port/topic, nats://host:port/subject, postgresql://..., https://..., or a "
    "file that ends in .ndjson, .duckdb or .parquet."
)


def sink_for(target: str, state: Path | None) -> Sink:
    """Return the sink for a target. Raises `ConfigError`, also if what it needs is not installed.

    `state` is the file of the cursor, which only a webhook needs.
    """
    scheme = target.partition("://")[0] if "://" in target else ""
    if scheme in ("http", "https"):
        return _webhook(target, state)
    if state is not None:
        raise ConfigError("This target keeps the cursor itself: leave --state out.")
    if scheme in ("postgresql", "postgres"):
        return PostgresSink(target)
    if scheme == "nats":
        return _nats(target)
    if scheme in ("kafka", "kafka+ssl"):
        topic = KafkaTopic(target)
        _need("confluent_kafka", "kafka")
        return KafkaSink(topic)
    if scheme:
        raise ConfigError(_KINDS)
    return _file(Path(target))


def _webhook(target: str, state: Path | None) -> Sink:
    if state is None:
        raise ConfigError("A webhook keeps no cursor: name a file for it with --state.")
    secret = os.environ.get(SECRET_VARIABLE)
    if secret is None:
        raise ConfigError(f"{SECRET_VARIABLE} must hold the secret that signs what is posted.")
    return WebhookSink(parse_webhook_url(target), parse_secret(secret), CursorFile(state))


def _nats(target: str) -> Sink:
    try:
        url = URL(target)
        subject = url.path.strip("/")
    except ValueError:
        subject = ""
    if not subject or not url.host or any(sign in subject for sign in " *>"):
        raise ConfigError("The target must look like nats://host:4222/subject, without wildcards.")
    _need("nats", "nats")
    return NatsSink(url)


def _file(path: Path) -> Sink:
    kind = path.suffix
    if kind == ".ndjson":
        return LineFileSink(path)
    if kind not in (".duckdb", ".parquet"):
        raise ConfigError(_KINDS)
    _need("duckdb", "duckdb")
    return DuckDBSink(path) if kind == ".duckdb" else ParquetSink(path)


def _need(package: str, extra: str) -> None:
    if find_spec(package) is None:
        raise ConfigError(f"This target needs a further package: pip install 'coffeert[{extra}]'.")

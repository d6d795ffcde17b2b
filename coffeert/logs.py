"""Logging: structured, to stderr; one line for each fault and each recovery, none for a request."""

from __future__ import annotations

import logging
import sys
from typing import Literal

import structlog
from aiohttp.http import HttpProcessingError
from aiohttp.web import RequestPayloadError


def configure_logs(level: str, form: Literal["text", "json"]) -> None:
    """Set up logging of this process; `level` is a name such as `info`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=True,
    )
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Access logs are left to reverse proxies.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # Warns with a traceback at each attempt to connect; the health monitor logs that in one line.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    logging.getLogger("aiohttp.server").addFilter(_is_server_fault)


def _is_server_fault(record: logging.LogRecord) -> bool:
    # Bytes that are not HTTP are answered with 400; anyone could fill the log with them.
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | RequestPayloadError)

"""Every error that coffeert raises on purpose.

One tree, one handler per surface: HTTP turns an error into a problem document, the command line into
one sentence on stderr and `exit_code`, the terminal into a notice. The text of an error is therefore
always a plain sentence for the person who reads it.
"""

from __future__ import annotations

from typing import Self

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of an input."""

    field: str
    message: str


class CoffeertError(Exception):
    """Something that coffeert reports in one sentence."""

    exit_code = 1


class ConfigError(CoffeertError):
    """A setting is missing or has a value that cannot be used."""

    exit_code = 2


class EmbeddedError(CoffeertError):
    """The embedded PostgreSQL or Valkey could not be started or stopped."""

    exit_code = 3


class DatabaseUnavailable(CoffeertError):
    """PostgreSQL cannot be reached."""

    exit_code = 3


class RedisUnavailable(CoffeertError):
    """Redis cannot be reached."""

    exit_code = 3


class ServerUnavailable(CoffeertError):
    """The coffeert server cannot be reached."""

    exit_code = 3


class SchemaMismatch(CoffeertError):
    """The database's schema is not the one that this version works with."""

    exit_code = 4


class ProtocolMismatch(CoffeertError):
    """Another version of coffeert, with other keys and messages in Redis, runs on the same Redis."""

    exit_code = 4


class ClusterMismatch(CoffeertError):
    """The rollups were computed on another PostgreSQL cluster, so their watermark means nothing here."""

    exit_code = 5


class Fenced(CoffeertError):
    """Another aggregator leads now; this one must not write.

    `same_lineage`: the other one's passes belong to the same history of orders.
    """

    exit_code = 6

    def __init__(self, sentence: str, *, same_lineage: bool = False) -> None:
        super().__init__(sentence)
        self.same_lineage = same_lineage


class NotExact(CoffeertError):
    """The rollups differ from the orders."""

    exit_code = 7


class ImportBusy(CoffeertError):
    """Another command imports into the same database, or takes an import back."""

    exit_code = 9


class ForwardBusy(CoffeertError):
    """Another process forwards to the same installation."""

    exit_code = 9


class SinkBusy(CoffeertError):
    """Another process writes the feed to the same target."""

    exit_code = 9


class SinkUnavailable(CoffeertError):
    """A target of the feed cannot be reached, or could not store what it was given."""

    exit_code = 3


class SinkRefused(CoffeertError):
    """A target of the feed wants no more, or refuses what no later attempt would change."""


class ImportRefused(CoffeertError):
    """A file is not imported before its owner has answered or corrected something."""

    exit_code = 2


class ApiError(CoffeertError):
    """A request that the server refuses, over HTTP or WebSocket, for what it says or for lack of capacity.

    `status` is the HTTP status, on every surface; `retry_after` is in seconds.
    """

    status = 400
    title = "Malformed request"

    def __init__(
        self,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after

    def detached(self) -> Self:
        """Drop the traceback: in a list of its caller the error would otherwise keep that list alive."""
        self.__traceback__ = self.__context__ = None
        return self


class Malformed(ApiError):
    """The body is not what its content type says."""


class Unauthorized(ApiError):
    """The token is missing or wrong."""

    status = 401
    title = "Unauthorized"


class Forbidden(ApiError):
    """The caller or its origin is known and not allowed to do this."""

    status = 403
    title = "Forbidden"


class NotFound(ApiError):
    """There is no such resource, or no order of this id."""

    status = 404
    title = "Not found"


class MethodNotAllowed(ApiError):
    """The resource exists, but not for this method."""

    status = 405
    title = "Method not allowed"


class RequestTimeout(ApiError):
    """The client took too long to send its request."""

    status = 408
    title = "Request timeout"


class Conflict(ApiError):
    """The idempotency key belongs to an order with other content."""

    status = 409
    title = "Conflict"


class Gone(ApiError):
    """The cursor of a feed leads nowhere any more; the reader begins again."""

    status = 410
    title = "Gone"


class TooLarge(ApiError):
    """The body, a line or a frame is larger than the limit."""

    status = 413
    title = "Too large"


class Misdirected(ApiError):
    """The `Host` of the request is not a name of this server."""

    status = 421
    title = "Misdirected request"


class UnsupportedMediaType(ApiError):
    """The content type is not accepted here."""

    status = 415
    title = "Unsupported media type"


class Invalid(ApiError):
    """Well formed, but a value is not acceptable; `errors` names each field."""

    status = 422
    title = "Invalid value"


class TooManyRequests(ApiError):
    """This client is over its limit."""

    status = 429
    title = "Too many requests"


class InternalError(ApiError):
    """A defect of the server, which its log describes; the order may or may not be stored."""

    status = 500
    title = "Internal error"


class Unavailable(ApiError):
    """The order was not stored; the same order may be sent again after `retry_after` seconds."""

    status = 503
    title = "Unavailable"


class OutcomeUnknown(Unavailable):
    """The connection broke while committing: the order may be stored. Sending it again is safe."""

    title = "Outcome unknown"


class KeyContended(Unavailable):
    """An open transaction of another client holds the order's key; the order was not stored."""

"""Every refusal of the server is raised as the kind that it is."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import aiohttp
import pytest

from coffeert import errors
from coffeert.client.errors import (
    error_from_problem,
    error_from_response,
    is_retryable,
    plain_reason,
)
from coffeert.errors import ApiError, FieldError
from coffeert.wire.orders import Problem, encode

if TYPE_CHECKING:
    from collections.abc import Iterator


def _kinds(kind: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    for child in kind.__subclasses__():
        if (child.status, child.title) != (kind.status, kind.title):  # or clients see no difference
            yield child
        yield from _kinds(child)


@pytest.mark.parametrize("kind", list(_kinds()))
def test_a_problem_document_is_raised_as_what_made_it(kind: type[ApiError]) -> None:
    refused = kind("No.", errors=(FieldError("drink", "is unknown"),), retry_after=2.5)
    body = encode(Problem.of(refused))
    again = error_from_response(refused.status, body, retry_after="9")
    assert type(again) is kind
    assert (again.detail, again.errors, again.retry_after) == ("No.", refused.errors, 2.5)


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (502, errors.Unavailable, True),
        (503, errors.Unavailable, True),
        (429, errors.TooManyRequests, True),
        (418, ApiError, False),
        (302, ApiError, False),
        (422, errors.Invalid, False),
    ],
)
def test_answers_without_a_document_keep_their_status(
    status: int, kind: type[ApiError], retryable: bool
) -> None:
    refused = error_from_response(status, b"<html>", retry_after="3")
    assert type(refused) is kind
    assert refused.status == status
    assert str(status) in refused.detail
    assert refused.retry_after == 3
    assert is_retryable(refused) is retryable


@pytest.mark.parametrize("header", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "nan", "1e9", ""])
def test_a_useless_retry_after_is_left_out(header: str) -> None:
    assert error_from_response(503, b"", header).retry_after is None


def test_the_status_line_outweighs_the_document() -> None:
    body = encode(Problem("Conflict", 409, "Other content."))
    assert error_from_response(503, body, None).status == 503


def test_base_kinds_are_not_changed_by_a_status_of_their_own() -> None:
    error_from_problem(Problem("Teapot", 418, "Short and stout."))
    assert ApiError.status == 400


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "does not answer"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "broke the connection"),
        (aiohttp.ServerDisconnectedError(), "broke the connection"),
        (aiohttp.ClientPayloadError(), "broke the connection"),
        (TimeoutError(), "in time"),
        (aiohttp.ClientConnectionError(), "not HTTP"),
    ],
)
def test_broken_connections_are_told_in_plain_words(error: Exception, words: str) -> None:
    assert words in plain_reason(error)

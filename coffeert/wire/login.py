"""Logging in to the page: what a browser sends, and the link that a terminal shows as a QR code."""

from __future__ import annotations

import msgspec


class LoginRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token, or the code of a link instead."""

    token: str | None = None
    code: str | None = None


class LoginState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the sender may read. `login`: a cookie lets it in, until `expires_in` seconds from now."""

    known: bool
    login: bool
    expires_in: float | None = None


class LoginLink(msgspec.Struct, frozen=True, kw_only=True):
    """What a link to the page needs: `<address of the page>#code=<code>` logs in once.

    `code` is `None` if nobody needs to log in, `url` the page's address in the local network, `None` if
    the server listens on loopback only. `expires_in` is in seconds.
    """

    code: str | None
    url: str | None
    expires_in: float

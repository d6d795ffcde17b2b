"""The cookie that a login of the page becomes: it reads and watches, and nothing else.

Its value is `<expiry>.<signature>`: Unix seconds, and an HMAC of them under a key made from the token. So
every process with the same token verifies it, none keeps a list, and another token ends all of them.
"""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import scrypt, sha256
from typing import Final

_MAX_DIGITS: Final = 12
# Whoever holds a cookie can try tokens against it without asking the server: 40 ms for each of them.
_SCRYPT_COST: Final = 2**14


class ReadCookie:
    """Makes and verifies cookies of one secret; `lifetime` in seconds.

    `framed`: pages of other sites may show the page in a frame, where browsers send no other cookies than
    `SameSite=None` ones. `Path` is left out: browsers then take the folder of the address that set it,
    which is right behind a proxy that publishes the server under a path, too.
    """

    def __init__(
        self,
        secret: str,
        lifetime: float,
        *,
        framed: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = scrypt(secret.encode(), salt=b"coffeert read cookie", n=_SCRYPT_COST, r=8, p=1)
        self._lifetime = lifetime
        self._framed = framed
        self._clock = clock
        # Cookies do not tell ports apart, but two servers on one machine have different tokens.
        self.name = f"coffeert-{hmac.digest(self._key, b'name', sha256).hex()[:8]}"

    def field(self, *, secure: bool) -> str:
        """Return a `Set-Cookie` field that logs in; `secure`: the page came over TLS."""
        value = self._signed(str(int(self._clock() + self._lifetime)))
        return self._field(value, int(self._lifetime), secure=secure)

    def clearing_field(self, *, secure: bool) -> str:
        """Return a `Set-Cookie` field that logs out."""
        return self._field("", 0, secure=secure)

    def valid_until(self, value: str) -> float | None:
        """Return the Unix time when a cookie of this value expires, `None` if it opens nothing."""
        expiry = value.partition(".")[0]
        if not (expiry.isascii() and expiry.isdigit() and len(expiry) <= _MAX_DIGITS):
            return None
        genuine = hmac.compare_digest(
            value.encode("utf-8", "surrogateescape"), self._signed(expiry).encode()
        )
        remaining = int(expiry) - self._clock()
        # One that lasts longer than any that is made now was made under a longer lifetime.
        return int(expiry) if genuine and 0 < remaining <= self._lifetime else None

    def _signed(self, expiry: str) -> str:
        signature = hmac.digest(self._key, expiry.encode(), sha256)
        return f"{expiry}.{urlsafe_b64encode(signature).decode().rstrip('=')}"

    def _field(self, value: str, max_age: int, *, secure: bool) -> str:
        if self._framed:
            scope = "SameSite=None; Secure; Partitioned"
        else:
            scope = "SameSite=Strict; Secure" if secure else "SameSite=Strict"
        return f"{self.name}={value}; Max-Age={max_age}; HttpOnly; {scope}"

"""Moving the leader's lease on between passes that are far apart."""

from __future__ import annotations

import time

from coffeert.postgres.connecting import has_session
from coffeert.postgres.leadership import RENEW_SECONDS, renew_lease
from coffeert.postgres.pool import Connection


class LeaseRenewal:
    """Renews the lease of a leader; does nothing for one that has a session, whose lock lasts."""

    def __init__(self, connection: Connection, token: int) -> None:
        self._connection = connection
        self._token = token
        self._due = time.monotonic() + RENEW_SECONDS

    async def renew_if_due(self) -> None:
        """Renew the lease if that is due; raises `Fenced`, `DatabaseUnavailable`."""
        if not has_session(self._connection) and time.monotonic() >= self._due:
            await renew_lease(self._connection, self._token)
            self._due = time.monotonic() + RENEW_SECONDS

"""Which parts are ill, since when, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from coffeert.wire.health import PartHealth

log = structlog.get_logger(__name__)

_STEADY = timedelta(seconds=2)


class _Incident(Struct):
    since: datetime
    reason: str
    well_since: datetime | None = None


class IncidentTracker:
    """Since when each part has been ill; one log line when it falls ill and one when it recovers.

    A part that is well for a moment only, between two illnesses, has been ill all the time: the log
    calls it recovered when it has stayed well for two seconds.
    """

    def __init__(self) -> None:
        self._known: dict[str, _Incident] = {}

    def note(self, name: str, reason: str | None, now: datetime) -> PartHealth:
        """Note a part's state, `None` for well."""
        ailment = self._known.get(name)
        if reason is None:
            if ailment is not None:
                self._note_well(name, ailment, now)
            return PartHealth(at=now)
        if ailment is None:
            ailment = self._known[name] = _Incident(now, reason)
            log.warning("ill", part=name, reason=reason)
        ailment.reason, ailment.well_since = reason, None
        return PartHealth(ok=False, at=now, since=ailment.since, reason=reason)

    def _note_well(self, name: str, ailment: _Incident, now: datetime) -> None:
        if ailment.well_since is None:
            ailment.well_since = now
        if now - ailment.well_since >= _STEADY:
            del self._known[name]
            seconds = (ailment.well_since - ailment.since).total_seconds()
            log.info("recovered", part=name, seconds=round(seconds, 1))

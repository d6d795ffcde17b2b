"""Which transactions clients of this server know of, so that no standby without them is read for them."""

from __future__ import annotations

from coffeert.domain.watermark import Xid
from coffeert.postgres.read_pool import Shown
from coffeert.server.live.live_view import LiveView

_MOST_KEPT = 10_000


class AcknowledgedXids:
    """The pass and the pending batches of a view, and what this server has committed since that pass."""

    def __init__(self, live_view: LiveView) -> None:
        self._live_view = live_view
        self._committed: set[Xid] = set()

    def note(self, xid: Xid) -> None:
        """Note a transaction whose orders are acknowledged, shown or not."""
        if len(self._committed) < _MOST_KEPT:  # so many keep every standby from being read
            self._committed.add(xid)

    def shown(self) -> Shown | None:
        """Return what clients know; `None` before anything is shown."""
        view = self._live_view
        if not view.loaded:
            return None
        self._committed = {xid for xid in self._committed if not view.watermark.sees(xid)}
        return Shown(view.lineage, view.number, view.pending_xids | self._committed)

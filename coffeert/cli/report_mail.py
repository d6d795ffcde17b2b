"""The reports that one mail is made of."""

from __future__ import annotations

import msgspec

from coffeert.wire.reports import Report


class ReportMail(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report, and if no grouping was asked for the same by drink and beside a usual day."""

    report: Report
    by_drink: Report | None = None
    usual: Report | None = None

"""What a server says of its database: why no order can be stored, and what a crash could do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from coffeert.postgres.migrations import read_migrations
from coffeert.postgres.session import SessionStatus

WELL = SessionStatus(
    standby=False,
    read_only=False,
    may_insert=True,
    schema=read_migrations()[-1].name,
    waiting=0,
    synchronous_commit="on",
    fsync="on",
    full_page_writes="on",
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": "0001_orders"}, "another version"),
        ({"schema": "9999_later"}, "another version"),
        ({"standby": True, "read_only": True}, "is a standby"),
        ({"read_only": True}, "is read-only"),
        ({"may_insert": False}, "may not insert"),
        ({"waiting": 1}, "wait for a synchronous standby"),
    ],
)
def test_an_obstacle_to_orders_is_said(changed: dict[str, object], said: str) -> None:
    status = replace(WELL, **changed)
    assert said in str(status.obstacle())
    assert status.risk() is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fsync": "off"}, "fsync is off"),
        ({"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}, "fsync is off"),
        ({"full_page_writes": "off"}, "full_page_writes is off"),
        ({"synchronous_commit": "off"}, "synchronous_commit is off"),
        ({"synchronous_commit": "local"}, "synchronous_commit is local"),
        ({"synchronous_commit": "remote_write"}, "synchronous_commit is remote_write"),
    ],
)
def test_a_risk_for_what_was_acknowledged_is_said(changed: dict[str, object], said: str) -> None:
    status = replace(WELL, **changed)
    assert said in str(status.risk())
    assert len(str(status.risk())) <= 80, "the terminal's panel shows no more"
    assert status.obstacle() is None


@pytest.mark.parametrize("setting", ["on", "remote_apply"])
def test_nothing_is_said_of_a_database_that_is_well(setting: str) -> None:
    status = replace(WELL, synchronous_commit=setting)
    assert (status.obstacle(), status.risk()) == (None, None)

"""The faults, one class each: what is done to the system while it works, and what must come of it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.torture.faults.aggregator import AggregatorKilled, LeaderFrozen
from tests.torture.faults.clients import ClientsBehindBadNetwork, HostileInput, StalledClient
from tests.torture.faults.clocks import (
    DatabaseClockPutRight,
    ServerClockWrong,
    ServersOfTwoZones,
)
from tests.torture.faults.copies import ColdCopyPutBack, CrashConsistentCopyPutBack
from tests.torture.faults.fault import Fault, Nothing
from tests.torture.faults.feed import (
    FeedReadersKilled,
    LargeTransaction,
    StalledFeedReaders,
    TransactionsHeld,
)
from tests.torture.faults.postgres import (
    DiskFull,
    LongTransaction,
    PostgresBehindBadNetwork,
    PostgresCrashed,
    PostgresFrozen,
)
from tests.torture.faults.primary import PrimaryLost, StandbyAway, StandbyBehind
from tests.torture.faults.redis import (
    RedisBehindBadNetwork,
    RedisFlushed,
    RedisKilled,
    RedisWrongValues,
)
from tests.torture.faults.server import ServerEnded, ServerFrozen, ServerKilled, WorkerKilled

__all__ = ["FAULTS", "Fault"]

FAULTS: Sequence[type[Fault]] = (
    Nothing,
    ServerKilled,
    ServerFrozen,
    ServerEnded,
    AggregatorKilled,
    LeaderFrozen,
    PostgresCrashed,
    PostgresFrozen,
    PostgresBehindBadNetwork,
    RedisKilled,
    RedisFlushed,
    RedisBehindBadNetwork,
    RedisWrongValues,
    ClientsBehindBadNetwork,
    LongTransaction,
    StalledClient,
    HostileInput,
    DiskFull,
    PrimaryLost,
    ColdCopyPutBack,
    CrashConsistentCopyPutBack,
    ServerClockWrong,
    DatabaseClockPutRight,
    ServersOfTwoZones,
    StandbyAway,
    StandbyBehind,
    WorkerKilled,
    FeedReadersKilled,
    TransactionsHeld,
    LargeTransaction,
    StalledFeedReaders,
)

"""The mutants: what is broken, how, and which tests must fail then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one file: `old` occurs there exactly once. `tests` are pytest's arguments."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


_PROPERTY = "tests/integration/aggregator/test_pass_property.py"
_PASSES = "tests/integration/postgres/test_passes.py"
_WRITER = "tests/unit/server/ingest/test_batch_writer.py"
_WATCHED = "tests/torture/test_short.py"  # only by what its dashboards see
_LIVE = "tests/unit/server/live/test_live_view.py"
_CONTINUITY = "tests/unit/server/live/test_continuity.py"
_CLOCKS = "tests/integration/server/live/test_clocks.py"
_FENCING = "tests/integration/redis_bus/test_fencing.py"
_CONNECTION = "tests/unit/server/http/test_connection.py"
_READER = "tests/unit/server/http/test_request_reader.py"
_DESYNC = "tests/integration/server/http/test_desync.py"

MUTANTS = (
    Mutant(
        "the pass does not lock its state row",
        "sql/queries/lock_state.sql",
        "\nFOR UPDATE",
        "",
        (_PROPERTY, "tests/integration/aggregator/test_stress.py"),
    ),
    Mutant(
        "the pass stores a snapshot taken by a second statement",
        "coffeert/postgres/passes.py",
        "    assert row is not None\n",
        "    assert row is not None\n"
        "    await connection.execute(\n"
        '        "UPDATE aggregator_state SET watermark = pg_current_snapshot()"\n'
        "    )\n",
        (_PROPERTY,),
    ),
    Mutant(
        "the pass forgets the transactions that were in progress at the last one",
        "sql/queries/pass.sql",
        "WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))",
        "WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot))) AND false",
        (_PASSES, _PROPERTY),
    ),
    Mutant(
        "the pass counts by received_at instead of by transaction",
        "sql/queries/pass.sql",
        "FROM orders WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)",
        "FROM orders WHERE pg_snapshot_xmax($1::text::pg_snapshot) IS NOT NULL"
        " AND received_at > (SELECT passed_at FROM aggregator_state)",
        (_PROPERTY,),
    ),
    Mutant(
        "an order is acknowledged before its commit",
        "coffeert/server/ingest/batch_writer.py",
        "            outcomes = await self._store(entries, commits)\n",
        "            self._answer(groups, [StoredOrder(e.order, replayed=False) for e in entries])\n"
        "            outcomes = await self._store(entries, commits)\n",
        (_WRITER, "tests/torture/test_short.py::test_nothing_is_lost_doubled_or_miscounted"),
    ),
    Mutant(
        "a commit does not wait for the disk",
        "coffeert/postgres/pool.py",
        '"jit": "off", ',
        '"jit": "off", "synchronous_commit": "off", ',
        ("tests/torture/test_short.py",),
    ),
    Mutant(
        "a commit of unknown outcome is not looked up",
        "coffeert/server/ingest/batch_writer.py",
        "            found = await self._find(orders)\n            for order in orders:\n"
        "                stored = found.get(order.order_id)\n                results",
        "            found: dict[UUID, Stored] = {}\n            for order in orders:\n"
        "                stored = found.get(order.order_id)\n                results",
        (_WRITER,),
    ),
    Mutant(
        "a taken key is answered with whatever it stands for",
        "coffeert/server/ingest/batch_writer.py",
        "elif _same(entry, result):",
        "elif entry is not None:",
        (_WRITER, "tests/integration/server/http/test_orders.py"),
    ),
    Mutant(
        "a batch is not sorted by key",
        "coffeert/server/ingest/batch_writer.py",
        "for key in sorted(first)]",
        "for key in first]",
        (_WRITER,),
    ),
    Mutant(
        "an order whose client has gone is stored all the same",
        "coffeert/server/ingest/batch_writer.py",
        "            if not group.answer.done():\n                groups.append(group)",
        "            if group is not None:\n                groups.append(group)",
        (_WRITER,),
    ),
    Mutant(
        "the live view counts a batch that the last pass has seen",
        "coffeert/server/live/live_view.py",
        "return self.watermark.sees(xid) or xid in self._pending_xids",
        "return xid in self._pending_xids",
        (_LIVE,),
    ),
    Mutant(
        "the live view counts a repeated message twice",
        "coffeert/server/live/live_view.py",
        "return self.watermark.sees(xid) or xid in self._pending_xids",
        "return self.watermark.sees(xid)",
        (_LIVE,),
    ),
    Mutant(
        "the live view forgets every batch at a pass, seen or not",
        "coffeert/server/live/live_view.py",
        "unseen = {xid for xid in batches.xids if not watermark.sees(xid)}",
        "unseen: set[Xid] = set()",
        (_LIVE,),
    ),
    Mutant(
        "the live view forgets a message of which a pass has seen a part",
        "coffeert/server/live/live_view.py",
        "            if unseen:\n                left.append(batches.only(unseen))\n",
        "",
        (_LIVE,),
    ),
    Mutant(
        "the live view shows again what it knew of a message's batches",
        "coffeert/server/live/live_view.py",
        "return batches if len(unknown) == len(batches.xids) else batches.only(unknown)",
        "return batches",
        (_LIVE,),
    ),
    Mutant(
        "PostgreSQL takes a pass with a stale fencing token",
        "coffeert/postgres/state.py",
        "if token is not None and token != state.token:",
        "if token is not None and token > state.token:",
        (_PASSES,),
    ),
    Mutant(
        "Redis takes a pass with a stale fencing token",
        "coffeert/redis_bus/publish.lua",
        "  if pass.token < published then",
        "  if pass.token < -1 then",
        (_FENCING,),
    ),
    Mutant(
        "the live view applies a pass whatever pass it follows",
        "coffeert/server/live/live_view.py",
        "if change.previous != self.watermark:",
        "if change.number < 0:",
        (_CONTINUITY,),
    ),
    Mutant(
        "the live view applies a pass of another term of a leader",
        "coffeert/server/live/live_view.py",
        "if not self.is_of(change.lineage, change.nonce):",
        "if change.lineage != self.lineage:",
        (_CONTINUITY,),
    ),
    Mutant(
        "the live view takes the cells of a shorter time for all",
        "coffeert/server/live/live_view.py",
        "if change.coverage is not None and not self.covered_by(change.coverage):",
        "if change.number < 0:",
        (_CONTINUITY,),
    ),
    Mutant(
        "orders of a lost history stay on the screen",
        "coffeert/server/live/live_view.py",
        "(snapshot.next_xid is None or snapshot.next_xid > self._expected_xid)",
        "(snapshot.next_xid is None or snapshot.next_xid > 0)",
        (_CONTINUITY,),
    ),
    Mutant(
        "a server that subscribes again believes the copy in Redis",
        "coffeert/server/live/updater.py",
        "        if not await self._load():\n",
        "        if self._live_view.loaded or not await self._load():\n",
        ("tests/integration/server/live/test_copy.py",),
    ),
    Mutant(
        "windows do not follow time that goes back",
        "coffeert/server/live/updater.py",
        "if not (self._move_windows() and self._live_view.confirmed):",
        "if not (self._move_windows() or self._live_view.confirmed):",
        (_CLOCKS,),
    ),
    Mutant(
        "windows are cut by the server's own clock",
        "coffeert/server/live/database_clock.py",
        "        if self._then is None:\n            return",
        "        if self._then is None or self._then:\n            return",
        (_CLOCKS,),
    ),
    Mutant(
        "verify does not ask how old the last pass is",
        "coffeert/postgres/verification.py",
        "late = self.term_over and self.pass_age_s > term(interval)",
        "late = self.pass_age_s > 1e9",
        ("tests/integration/postgres/test_verification.py",),
    ),
    Mutant(
        "a leader does not miss its last pass",
        "coffeert/aggregator/aggregation_pass.py",
        "if state.branched or _lacks(state, last) or _is_by(refused, state):",
        "if state.branched or _is_by(refused, state):",
        ("tests/integration/aggregator/test_history.py",),
    ),
    Mutant(
        "Redis takes a pass of a history that lacks what is published",
        "coffeert/redis_bus/publish.lua",
        "if pass.token < stored.token or not precedes(stored) then",
        "if pass.token < stored.token then",
        (_FENCING,),
    ),
    Mutant(
        "a strange meta in Redis stops publishing for good",
        "coffeert/redis_bus/publish.lua",
        "if not stored or id == plan.outdated then",
        "if not stored then",
        ("tests/integration/redis_bus/test_healing.py",),
    ),
    Mutant(
        "the aggregator runs on another cluster's watermark",
        "coffeert/postgres/state.py",
        "if not state.here:",
        "if state is None:",
        (_PASSES,),
    ),
    Mutant(
        "a promoted standby goes on with the old lineage",
        "coffeert/aggregator/aggregation_pass.py",
        "if state.branched or _lacks(state, last) or _is_by(refused, state):",
        "if _lacks(state, last) or _is_by(refused, state):",
        ("tests/integration/aggregator/test_history.py",),
    ),
    Mutant(
        "a client applies a delta that does not follow on its version",
        "coffeert/client/replica.py",
        "if self.view is None or delta.epoch != self.epoch or delta.from_ > self.version:",
        "if self.view is None or delta.epoch != self.epoch:",
        ("tests/unit/client/test_replica.py",),
    ),
    Mutant(
        "a dashboard that missed versions gets the last change alone",
        "coffeert/server/live/change_log.py",
        "merged = reduce(Change.then, changes)",
        "merged = changes[-1]",
        (_WATCHED,),
    ),
    Mutant(
        "a change leaves an hour out",
        "coffeert/server/live/change_log.py",
        "view=frames.columns(merged, self._totals, self._top),",
        "view=frames.columns(Change(merged.retention, merged.data_time,"
        " {key: tally for key, tally in merged.cells.items() if key.grain != 'hour'},"
        " merged.recent), self._totals, self._top),",
        (_WATCHED,),
    ),
    Mutant(
        "a dashboard that comes back is taken for one that missed nothing",
        "coffeert/server/live/broadcaster.py",
        "client = Client(sink, Position(epoch, version))",
        "client = Client(sink, self._change_log.position if epoch else Position(epoch, version))",
        (_WATCHED,),
    ),
    Mutant(
        "the token that only reads may order",
        "coffeert/server/http/auth.py",
        'return self.allows_orders(request.headers.get(hdrs.AUTHORIZATION, ""))',
        "return True",
        ("tests/integration/server/http/test_auth.py",),
    ),
    Mutant(
        "orders in front of aiohttp need no token",
        "coffeert/server/http/auth.py",
        "return self._token is None or hmac.compare_digest(_bearer(authorization), self._token)",
        "return True",
        ("tests/integration/server/http/test_connection.py",),
    ),
    Mutant(
        "an order in front of aiohttp is kept though its client has gone",
        "coffeert/server/http/order_connection.py",
        "self._answer.cancel()",
        "pass",
        ("tests/integration/server/ingest/test_batch_writer.py",),
    ),
    Mutant(
        "bytes behind a request that aiohttp has are read as requests again",
        "coffeert/server/http/aiohttp_connection.py",
        "        if self._inner is None:\n            return\n        self._ends_a_head",
        "        if self._inner is None:\n            return\n"
        '        if data.startswith(b"POST /api/orders ") and self._transport is not None:\n'
        '            self._transport.write(b"HTTP/1.1 503 Service Unavailable\\r\\n\\r\\n")\n'
        "            return\n        self._ends_a_head",
        (_CONNECTION,),
    ),
    Mutant(
        "a request without a Host is answered",
        "coffeert/server/http/request_head.py",
        'or (b"host" not in lowered and version == "1.1")',
        "or False",
        (_READER,),
    ),
    Mutant(
        "a known head is taken for another's",
        "coffeert/server/http/request_head.py",
        "all(fields[name] == value for name, value in self.noted)",
        "True",
        (_READER,),
    ),
    Mutant(
        "a gap is learnt from fields in another order",
        "coffeert/server/http/request_head.py",
        "learnt if learnt.match_gaps(self.data, 0) else self",
        "learnt",
        (_READER,),
    ),
    Mutant(
        "a chunked body ends where nobody has seen its end",
        "coffeert/server/http/request_reader.py",
        "        while not self._complete:",
        "        while self._fed < len(data):",
        (_READER,),
    ),
    Mutant(
        "aiohttp's handlers take orders while load is shed",
        "coffeert/server/http/orders.py",
        "            if not admitted:\n                raise overloaded()",
        "            if False:\n                raise overloaded()",
        (_DESYNC,),
    ),
    Mutant(
        "an answer before the body's end keeps the connection",
        "coffeert/server/http/errors.py",
        "return not request.content.is_eof() or (",
        "return (",
        (_DESYNC,),
    ),
    Mutant(
        "an order is admitted however long it would wait",
        "coffeert/server/ingest/admission.py",
        "elif wait > self.wait_limit:",
        "elif wait < 0:",
        (_WRITER,),
    ),
)

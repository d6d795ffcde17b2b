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
_ARCHIVE = "tests/integration/postgres/test_order_archive.py"
_PASSES = "tests/integration/postgres/test_passes.py"
_WRITER = "tests/unit/server/ingest/test_batch_writer.py"
_BATCH_INSERT = "coffeert/server/ingest/batch_insert.py"
_STANDBY = "tests/integration/postgres/test_standby_away.py"
_WATCHED = "tests/torture/test_short.py"  # only by what its dashboards see
_LIVE = "tests/unit/server/live/test_live_view.py"
_CONTINUITY = "tests/unit/server/live/test_continuity.py"
_CLOCKS = "tests/integration/server/live/test_clocks.py"
_FENCING = "tests/integration/redis_bus/test_fencing.py"
_ROLLUPS = "tests/unit/domain/test_rollups.py"
_CONNECTION = "tests/unit/server/http/test_connection.py"
_READER = "tests/unit/server/http/test_request_reader.py"
_AUTH = "tests/integration/server/http/test_auth.py"
_CORS = "tests/integration/server/http/test_cors.py"
_FEED = "tests/integration/client/test_feed.py"
_FEED_PARTS = "tests/integration/feed/test_parts.py"
_FEED_COMMAND = "tests/integration/feed/test_command.py"
_LOGIN = "tests/integration/server/http/test_login.py"
_COOKIE = "tests/unit/server/http/test_read_cookie.py"
_PAGE_PROTOCOL = "tests/page/test_protocol.py"  # needs a Chromium
_ORDER_FORM = "tests/tui/test_order_form.py"
_ALERTS = "tests/tui/test_alerts.py"
_TYPED = "tests/unit/tui/model/test_filter_entry.py"
_TOP_LINES = "tests/unit/tui/render/test_status_lines.py"
_DURABILITY = "tests/integration/postgres/test_durability.py"
_READINESS = "tests/integration/server/ops/test_readiness.py"
_DESYNC = "tests/integration/server/http/test_desync.py"
_CALENDAR = "sql/migrations/0003_calendar.sql"
_DAYS = "tests/integration/postgres/test_calendar_days.py"
_LOOKUPS = "tests/integration/postgres/test_calendars.py"
_CHANGES = "tests/integration/postgres/test_calendar_changes.py"
_INSTALLATION = "tests/integration/postgres/test_installation.py"
_TABLE_RULES = "tests/integration/postgres/test_table_rules.py"
_SEALS = "tests/integration/postgres/test_sealed_days.py"
_VERIFYING = "tests/integration/postgres/test_verification.py"
_MINUTES = "tests/integration/postgres/test_minute_retention.py"
_MEANING = "tests/unit/importer/test_meaning.py"
_EXPORTS = "tests/unit/importer/test_presets.py"
_NUMBERS = "tests/unit/importer/test_numbers.py"
_TABLES = "tests/unit/importer"
_DOUBTS = "tests/unit/importer/test_doubtful_columns.py"
_IMPORT_PROPERTY = "tests/integration/importer/test_import_property.py"
_IMPORT_IDENTITY = "tests/integration/importer/test_identity.py"
_IMPORTS = "sql/import_queries.sql"
_CURVES = "tests/unit/tui/render/test_chart.py"
_WINDOWS = "tests/unit/tui/model/test_window.py"
_REPORTS = "tests/integration/server/reports/test_report_property.py"
_PERIODS = "tests/unit/domain/test_periods.py"

MUTANTS = (
    Mutant(
        "a curve has the minutes that came since its report",
        "coffeert/tui/render/chart.py",
        "quarters[label] = quarters.get(label, ZERO).plus(totals)",
        "quarters[label] = totals",
        (_CURVES,),
    ),
    Mutant(
        "what was sold while nothing was heard is unknown",
        "coffeert/tui/render/chart.py",
        "if values[index] == 0 and lost(start, start + _QUARTER_SECONDS):",
        "if False:",
        (_CURVES,),
    ),
    Mutant(
        "today is each store's own day",
        "coffeert/tui/model/bucket_sums.py",
        "cells = self._matching_cells(self.cube.today_cells())",
        'cells = self._matching_cells(self.cube.bucket("day", retention.days[0].date))',
        (_WINDOWS,),
    ),
    Mutant(
        "an order is voided without a question",
        "coffeert/tui/screens/order_commands.py",
        "if asked is None or asked[0] != order.order_id or moment - asked[1] > CONFIRM_SECONDS:",
        "if False:",
        (f"{_ORDER_FORM}::test_voids_the_last_own_order_and_repeats_it",),
    ),
    Mutant(
        "an alert begins because nothing is heard",
        "coffeert/tui/model/alerts.py",
        "    if status.old:",
        "    if False:",
        (f"{_ALERTS}::test_without_news_a_figure_is_unknown_and_not_low",),
    ),
    Mutant(
        "a word that names nothing empties the panels",
        "coffeert/tui/model/filter_entry.py",
        "    return None, others",
        "    return term, others",
        (f"{_TYPED}::test_what_is_not_known_limits_nothing_and_is_explained",),
    ),
    Mutant(
        "figures pass for checked while nothing is heard",
        "coffeert/tui/render/badges.py",
        'if data_status.totals_match == "unknown" or data_status.old:',
        'if data_status.totals_match == "unknown":',
        (f"{_TOP_LINES}::test_nothing_is_checked_while_nothing_is_known",),
    ),
    Mutant(
        "by now ends where a repeated hour shows it for the first time",
        "coffeert/domain/calendar.py",
        "                until = last",
        "                until = last if until == begins or last > until + 7200 else until",
        (_PERIODS,),
    ),
    Mutant(
        "holidays are usual days",
        "coffeert/domain/comparisons.py",
        "if other in traded and other not in marked",
        "if other in traded",
        (_REPORTS,),
    ),
    Mutant(
        "a percentage on any base",
        "coffeert/server/reports/changes.py",
        "if base < SMALLEST_BASE * scale:",
        "if base < scale:",
        (_REPORTS,),
    ),
    Mutant(
        "the total of today is beside whole days",
        "coffeert/server/reports/rows.py",
        'if row.total and row.part != "rows":',
        "if row.total:",
        (_REPORTS,),
    ),
    Mutant(
        "an import that was taken back is not stored again",
        "coffeert/postgres/import_staging.py",
        'while await self._connection.execute(sql("rename_undone")) != "UPDATE 0":',
        "while False:",
        (_IMPORT_PROPERTY,),
    ),
    Mutant(
        "an order that was voided by hand is stored again",
        _IMPORTS,
        "void.voids = import_key.order_id AND void.import_id IS NOT NULL",
        "void.voids = import_key.order_id",
        (_IMPORT_PROPERTY,),
    ),
    Mutant(
        "taking a run back voids all made-up orders",
        "coffeert/inject/take_back.py",
        "OrderQuery(sources=(SOURCE,), receipt=run)",
        "OrderQuery(sources=(SOURCE,))",
        ("tests/integration/inject/test_taking_back.py",),
    ),
    Mutant(
        "taking a run back voids orders of tills with such a receipt",
        "coffeert/inject/take_back.py",
        "OrderQuery(sources=(SOURCE,), receipt=run)",
        "OrderQuery(receipt=run)",
        ("tests/integration/inject/test_taking_back.py",),
    ),
    Mutant(
        "a void overtakes its order",
        "coffeert/inject/injector.py",
        "if order.voids and orders_since_void:",
        "if False:",
        ("tests/unit/inject/test_injector.py",),
    ),
    Mutant(
        "a killed server stays announced",
        "coffeert/cli/server_address.py",
        "if is_held_exclusively(path):",
        "if path.exists():",
        ("tests/unit/cli/test_server_address.py",),
    ),
    Mutant(
        "the demo calls lost orders stored",
        "coffeert/cli/demo_faults.py",
        "verification.exact and len(sent) == found.stored == found.counted",
        "verification.exact",
        ("tests/end_to_end/test_demo.py",),
    ),
    Mutant(
        "equal rows of one file are one sale",
        _IMPORTS,
        "coalesce(receipt_line, ''), occurrence::text)))",
        "coalesce(receipt_line, ''))))",
        (_IMPORT_PROPERTY,),
    ),
    Mutant(
        "another till's equal sales are taken for the same",
        _IMPORTS,
        "source = $1 OR source = '' OR $1 = '' AS comparable",
        "true AS comparable",
        (_IMPORT_PROPERTY,),
    ),
    Mutant(
        "an undo voids what is void",
        _IMPORTS,
        """WHERE import_id = $1 AND voids IS NULL
  AND NOT EXISTS (SELECT FROM orders AS void WHERE void.voids = orders.order_id)
ORDER BY order_id""",
        "WHERE import_id = $1\nORDER BY order_id",
        (_IMPORT_PROPERTY,),
    ),
    Mutant(
        "a receipt with other lines is stored beside the first",
        "coffeert/postgres/import_staging.py",
        'await self._connection.execute(sql("find_changed_receipts"), same_source)',
        "pass",
        (_IMPORT_IDENTITY,),
    ),
    Mutant(
        "a corrected rejects file is overwritten",
        "coffeert/importer/load/rejects.py",
        'target.open("xb")',
        'target.open("wb")',
        ("tests/unit/importer/test_rejects.py",),
    ),
    Mutant(
        "an undecided order of day and month is taken for day first",
        "coffeert/importer/meaning/day_decision.py",
        '    if days.separators == {"."}:',
        "    if days.separators:",
        (_MEANING,),
    ),
    Mutant(
        "a column of midnights has times of day",
        "coffeert/importer/meaning/survey.py",
        'shape.strip("0:.Z ")',
        "shape",
        (_MEANING,),
    ),
    Mutant(
        "a totals row is a drink",
        "coffeert/importer/meaning/drinks.py",
        "        if is_total_label(drink):",
        "        if False:",
        (_MEANING,),
    ),
    Mutant(
        "a negative price is a refund without a word",
        "coffeert/importer/meaning/line_money.py",
        "    if negative and not refund:",
        "    if False:",
        (_MEANING,),
    ),
    Mutant(
        "a refunded order counts",
        "coffeert/importer/meaning/line_money.py",
        "    if kind is Kind.REFUNDED and not negative:",
        "    if False:",
        (_EXPORTS,),
    ),
    Mutant(
        "price and total need not agree",
        "coffeert/importer/meaning/line_money.py",
        "2 * abs(cost - size * unit) > size",
        "cost < 0",
        (_MEANING,),
    ),
    Mutant(
        "another currency is read all the same",
        "coffeert/importer/meaning/amounts.py",
        "            if self.currency is not None and self.currency not in codes:",
        "            if False:",
        (_MEANING,),
    ),
    Mutant(
        "more decimal places than the currency has are cut off",
        "coffeert/importer/spelling/numbers.py",
        "        if not rest:",
        "        if rest >= 0:",
        (_NUMBERS,),
    ),
    Mutant(
        "the hour that occurs twice is always the first",
        "coffeert/importer/meaning/clock_changes.py",
        "    return frozenset(later)",
        "    return frozenset()",
        (_MEANING,),
    ),
    Mutant(
        "an unclosed quotation mark swallows the rest of a file unsaid",
        "coffeert/importer/table/delimited.py",
        "            strict=strict,\n",
        "            strict=False,\n",
        (f"{_TABLES}/test_delimited.py",),
    ),
    Mutant(
        "any text that is not UTF-8 is read as Windows-1252",
        "coffeert/importer/table/encoding.py",
        "if implausible_word(text):",
        "if False:",
        (f"{_TABLES}/test_encoding.py",),
    ),
    Mutant(
        "a file of several tables is half loaded",
        "coffeert/importer/table/grid_table.py",
        "watch.see(line, cells)",
        "pass",
        (f"{_TABLES}/test_delimited.py",),
    ),
    Mutant(
        "a formula without a value is an empty cell",
        "coffeert/importer/table/sheet_xml.py",
        "        if found is not None:",
        "        if False:",
        (f"{_TABLES}/test_workbook.py",),
    ),
    Mutant(
        "a price that grows with the pieces is one",
        "coffeert/importer/meaning/money_decision.py",
        '    if counts["total"] > counts["price"]:',
        "    if False:",
        (_DOUBTS,),
    ),
    Mutant(
        "a total that does not grow with the pieces is one",
        "coffeert/importer/meaning/money_decision.py",
        '    if not known and counts["price"] > counts["total"]:',
        "    if False:",
        (_DOUBTS,),
    ),
    Mutant(
        "each line costs what its receipt costs",
        "coffeert/importer/meaning/money_decision.py",
        "    elif not known and _is_of_receipts(seen.money):",
        "    elif False:",
        (_DOUBTS,),
    ),
    Mutant(
        "days that a spreadsheet has exchanged are right",
        "coffeert/importer/meaning/day_decision.py",
        "    if days.exchanged is not None:",
        "    if False:",
        (_DOUBTS,),
    ),
    Mutant(
        "one file is of two tills",
        "coffeert/importer/load/identity.py",
        "    if twin is not None:",
        "    if False:",
        (_IMPORT_IDENTITY,),
    ),
    Mutant(
        "a clock of 12 hours has 24",
        "coffeert/importer/meaning/clock_decision.py",
        "    if clock is None and doubtful is not None and not marked and not in_utc:",
        "    if False:",
        (f"{_TABLES}/test_clocks.py",),
    ),
    Mutant(
        "a shop that closes at noon is asked about its afternoons",
        "coffeert/importer/meaning/clock_decision.py",
        "self.latest is not None or not night or not",
        "self.latest is not None or not",
        (f"{_TABLES}/test_clocks.py",),
    ),
    Mutant(
        "a day has 25 hours",
        "coffeert/importer/spelling/clocks.py",
        '    if hour > 23 and (hour, minute, second, int(match["part"] or 0)) != (24, 0, 0, 0):',
        "    if hour > 24:",
        (f"{_TABLES}/test_clocks.py",),
    ),
    Mutant(
        "receipts whose numbers a spreadsheet has cut are one",
        "coffeert/importer/spelling/cell_text.py",
        "    return _CUT.fullmatch(cell_text(cell)) is not None",
        "    return False",
        (f"{_TABLES}/test_keys.py",),
    ),
    Mutant(
        "receipts whose last digits a spreadsheet has zeroed are one",
        "coffeert/importer/meaning/key_decision.py",
        "        return not self.whole and sum(",
        "        return False and sum(",
        (f"{_TABLES}/test_keys.py",),
    ),
    Mutant(
        "what a spreadsheet hides is read without a word",
        "coffeert/importer/table/sheet_xml.py",
        '        if b"hidden=" in chunk:',
        "        if False:",
        (f"{_TABLES}/test_workbook.py",),
    ),
    Mutant(
        "other headings further down are passed over",
        "coffeert/importer/meaning/survey.py",
        "            self._result.other_heading = self._result.other_heading or row",
        "            pass",
        (f"{_TABLES}/test_other_headings.py",),
    ),
    Mutant(
        "what a part of a heading says is said as if all of it did",
        "coffeert/importer/meaning/layout.py",
        "        _say_assumed(layout, given, notes)",
        "        pass",
        (_DOUBTS,),
    ),
    Mutant(
        "a sale that names no drink is a refund",
        "coffeert/importer/meaning/sale_reader.py",
        "        if kind is Kind.REFUND or (type(money) is Money and money.quantity < 0):",
        "        if True:",
        (_DOUBTS,),
    ),
    Mutant(
        "a foreign currency is refused after all questions",
        "coffeert/cli/import_file.py",
        "            sets_currency(menu, currency, has_orders=self._run(has_orders(self._connection)))\n",
        "",
        (
            "tests/end_to_end/test_import.py::test_another_currency_is_refused_before_anything_is_asked",
        ),
    ),
    Mutant(
        "a pass counts rows that break a rule of the table",
        "sql/queries/pass.sql",
        "FROM fresh WHERE countable GROUP BY",
        "FROM fresh GROUP BY",
        (_TABLE_RULES,),
    ),
    Mutant(
        "a replicated row keeps its transaction id",
        "sql/migrations/0004_second_order.sql",
        "ENABLE REPLICA TRIGGER orders_own_xid",
        "DISABLE TRIGGER orders_own_xid",
        (_TABLE_RULES,),
    ),
    Mutant(
        "in SQL, a refund counts as an order",
        "sql/migrations/0004_second_order.sql",
        "THEN (quantity > 0)::integer",
        "THEN 1",
        (_MINUTES,),
    ),
    Mutant(
        "a pass counts minutes that are not kept",
        "sql/queries/pass.sql",
        "WHERE bucket >= (SELECT minutes_from FROM aggregator_state)",
        "WHERE true",
        (_MINUTES,),
    ),
    Mutant(
        "deleted minutes are taken for empty ones",
        "sql/queries.sql",
        "SET minutes_from = greatest(minutes_from, kept_from)",
        "SET minutes_from = least(minutes_from, kept_from)",
        (_MINUTES,),
    ),
    Mutant(
        "an hour is only what the last pass added",
        "sql/queries/pass.sql",
        "AND local_hour(zone, bucket) = hour",
        "AND false",
        ("tests/integration/postgres/test_passes.py",),
    ),
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
        "            outcomes = await insert.store(entries)\n",
        "            self._answer(groups, [StoredOrder(e.order, replayed=False) for e in entries])\n"
        "            outcomes = await insert.store(entries)\n",
        (_WRITER, "tests/torture/test_short.py::test_nothing_is_lost_doubled_or_miscounted"),
    ),
    Mutant(
        "a commit does not wait for the disk",
        "sql/queries.sql",
        "'remote_apply' ELSE 'on' END, false)",
        "'remote_apply' ELSE 'off' END, false)",
        (_DURABILITY,),
    ),
    Mutant(
        "whether a commit waits for the disk is left to the database's default",
        "coffeert/postgres/pool.py",
        "            init=_wait_for_disk,\n",
        "",
        (_DURABILITY,),
    ),
    Mutant(
        "a weaker setting replaces remote_apply",
        "sql/queries.sql",
        "WHEN 'remote_apply' THEN 'remote_apply' ELSE",
        "WHEN 'remote_apply' THEN 'on' ELSE",
        (_DURABILITY,),
    ),
    Mutant(
        "a standby is ready for orders",
        "coffeert/postgres/session.py",
        "if self.standby:",
        "if False:",
        ("tests/unit/postgres/test_session.py",),
    ),
    Mutant(
        "readiness for orders asks only whether PostgreSQL answers",
        "coffeert/server/ops/health.py",
        "return self.health.database.ok and self._obstacle is None",
        "return self.health.database.ok",
        (_READINESS,),
    ),
    Mutant(
        "commits that hang are no obstacle to orders",
        "coffeert/server/ops/health.py",
        "if stalled > STALLED_SECONDS:",
        "if stalled < 0:",
        (_READINESS,),
    ),
    Mutant(
        "the serving role may choose an order's transaction id",
        "sql/queries/grant_serving.sql",
        "'GRANT INSERT (' || columns || ') ON orders TO ' || serving;",
        "'GRANT INSERT ON orders TO ' || serving;",
        ("tests/integration/postgres/test_roles.py",),
    ),
    Mutant(
        "a page reads under any name that leads to this machine",
        "coffeert/server/http/auth.py",
        '        if not self.allows_host(request.headers.get(hdrs.HOST, "")):',
        "        if False:",
        (_AUTH,),
    ),
    Mutant(
        "orders in front of aiohttp are taken under any name",
        "coffeert/server/http/order_endpoint.py",
        "            and self._authorizer.allows_host(head.host)\n",
        "",
        (_AUTH,),
    ),
    Mutant(
        "migrations are applied while an older version leads",
        "coffeert/postgres/migrations.py",
        "if missing and applied and not await lock_leadership(connection):",
        "if False:",
        ("tests/integration/postgres/test_migrations.py",),
    ),
    Mutant(
        "an aggregator that stood by during a migration leads on another schema",
        "coffeert/aggregator/aggregator.py",
        "            await check_schema(connection)\n            await self._lead(",
        "            await self._lead(",
        ("tests/integration/aggregator/test_leadership.py",),
    ),
    Mutant(
        "the keys of a commit of unknown outcome are looked up, and the insert is not repeated",
        _BATCH_INSERT,
        "            await self._insert_again(orders, error)\n",
        "            await self._settle(orders, Inserted(Xid(0), 0), repeated=True)\n",
        (_WRITER,),
    ),
    Mutant(
        "an insert that stores nothing does not wait for the standby",
        "sql/queries/insert_orders.sql",
        "CASE WHEN new = 0 THEN",
        "CASE WHEN new < 0 THEN",
        (_STANDBY,),
    ),
    Mutant(
        "an order of a retired drink is acknowledged by what can be read",
        "coffeert/server/ingest/order_service.py",
        "            if found:\n                await self._table.wait_for_standbys()\n",
        "",
        ("tests/unit/server/ingest/test_order_service.py",),
    ),
    Mutant(
        "an insert that takes too long is cancelled, which ends its wait for the standby",
        "coffeert/postgres/orders.py",
        "row = await connection.fetchrow(query, *values)",
        "row = await connection.fetchrow(query, *values, timeout=self._insert_timeout / 2)",
        (_STANDBY,),
    ),
    Mutant(
        "a wait for the standby that somebody cancelled counts as a commit",
        "coffeert/postgres/orders.py",
        "healthy = connection not in self._warned",
        "healthy = True",
        (_STANDBY,),
    ),
    Mutant(
        "each insert leaves a backend that waits for the standby",
        "coffeert/postgres/orders.py",
        "            self._abandoned.add(backend)\n",
        "",
        (_STANDBY,),
    ),
    Mutant(
        "a second batch waits for an event, however slow the first has become",
        "coffeert/server/ingest/batch_writer.py",
        "            elif self._timer is None:\n",
        "            elif False:\n",
        (_WRITER,),
    ),
    Mutant(
        "a batch waits for a key that an open transaction holds",
        "sql/queries/insert_orders.sql",
        "        WHERE set_config('lock_timeout', '50ms', true) IS NOT NULL\n",
        "",
        ("tests/integration/postgres/test_orders.py",),
    ),
    Mutant(
        "further tries of a contended key share their batches with others",
        "coffeert/server/ingest/batch_writer.py",
        "if self._contended_keys and self._contended_keys.any_of(entries):",
        "if False:",
        (_WRITER,),
    ),
    Mutant(
        "a correction is found by its key only",
        _BATCH_INSERT,
        "voids = await self._table.find_voids(voided) if voided else {}",
        "voids: dict[UUID, Stored] = {}",
        (_WRITER,),
    ),
    Mutant(
        "an order under the key of a correction prevents it",
        "coffeert/server/ingest/order_service.py",
        "for key_of in (void_key, lambda _: new_order_id()):",
        "for key_of in (void_key,):",
        ("tests/integration/server/ingest/test_voids.py",),
    ),
    Mutant(
        "what was acknowledged is not stored again on a new lineage",
        "coffeert/server/app.py",
        "on_new_lineage=lambda _: recent.store_again(),",
        "on_new_lineage=lambda _: None,",
        ("tests/integration/server/ingest/test_recent.py",),
    ),
    Mutant(
        "an outage uses up the time for which acknowledged orders are kept",
        "coffeert/server/ingest/recent.py",
        "min(now - self._added_at, _MAX_GAP_SECONDS)",
        "now - self._added_at",
        ("tests/unit/server/ingest/test_recent.py",),
    ),
    Mutant(
        "a taken key is answered with whatever it stands for",
        _BATCH_INSERT,
        "elif _same(entry, result):",
        "elif entry is not None:",
        (_WRITER, "tests/integration/server/http/test_orders.py"),
    ),
    Mutant(
        "a batch is not sorted by key",
        _BATCH_INSERT,
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
        "the live view keeps cells that only orders of another lineage had",
        "coffeert/server/live/live_view.py",
        "before = self._base.keys() | self._pending_cells.keys()",
        "before = set(self._base)",
        (_LIVE,),
    ),
    Mutant(
        "a refund counts as an order",
        "coffeert/domain/orders.py",
        "return 1 if self.quantity > 0 else 0",
        "return 1",
        (_ROLLUPS,),
    ),
    Mutant(
        "the void of a refund counts as that of a sale",
        "coffeert/domain/orders.py",
        "return -1 if self.quantity < 0 else 0",
        "return -1",
        (_ROLLUPS,),
    ),
    Mutant(
        "today is the latest date of any store",
        "coffeert/domain/rollup_cube.py",
        "if self.retention.day_of(pair.store).date == date",
        "if date == max(day.date for day in self.retention.days)",
        (_ROLLUPS,),
    ),
    Mutant(
        "every store keeps the days of the default calendar",
        "coffeert/domain/retention_window.py",
        "return key.bucket >= self.day_of(key.store).date - DATES_BEFORE",
        "return key.bucket >= self.days[0].date - DATES_BEFORE",
        (_ROLLUPS,),
    ),
    Mutant(
        "a frame may name a calendar that it does not have",
        "coffeert/wire/frames.py",
        "if not all(0 <= place < len(columns.days) for place in places):",
        "if not places:",
        ("tests/unit/wire/test_frames.py",),
    ),
    Mutant(
        "the terminal keeps the sum of a day that has left the window of one store",
        "coffeert/tui/model/bucket_sums.py",
        "self.cube.retention.first_common_date",
        "self.cube.retention.first_date",
        ("tests/unit/tui/model/test_bucket_sums.py",),
    ),
    Mutant(
        "a page of orders begins with the last one of the page before",
        "sql/queries/order_page.sql",
        "(placed_at, order_id) < (",
        "(placed_at, order_id) <= (",
        (_ARCHIVE,),
    ),
    Mutant(
        "a day of orders is that of the default calendar at every store",
        "coffeert/postgres/order_archive.py",
        '[row["begins"] or begin for row in rows]',
        '[rows[0]["begins"] or begin for row in rows]',
        (_ARCHIVE,),
    ),
    Mutant(
        "the total of orders counts voids",
        "sql/queries/order_count.sql",
        "  AND voids IS NULL\n",
        "",
        (_ARCHIVE,),
    ),
    Mutant(
        "the terminal lists orders below the end of the server's pages",
        "coffeert/tui/model/order_search.py",
        "if order.recency >= end",
        "if order.recency",
        ("tests/unit/tui/model/test_order_search.py",),
    ),
    Mutant(
        "a price filter is rounded to the currency's places",
        "coffeert/tui/model/filter.py",
        "-(-self.price // scale), self.price // scale",
        "self.price // scale, self.price // scale",
        ("tests/unit/tui/model/test_filter.py",),
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
        "if not (self._move_windows() and self._is_current()):",
        "if not (self._move_windows() or self._is_current()):",
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
        "a late order leaves its day sealed",
        "sql/queries/pass.sql",
        "DELETE FROM sealed_day WHERE date",
        "DELETE FROM sealed_day WHERE false AND date",
        (f"{_SEALS}::test_a_late_order_or_void_unseals_its_day_in_the_pass_that_counts_it",),
    ),
    Mutant(
        "a day is entered for sealing while a pass is under way",
        "coffeert/postgres/sealed_days.py",
        "    async with locked_state(connection) as state:\n        check_writable(state, token)\n",
        "    if True:\n",
        (f"{_SEALS}::test_days_are_entered_while_no_pass_is_under_way",),
    ),
    Mutant(
        "a former leader seals days",
        "coffeert/postgres/sealed_days.py",
        "check_writable(state, token)",
        "check_writable(state, None)",
        (f"{_SEALS}::test_a_former_leader_seals_nothing",),
    ),
    Mutant(
        "a seal counts orders that no pass has counted",
        "sql/queries/seal_day.sql",
        "AND pg_visible_in_snapshot(xid, (SELECT watermark FROM aggregator_state))",
        "",
        (f"{_SEALS}::test_a_seal_is_of_the_orders_that_passes_have_counted",),
    ),
    Mutant(
        "the quarters of a sealed day are not compared with its seal",
        "sql/queries/verify.sql",
        "WHERE quarters_hash <> coalesce(quarters_of_day.hash, 0)",
        "WHERE false",
        (_SEALS,),
    ),
    Mutant(
        "a seal forgets where an order came from",
        "sql/migrations/0007_sealed_days.sql",
        "placed.amount, placed.source, placed.receipt,",
        "placed.amount, placed.receipt,",
        (f"{_SEALS}::test_a_full_verification_also_finds_changes_that_no_figure_shows",),
    ),
    Mutant(
        "minutes that are partly gone are compared with their seal",
        "sql/queries/verify.sql",
        "WHERE date < $2::date AND (minutes_from <= begins OR minutes_from >= ends)",
        "WHERE date < $2::date",
        (f"{_SEALS}::test_a_day_whose_minutes_are_partly_gone_is_read",),
    ),
    Mutant(
        "a rebuild counts orders that the next pass counts again",
        "sql/queries/rebuild.sql",
        "      AND pg_visible_in_snapshot(xid, (SELECT watermark FROM seen))\n    GROUP BY",
        "    GROUP BY",
        (f"{_VERIFYING}::test_a_rebuild_leaves_what_no_pass_has_counted_to_the_next_one",),
    ),
    Mutant(
        "a rebuild corrects the days of a calendar that has changed since",
        "coffeert/postgres/verification.py",
        "if state.lineage != before.lineage:",
        "if False:",
        (
            f"{_VERIFYING}::test_a_calendar_that_changes_while_a_rebuild_compares_makes_it_compare_again",
        ),
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
        "view=self._columns(merged),",
        "view=self._columns(Change(merged.retention, merged.data_time,"
        " {key: tally for key, tally in merged.cells.items() if key.grain != 'hour'},"
        " merged.recent)),",
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
        "return self.allows_orders(_authorization(request))",
        "return True",
        (_AUTH,),
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
    Mutant(
        "a day begins after its start instead of at it",
        _CALENDAR,
        "WHERE quarter AT TIME ZONE zone >= start",
        "WHERE quarter AT TIME ZONE zone > start",
        (f"{_DAYS}::test_days_near_a_change_of_the_offset",),
    ),
    Mutant(
        "a day begins when a repeated hour comes again",
        _CALENDAR,
        "SELECT min(quarter) FROM generate_series(\n"
        "                       earliest AT TIME ZONE 'UTC',"
        " (start + interval '16 hours') AT TIME ZONE 'UTC',\n"
        "                       interval '15 minutes') AS quarter\n"
        "                   WHERE quarter AT TIME ZONE zone >= start",
        "SELECT max(quarter) + interval '15 minutes' FROM generate_series(\n"
        "                       earliest AT TIME ZONE 'UTC',"
        " (start + interval '16 hours') AT TIME ZONE 'UTC',\n"
        "                       interval '15 minutes') AS quarter\n"
        "                   WHERE quarter AT TIME ZONE zone < start",
        (f"{_DAYS}::test_a_start_inside_a_repeated_hour_is_the_first_one",),
    ),
    Mutant(
        "a day ends after 24 hours instead of at the next",
        _CALENDAR,
        "lead(begins) OVER (ORDER BY date) AS ends",
        "begins + interval '24 hours' AS ends",
        (f"{_DAYS}::test_days_near_a_change_of_the_offset",),
    ),
    Mutant(
        "a change of the offset near the start of a day is not looked for",
        _CALENDAR,
        "utc_offset = lead(utc_offset, 2) OVER (ORDER BY date)\n                   AND ",
        "",
        (f"{_DAYS}::test_days_near_a_change_of_the_offset",),
    ),
    Mutant(
        "a moment after a skipped day is looked for in that day",
        _CALENDAR,
        "ORDER BY d.begins DESC, d.date DESC LIMIT 1",
        "ORDER BY d.begins DESC, d.date LIMIT 1",
        (f"{_LOOKUPS}::test_a_day_ends_to_the_microsecond",),
    ),
    Mutant(
        "a server takes a skipped day for the one after it",
        "coffeert/domain/calendar.py",
        "self.dates[bisect_right(self.begins, moment) - 1]",
        "self.dates[max(0, sum(begun < moment for begun in self.begins) - 1)]",
        (f"{_LOOKUPS}::test_a_day_ends_to_the_microsecond",),
    ),
    Mutant(
        "a name that PostgreSQL takes for an abbreviation is a calendar's zone",
        _CALENDAR,
        "          AND name NOT IN ('CET', 'EET', 'EST', 'HST', 'MET', 'MST', 'WET')\n",
        "",
        (f"{_CHANGES}::test_what_is_no_zone_of_a_place_is_refused",),
    ),
    Mutant(
        "a store with another calendar keeps the sums of its old days",
        "coffeert/postgres/calendars.py",
        "    await _sum_days(connection, [store])\n",
        "",
        (f"{_CHANGES}::test_a_store_gets_days_of_its_own",),
    ),
    Mutant(
        "a store's calendar changes without a new lineage",
        "coffeert/postgres/calendars.py",
        "        await _assign(connection, store, calendar)\n"
        "        await begin_lineage(connection, state)\n",
        "        await _assign(connection, store, calendar)\n",
        (f"{_CHANGES}::test_a_store_gets_days_of_its_own",),
    ),
    Mutant(
        "the default calendar's change forgets stores that are not on the menu",
        "sql/queries.sql",
        "    LEFT JOIN menu_store ON code = store\n    WHERE coalesce(calendar, 1) = ANY",
        "    JOIN menu_store ON code = store\n    WHERE coalesce(calendar, 1) = ANY",
        (f"{_CHANGES}::test_the_default_concerns_all_other_stores",),
    ),
    Mutant(
        "days that no calendar has are not noticed",
        "sql/queries.sql",
        "FULL JOIN calendar_day AS kept",
        "LEFT JOIN calendar_day AS kept",
        (f"{_CHANGES}::test_days_that_differ_are_counted_and_mended",),
    ),
    Mutant(
        "a currency is taken that has other decimal places than the orders",
        _CALENDAR,
        "IF currency_places(NEW.currency) <> currency_places(OLD.currency) THEN",
        "IF false THEN",
        (f"{_INSTALLATION}::test_once_there_is_an_order_it_can_be_named_but_not_changed",),
    ),
    Mutant(
        "a currency changes while the first order is being stored",
        _CALENDAR,
        "    LOCK TABLE orders IN SHARE MODE;  -- an order that is being stored counts too\n",
        "",
        (f"{_INSTALLATION}::test_an_order_that_is_being_stored_counts",),
    ),
    Mutant(
        "a page of any origin is let in",
        "coffeert/server/http/cors.py",
        'return origin.rstrip("/") in self._fields',
        "return bool(origin)",
        (f"{_CORS}::test_pages_of_other_origins_are_told_nothing_and_order_nothing",),
    ),
    Mutant(
        "a page cannot read that its order is stored",
        "coffeert/server/http/order_endpoint.py",
        "return self._authorizer.cors.insert_fields(created, head.origin)",
        "return created",
        (f"{_CORS}::test_every_answer_can_be_read",),
    ),
    Mutant(
        "a cache may give an answer for one origin to another",
        "coffeert/server/http/cors.py",
        "response.headers.add(hdrs.VARY, hdrs.ORIGIN)",
        "pass",
        (f"{_CORS}::test_a_cache_keeps_answers_of_origins_apart",),
    ),
    Mutant(
        "a moment's refusal fails the orders of a live dashboard",
        "coffeert/client/websocket.py",
        "self._refused = None if self._was_connected else lost.refused",
        "self._refused = lost.refused",
        (f"{_FEED}::test_once_live_no_refusal_is_a_verdict",),
    ),
    Mutant(
        "the page's cookie orders",
        "coffeert/server/http/auth.py",
        "if not self.may_order(request):",
        "if not (self.may_order(request) or self.cookie_valid_until(request)):",
        (f"{_LOGIN}::test_a_cookie_orders_and_voids_nothing",),
    ),
    Mutant(
        "the page's cookie reads for pages of other origins",
        "coffeert/server/http/auth.py",
        "if self.cookie is None or not self.is_own_page(request):",
        "if self.cookie is None:",
        (f"{_LOGIN}::test_a_cookie_is_for_our_own_page_only",),
    ),
    Mutant(
        "pages of other origins log in and out",
        "coffeert/server/http/login.py",
        "if not self._authorizer.is_own_page(request):",
        "if False:",
        (f"{_LOGIN}::test_other_pages_neither_log_in_nor_out",),
    ),
    Mutant(
        "a cookie opens the page past its end",
        "coffeert/server/http/read_cookie.py",
        "0 < remaining <= self._lifetime",
        "remaining <= self._lifetime",
        (_COOKIE,),
    ),
    Mutant(
        "a cookie of any signature opens the page",
        "coffeert/server/http/read_cookie.py",
        "if genuine and 0 < remaining",
        "if 0 < remaining",
        (_COOKIE,),
    ),
    Mutant(
        "a WebSocket outlives the cookie that opened it",
        "coffeert/server/ws/endpoint.py",
        "return loop.call_later(seconds, writer.close",
        "return loop.call_later(seconds + 3600, writer.close",
        (f"{_LOGIN}::test_a_socket_ends_with_the_cookie_that_opened_it",),
    ),
    Mutant(
        "a link logs in twice",
        "coffeert/redis_bus/bus.py",
        "self._client.delete(keys.login_code(digest))",
        "self._client.exists(keys.login_code(digest))",
        (f"{_LOGIN}::test_a_link_logs_in_once_at_any_process",),
    ),
    Mutant(
        "wrong tokens are tried at full speed",
        "coffeert/server/http/login_delay.py",
        "        self.failures += 1",
        "        self.failures += 0",
        ("tests/unit/server/http/test_login_delay.py",),
    ),
    Mutant(
        "the page applies a change although one before it is missing",
        "coffeert/server/page/replica.js",
        "epoch !== this.epoch || from > this.version",
        "epoch !== this.epoch",
        (_PAGE_PROTOCOL,),
    ),
    Mutant(
        "the page does not compare its sums with the server's",
        "coffeert/server/page/replica.js",
        "this.agrees = this.view.agrees(columns.totals)",
        "this.agrees = true",
        (_PAGE_PROTOCOL,),
    ),
    Mutant(
        "a part of the feed lacks what was in progress at the tick before",
        "sql/migrations/0007_feed.sql",
        "            SELECT * FROM orders WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(seen)))\n"
        "        ) AS part",
        "            SELECT * FROM orders WHERE false\n        ) AS part",
        (_FEED_PARTS,),
    ),
    Mutant(
        "the feed leaves out transactions that were in progress at the last tick",
        "sql/feed_queries.sql",
        "WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))",
        "WHERE false",
        (_FEED_PARTS,),
    ),
    Mutant(
        "the feed asks for transactions above the last one",
        "sql/feed_queries.sql",
        "WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot) AND xid < pg_snapshot_xmax",
        "WHERE xid > pg_snapshot_xmax($1::text::pg_snapshot) AND xid < pg_snapshot_xmax",
        (_FEED_PARTS,),
    ),
    Mutant(
        "a page of the feed begins at the order that was read last",
        "sql/queries/feed_page.sql",
        "          AND xid < pg_snapshot_xmax($2::text::pg_snapshot)\n"
        "          AND (xid, order_id) > ($4::text::xid8, $5::uuid)",
        "          AND xid < pg_snapshot_xmax($2::text::pg_snapshot)\n"
        "          AND (xid, order_id) >= ($4::text::xid8, $5::uuid)",
        (_FEED_PARTS,),
    ),
    Mutant(
        "the feed is in the order of time",
        "coffeert/postgres/feed.py",
        "    return place.is_void, place.xid, place.order_id.bytes",
        "    return False, int(row.order.placed_at.timestamp()), place.order_id.bytes",
        (_FEED_PARTS,),
    ),
    Mutant(
        "a cursor of another history is believed",
        "coffeert/postgres/feed.py",
        "if part.lineage != cursor.lineage or cursor_check(position.cursor()) != cursor.check:",
        "if part.lineage != cursor.lineage:",
        (_FEED_PARTS,),
    ),
    Mutant(
        "the cursor is written before the lines",
        "coffeert/cli/feed.py",
        "        _write(batch)\n        if kept is not None:\n            kept.write(batch.cursor)",
        "        if kept is not None:\n            kept.write(batch.cursor)\n        _write(batch)",
        (_FEED_COMMAND,),
    ),
)

"""Composes a server: makes every part and gives it what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from coffeert.config import Config
from coffeert.domain.calendar import calendar_span
from coffeert.domain.orders import Order
from coffeert.domain.watermark import Xid
from coffeert.errors import RedisUnavailable
from coffeert.postgres.calendars import load_calendars
from coffeert.postgres.feed import FeedTable
from coffeert.postgres.known_view import load_known_view
from coffeert.postgres.menu import load_menu
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.order_archive import OrderArchive
from coffeert.postgres.orders import OrderRepository
from coffeert.postgres.pool import Pool, open_pool
from coffeert.postgres.read_pool import ReadPool
from coffeert.redis_bus.bus import Bus
from coffeert.server.feed.reader_limit import ReaderLimit
from coffeert.server.feed.replay import Replay
from coffeert.server.feed.source import FeedSource
from coffeert.server.http.aiohttp_connection import track_requests
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.batch import BatchEndpoint
from coffeert.server.http.closings import ClosingsApi
from coffeert.server.http.connection_limiter import ConnectionLimiter
from coffeert.server.http.dashboard import DashboardApi
from coffeert.server.http.errors import add_routes, error_middleware
from coffeert.server.http.feed import FeedApi
from coffeert.server.http.login import LoginApi
from coffeert.server.http.order_endpoint import OrderEndpoint
from coffeert.server.http.order_list import OrderListApi
from coffeert.server.http.orders import UUID_PATTERN, OrdersApi
from coffeert.server.http.page import Page, add_nosniff
from coffeert.server.http.read_cookie import ReadCookie
from coffeert.server.http.replay import ReplayApi
from coffeert.server.http.reports import ReportsApi
from coffeert.server.http.windows import WindowsApi
from coffeert.server.ingest.admission import Admission
from coffeert.server.ingest.batch_writer import BatchWriter
from coffeert.server.ingest.order_service import OrderService
from coffeert.server.ingest.recent import RecentAcknowledgements
from coffeert.server.live.acknowledged_xids import AcknowledgedXids
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.live.database_clock import DatabaseClock
from coffeert.server.live.live_view import LiveView
from coffeert.server.live.menu_cache import MenuCache
from coffeert.server.live.rollup_reader import RollupReader
from coffeert.server.live.updater import LiveUpdater
from coffeert.server.ops.health import HealthMonitor
from coffeert.server.ops.metrics import Metrics
from coffeert.server.reports.day_closer import DayCloser
from coffeert.server.reports.reporter import Reporter
from coffeert.server.ws.endpoint import DashboardWebSocket
from coffeert.tasks import Tasks

ARCHIVE_CONNECTIONS = 2
"""How many searches of the orders run at a time; opened when they are needed."""
FEED_CONNECTIONS = 2
"""How many stretches of the feed are read at a time; opened when they are needed."""


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of a server, connected to each other; `tasks` are running."""

    config: Config
    authorizer: Authorizer
    batch_writer: BatchWriter
    recent: RecentAcknowledgements
    order_service: OrderService
    change_log: ChangeLog
    updater: LiveUpdater
    broadcaster: Broadcaster
    menu_cache: MenuCache
    rollup_reader: RollupReader
    order_archive: OrderArchive
    feed_source: FeedSource
    replay: Replay
    reporter: Reporter
    day_closer: DayCloser
    health: HealthMonitor
    bus: Bus
    connection_limiter: ConnectionLimiter
    batches: BatchEndpoint
    order_endpoint: OrderEndpoint
    tasks: Tasks

    def application(self) -> web.Application:
        """Make the application that answers HTTP and WebSocket."""
        limit = self.config.max_body_bytes
        orders = OrdersApi(
            self.order_service,
            self.batches,
            self.authorizer,
            order_shedder=self.batch_writer.admission.shedder,
            batch_shedder=self.batch_writer.admission.batches,
            max_body_bytes=limit,
            body_timeout=self.config.body_timeout,
        )
        dashboard = DashboardApi(
            change_log=self.change_log,
            refresh=self.updater.flush_to_view,
            menu_cache=self.menu_cache,
            health=self.health,
            metrics=Metrics(lambda: self.health.health),
            authorizer=self.authorizer,
            archive=self.rollup_reader,
            zone=lambda: self.updater.calendars.calendars[0].zone,
            now=self.rollup_reader.clock.now,
        )
        order_list = OrderListApi(
            self.order_archive,
            self.authorizer,
            menu=self.menu_cache.menu,
            zone=lambda: self.updater.calendars.calendars[0].zone,
        )
        feed_limit = ReaderLimit(self.config.max_feed_readers, self.config.max_feed_readers_per_ip)
        feed = FeedApi(
            self.feed_source,
            feed_limit,
            self.authorizer,
            menu=self.menu_cache.menu,
            zone=lambda: self.updater.calendars.calendars[0].zone,
        )
        replay = ReplayApi(
            self.replay,
            feed_limit,
            self.authorizer,
            zone=lambda: self.updater.calendars.calendars[0].zone,
            now=self.rollup_reader.clock.now,
        )
        reports = ReportsApi(self.reporter, self.authorizer)
        windows = WindowsApi(
            self.reporter,
            self.authorizer,
            zone=lambda: self.updater.calendars.calendars[0].zone,
        )
        closings = ClosingsApi(self.reporter, self.day_closer, self.authorizer)
        websocket = DashboardWebSocket(
            broadcaster=self.broadcaster,
            change_log=self.change_log,
            order_service=self.order_service,
            shedder=self.batch_writer.admission.shedder,
            authorizer=self.authorizer,
            menu=self.menu_cache.body,
            heartbeat=self.config.heartbeat_interval,
            timezone=lambda: self.updater.calendars.calendars[0].zone,
            max_frame_bytes=limit,
        )
        page = Page(self.config.frame_ancestors)
        login = LoginApi(
            self.authorizer,
            self.bus,
            host=self.config.host,
            body_timeout=self.config.body_timeout,
        )
        middlewares = [track_requests, error_middleware, self.authorizer.host_middleware]
        app = web.Application(client_max_size=limit, middlewares=middlewares)
        add_routes(
            app,
            [
                ("POST", "/api/orders", orders.place),
                ("GET", "/api/orders", order_list.orders),
                ("POST", "/api/orders/batch", orders.place_batch),
                ("POST", "/api/orders/{order_id:.+}/void", orders.void),
                ("GET", f"/api/orders/{{order_id:{UUID_PATTERN}}}", orders.find),
                ("GET", "/api/dashboard", dashboard.dashboard),
                ("GET", "/api/menu", dashboard.menu),
                ("GET", "/api/feed", feed.feed),
                ("GET", "/api/replay", replay.replay),
                ("GET", "/api/report", reports.report),
                ("GET", "/api/activity", reports.activity),
                ("GET", "/api/sessions", windows.sessions),
                ("GET", "/api/sliding", windows.sliding),
                ("GET", "/api/closings", closings.closings),
                ("POST", "/api/closings", closings.close),
                ("GET", "/api/closings/{number}", closings.closing),
                ("GET", "/ws/dashboard", websocket.serve),
                ("GET", "/", page.index),
                ("GET", "/page/{name}", page.file),
                ("GET", "/login", login.state),
                ("POST", "/login", login.log_in),
                ("POST", "/logout", login.log_out),
                ("POST", "/login-link", login.link),
                ("GET", "/livez", dashboard.live),
                ("GET", "/readyz", dashboard.ready),
                ("GET", "/metrics", dashboard.metrics),
                ("GET", "/openapi.json", dashboard.openapi),
            ],
            preflight=self.authorizer.cors.preflight,
        )
        app.on_response_prepare.append(self.authorizer.cors.add_fields)
        app.on_response_prepare.append(add_nosniff)
        return app

    async def drain(self) -> None:
        """Answer what is still sent, refuse new orders, then close every connection."""
        self.health.closing = True
        await self.connection_limiter.announce_close()
        self.feed_source.close()
        await self.batch_writer.close()
        self.broadcaster.close("the server is restarting")
        await self.connection_limiter.close()


@asynccontextmanager
async def open_server(config: Config, database_url: str, redis_url: str) -> AsyncIterator[Server]:
    """Make a server and keep its background tasks running.

    Raises `DatabaseUnavailable`, `SchemaMismatch` and `ProtocolMismatch`. Redis may be away: the server
    waits for it.
    """
    async with AsyncExitStack() as stack:
        pool = await open_pool(
            database_url, size=config.database_pool_size, application_name="coffeert serve"
        )
        stack.push_async_callback(pool.close)
        archive_pool = await open_pool(
            database_url,
            size=ARCHIVE_CONNECTIONS,
            min_size=0,
            application_name="coffeert serve, orders",
        )
        stack.push_async_callback(archive_pool.close)
        standby_pool = await _standby_pool(config, stack)
        feed_pool = await open_pool(
            database_url,
            size=FEED_CONNECTIONS,
            min_size=0,
            application_name="coffeert serve, feed",
        )
        stack.push_async_callback(feed_pool.close)
        async with pool.acquire() as connection:
            await check_schema(connection)
            menu = await load_menu(connection)
            clock = DatabaseClock()
            now = clock.now()
            calendars = await load_calendars(connection, *calendar_span(now))
        bus = Bus(redis_url)
        stack.push_async_callback(bus.close)
        with suppress(RedisUnavailable):
            await bus.check_protocol()
        admission = Admission(
            wait_limit=config.max_queue_seconds,
            batch_rows=config.max_batch_rows,
            writers=config.max_concurrent_commits,
        )
        live_view = LiveView(calendars, now)
        change_log = ChangeLog(live_view, currency=lambda: menu_cache.menu().currency)
        broadcaster = Broadcaster(
            change_log,
            min_frame_interval=config.min_frame_interval,
            slow_client_timeout=config.slow_client_timeout,
            max_clients=config.max_websocket_clients,
            refusing=lambda: admission.refusing,
        )
        repository = OrderRepository(
            pool, max_idle=min(config.max_concurrent_commits, config.database_pool_size - 1)
        )
        stack.push_async_callback(repository.close)
        acknowledged = AcknowledgedXids(live_view)
        rollup_reader = RollupReader(
            pool,
            clock,
            reads=ReadPool(pool, standby_pool, acknowledged.shown),
            idle_elsewhere=lambda: repository.idle_connections,
        )
        updater = LiveUpdater(
            live_view,
            broadcaster,
            bus,
            rollup_reader,
            live=config.live_updates,
            places=lambda: menu_cache.menu().places,
            on_new_lineage=lambda _: recent.store_again(),
        )

        def on_commit(xid: Xid, orders: Sequence[Order]) -> None:
            acknowledged.note(xid)
            updater.on_commit(xid, orders)

        recent = RecentAcknowledgements(repository, on_commit, enabled=config.restore_acknowledged)
        await updater.load_if_needed()
        batch_writer = BatchWriter(
            repository,
            admission,
            batch_rows=config.max_batch_rows,
            writers=config.max_concurrent_commits,
            on_commit=on_commit,
            on_acknowledged=recent.add,
        )
        menu_cache = MenuCache(menu, database_url, broadcaster)
        feed_source = FeedSource(FeedTable(feed_pool), bus, lambda: menu_cache.menu().places)
        authorizer = _authorizer(config)
        order_service = OrderService(batch_writer, repository, menu_cache.menu, clock.now)
        batches = BatchEndpoint(
            order_service, max_line_bytes=config.max_body_bytes, max_rows=config.max_batch_rows
        )
        server = Server(
            config=config,
            authorizer=authorizer,
            batch_writer=batch_writer,
            recent=recent,
            order_service=order_service,
            change_log=change_log,
            updater=updater,
            broadcaster=broadcaster,
            menu_cache=menu_cache,
            rollup_reader=rollup_reader,
            order_archive=OrderArchive(ReadPool(archive_pool, standby_pool, acknowledged.shown)),
            feed_source=feed_source,
            replay=Replay(
                feed_source,
                lambda position, moment: load_known_view(feed_pool, position, moment),
                menu=menu_cache.body,
                zone=lambda: updater.calendars.calendars[0].zone,
                places=lambda: menu_cache.menu().places,
            ),
            reporter=Reporter(ReadPool(pool, standby_pool, acknowledged.shown), menu_cache.menu),
            day_closer=DayCloser(pool, config.closing_after),
            health=HealthMonitor(
                batch_writer=batch_writer,
                restored=lambda: recent.restored,
                unresolved=repository.unresolved_commits,
                live_view=live_view,
                updater=updater,
                broadcaster=broadcaster,
                rollup_reader=rollup_reader,
                bus=bus,
            ),
            bus=bus,
            connection_limiter=ConnectionLimiter(
                connections=config.max_connections_per_ip,
                rate=config.max_orders_per_second_per_ip,
                header_timeout=config.header_timeout,
            ),
            batches=batches,
            order_endpoint=OrderEndpoint(
                order_service,
                batches,
                authorizer,
                order_shedder=admission.shedder,
                batch_shedder=admission.batches,
                max_body_bytes=config.max_body_bytes,
            ),
            tasks=Tasks(),
        )
        stack.push_async_callback(server.tasks.stop)
        _start(server)
        yield server


async def _standby_pool(config: Config, stack: AsyncExitStack) -> Pool | None:
    if config.read_url is None or not config.read_url.get_secret_value():
        return None
    pool = await open_pool(
        config.read_url.get_secret_value(),
        size=config.database_pool_size,
        min_size=0,  # a standby that is away keeps no server from starting
        application_name="coffeert serve, standby",
        several="prefer-standby",
    )
    stack.callback(pool.terminate)
    return pool


def _authorizer(config: Config) -> Authorizer:
    token = config.token.get_secret_value() if config.token else None
    read_token = config.read_token.get_secret_value() if config.read_token else None
    cookie = None
    if token is not None:
        # Never made from the token that orders if another one reads: readers could try that against it.
        framed = bool(config.frame_ancestors)
        cookie = ReadCookie(read_token or token, config.login_lifetime, framed=framed)
    return Authorizer(
        token,
        config.allowed_origins,
        read_token=read_token,
        allowed_hosts=config.allowed_hosts,
        cookie=cookie,
    )


def _start(server: Server) -> None:
    start = server.tasks.start
    start("batch writer", server.batch_writer.run)
    start("recent acknowledgements", server.recent.run)
    start("live updater", server.updater.run)
    start("clock", server.updater.follow_clock)
    start("broadcaster", lambda: server.broadcaster.run(server.updater))
    start("menu cache", server.menu_cache.watch)
    start("day closer", server.day_closer.run)
    start("connection limiter", server.connection_limiter.run)
    start("feed", server.feed_source.run)
    start(
        "heartbeats",
        lambda: server.health.send_heartbeats(server.change_log, server.config.heartbeat_interval),
    )

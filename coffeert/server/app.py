"""The composition of a server: every part is made here and given what it needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from coffeert.config import Config
from coffeert.domain.rollups import RetentionWindow
from coffeert.postgres.menu import load_menu
from coffeert.postgres.migrations import check_schema
from coffeert.postgres.orders import OrderRepository
from coffeert.postgres.pool import open_pool
from coffeert.redis_bus.bus import Bus
from coffeert.server.http.auth import Authorizer
from coffeert.server.http.dashboard import DashboardApi
from coffeert.server.http.doorway import ConnectionLimiter
from coffeert.server.http.errors import add_routes
from coffeert.server.http.fast_path import OrderConnection, OrderEndpoint
from coffeert.server.http.orders import OrdersApi
from coffeert.server.ingest.admission import Admission
from coffeert.server.ingest.batch_writer import BatchWriter
from coffeert.server.ingest.order_service import OrderService
from coffeert.server.live.broadcaster import Broadcaster
from coffeert.server.live.change_log import ChangeLog
from coffeert.server.live.live_view import LiveView
from coffeert.server.live.menu_cache import MenuCache
from coffeert.server.live.rollup_reader import RollupReader
from coffeert.server.live.updater import LiveUpdater
from coffeert.server.ops.health import HealthMonitor
from coffeert.server.ops.metrics import Metrics
from coffeert.server.ws.endpoint import DashboardWebSocket
from coffeert.tasks import Tasks


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of a server, made and connected; `tasks` are running."""

    config: Config
    access: Authorizer
    writer: BatchWriter
    intake: OrderService
    journal: ChangeLog
    feed: LiveUpdater
    hub: Broadcaster
    menu: MenuCache
    database: RollupReader
    health: HealthMonitor
    keeper: ConnectionLimiter
    tasks: Tasks

    def application(self) -> web.Application:
        """Make the application that answers HTTP and WebSocket."""
        limit = self.config.max_body_bytes
        orders = OrdersApi(
            self.intake,
            self.access,
            body_limit=limit,
            batch_rows=self.config.max_batch_rows,
            body_timeout=self.config.body_timeout,
        )
        dashboard = DashboardApi(
            journal=self.journal,
            refresh=self.feed.show,
            menu=self.menu,
            health=self.health,
            metrics=Metrics(lambda: self.health.health),
            access=self.access,
            view_at=self.database.view_at,
            zone=self.config.zone(),
        )
        socket = DashboardWebSocket(
            hub=self.hub,
            journal=self.journal,
            intake=self.intake,
            shedder=self.writer.admission.shedder,
            access=self.access,
            menu=self.menu.body,
            heartbeat=self.config.heartbeat_interval,
            timezone=self.config.timezone,
            frame_limit=limit,
        )
        app = web.Application(client_max_size=limit)
        add_routes(
            app,
            [
                ("POST", "/api/orders", orders.place),
                ("POST", "/api/orders/batch", orders.place_batch),
                ("POST", "/api/orders/{order_id}/void", orders.void),
                ("GET", "/api/dashboard", dashboard.dashboard),
                ("GET", "/api/menu", dashboard.menu),
                ("GET", "/ws/dashboard", socket.serve),
                ("GET", "/livez", dashboard.live),
                ("GET", "/readyz", dashboard.ready),
                ("GET", "/metrics", dashboard.metrics),
                ("GET", "/openapi.json", dashboard.openapi),
            ],
        )
        return app

    async def drain(self) -> None:
        """Stop taking orders, answer those taken, and send the dashboards away."""
        self.health.closing = True
        await self.writer.close()
        self.hub.close("the server is restarting")
        self.keeper.close()


@asynccontextmanager
async def open_server(config: Config, database_url: str, redis_url: str) -> AsyncIterator[Server]:
    """Make a server and keep its background tasks running.

    Raises `DatabaseUnavailable` and `SchemaMismatch`; Redis may be away, the server waits for it.
    """
    async with AsyncExitStack() as stack:
        pool = await open_pool(
            database_url, size=config.database_pool_size, application_name="coffeert serve"
        )
        stack.push_async_callback(pool.close)
        async with pool.acquire() as connection:
            await check_schema(connection)
            menu = await load_menu(connection)
        bus = Bus(redis_url)
        stack.push_async_callback(bus.close)
        now = datetime.now(UTC)
        admission = Admission(
            wait_limit=config.max_queue_seconds,
            batch_rows=config.max_batch_rows,
            writers=config.max_concurrent_commits,
        )
        live_view = LiveView(RetentionWindow.at(now, config.zone()), now)
        journal = ChangeLog(live_view)
        hub = Broadcaster(
            journal,
            frame_interval=config.min_frame_interval,
            slow_client_timeout=config.slow_client_timeout,
            clients_limit=config.max_websocket_clients,
            refusing=lambda: admission.refusing,
        )
        table = OrderRepository(
            pool, max_idle=min(config.max_concurrent_commits, config.database_pool_size - 1)
        )
        stack.push_async_callback(table.close)
        database = RollupReader(pool, idle=lambda: table.idle_connections)
        feed = LiveUpdater(
            live_view, hub, bus, database, zone=config.zone(), live=config.live_updates
        )
        await feed.begin()
        writer = BatchWriter(
            table,
            admission,
            batch_rows=config.max_batch_rows,
            writers=config.max_concurrent_commits,
            on_commit=feed.committed,
        )
        board = MenuCache(menu, database_url, hub)
        access = _access(config)
        intake = OrderService(writer, table, board.menu)
        path = OrderEndpoint(intake, access, body_limit=config.max_body_bytes)
        server = Server(
            config=config,
            access=access,
            writer=writer,
            intake=intake,
            journal=journal,
            feed=feed,
            hub=hub,
            menu=board,
            database=database,
            health=HealthMonitor(
                writer=writer, live_view=live_view, feed=feed, hub=hub, database=database, bus=bus
            ),
            keeper=ConnectionLimiter(
                connections=config.max_connections_per_ip,
                rate=config.max_orders_per_second_per_ip,
                header_timeout=config.header_timeout,
                shedder=admission.shedder,
                batches=admission.batches,
                first=lambda gate: OrderConnection(gate, path),
            ),
            tasks=Tasks(),
        )
        stack.push_async_callback(server.tasks.stop)
        _start(server)
        yield server


def _access(config: Config) -> Authorizer:
    token = config.token.get_secret_value() if config.token else None
    read_token = config.read_token.get_secret_value() if config.read_token else None
    return Authorizer(token, config.allowed_origins, read_token=read_token)


def _start(server: Server) -> None:
    tasks, journal, feed = server.tasks, server.journal, server.feed
    tasks.start("batch writer", server.writer.run)
    tasks.start("live feed", feed.run)
    tasks.start("clock", feed.move_time)
    tasks.start("hub", lambda: server.hub.run(feed.show))
    tasks.start("menu", server.menu.watch)
    tasks.start("doorway", server.keeper.run)
    tasks.start(
        "heartbeat",
        lambda: server.health.beat(
            server.config.heartbeat_interval, lambda: (journal.epoch, journal.version)
        ),
    )

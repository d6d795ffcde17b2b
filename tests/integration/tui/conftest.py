"""The terminal on a real server."""

from __future__ import annotations

from tests.integration.postgres.conftest import connection as connection
from tests.integration.server.conftest import run_server as run_server
from tests.integration.server.conftest import server_url as server_url

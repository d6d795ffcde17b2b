"""A connection of the test's own."""

from __future__ import annotations

from tests.integration.postgres.conftest import connection as connection

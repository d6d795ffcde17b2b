"""An importer on a database of the test's own."""

from __future__ import annotations

import pytest

from coffeert.postgres.pool import Connection
from tests.integration.importer.importing import Importer, importer_on
from tests.integration.postgres.conftest import connection as connection
from tests.integration.postgres.conftest import other as other


@pytest.fixture
async def importer(connection: Connection) -> Importer:
    """Imports over the test's connection."""
    return await importer_on(connection)

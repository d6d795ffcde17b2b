"""A server in this process, and places for those who read it."""

from tests.integration.server.conftest import http, run_server, server_url

__all__ = ["http", "run_server", "server_url"]

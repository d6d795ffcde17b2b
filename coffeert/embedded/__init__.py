"""The embedded default: real PostgreSQL and Valkey from wheels, shared by several processes."""

from coffeert.embedded.data_directory import default_path
from coffeert.embedded.postgres import PostgresServer, StopMode
from coffeert.embedded.services import EmbeddedServices, embedded_services
from coffeert.embedded.valkey import ValkeyServer

__all__ = [
    "EmbeddedServices",
    "PostgresServer",
    "StopMode",
    "ValkeyServer",
    "default_path",
    "embedded_services",
]

"""PostgreSQL and Valkey from wheels, started on demand and shared by several processes."""

from coffeert.embedded.data_directory import DataDirectory, default_path, has_cluster
from coffeert.embedded.postgres import PostgresServer, StopMode
from coffeert.embedded.services import EmbeddedServices, embedded_services
from coffeert.embedded.valkey import ValkeyServer

__all__ = [
    "DataDirectory",
    "EmbeddedServices",
    "PostgresServer",
    "StopMode",
    "ValkeyServer",
    "default_path",
    "embedded_services",
    "has_cluster",
]

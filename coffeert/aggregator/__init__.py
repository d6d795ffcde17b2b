"""The aggregator: a timed task that brings the rollups, and Redis, up to date with the orders."""

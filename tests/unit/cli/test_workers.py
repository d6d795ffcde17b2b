"""What the workers of a server are started with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coffeert.cli.serve import command
from coffeert.cli.services import Services
from coffeert.cli.workers import worker_command, worker_environment
from coffeert.config import Config, load_config

SECRETS = {
    "token": "the-ordering-token",
    "read_token": "the-reading-token",
    "database_url": "postgresql://shop:the-password@localhost/shop",
    "redis_url": "redis://:the-other-password@localhost",
}


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Config:
    """Settings with secrets, and a file that says something else than the flags."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COFFEERT_")]:
        monkeypatch.delenv(name)
    Path("coffeert.toml").write_text(
        "workers = 4\nport = 1\naggregation_interval = 9\nmax_batch_rows = 77\n"
    )
    return load_config(
        port=8123, aggregation_interval=0.5, live_updates=False, run_aggregator=False, **SECRETS
    )


def test_no_secret_shows_in_the_list_of_processes() -> None:
    words = " ".join(worker_command())
    for secret in SECRETS.values():
        assert secret not in words
    assert "password" not in words


def test_a_worker_has_the_same_settings_though_it_reads_the_file_again(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Services(SECRETS["database_url"], SECRETS["redis_url"])
    for name, value in worker_environment(config, found).items():
        if name.startswith("COFFEERT_"):
            monkeypatch.setenv(name, value)
    program = worker_command()
    flags = command.make_context("serve", program[program.index("serve") + 1 :]).params
    assert flags.pop("worker")
    assert flags.pop("attended")
    assert load_config(**flags) == config.model_copy(update={"workers": 1})

"""What a worker is told, and by which way."""

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
    Path("coffeert.toml").write_text("workers = 4\nport = 1\ninterval = 9\n")
    return load_config(port=8123, interval=0.5, live="off", aggregator=False, **SECRETS)


def test_no_secret_shows_in_the_list_of_processes(config: Config) -> None:
    words = " ".join(worker_command(config))
    for secret in SECRETS.values():
        assert secret not in words
    assert "password" not in words


def test_flags_outweigh_the_file_that_a_worker_reads_again(config: Config) -> None:
    program = worker_command(config)
    flags = program[program.index("serve") + 1 :]
    parsed = command.make_context("serve", flags).params
    assert parsed["worker"]
    assert (parsed["workers"], parsed["port"], parsed["interval"]) == (1, 8123, 0.5)
    assert (parsed["live"], parsed["aggregator"]) == ("off", False)


def test_a_worker_has_the_same_settings(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Services(SECRETS["database_url"], SECRETS["redis_url"])
    environment = worker_environment(config, found)
    for name in [name for name in os.environ if name.startswith("COFFEERT_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        if name.startswith("COFFEERT_"):
            monkeypatch.setenv(name, value)
    Path("coffeert.toml").unlink()
    assert load_config() == config.model_copy(update={"workers": 1, "data_dir": None})

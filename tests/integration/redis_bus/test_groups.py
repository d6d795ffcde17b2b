"""Sentinels and a cluster: found by any of their nodes, with TLS and logins, and what is said when not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import trustme
from redis.exceptions import ConnectionError as RedisConnectionError

from coffeert.errors import RedisUnavailable
from coffeert.redis_bus import locators
from coffeert.redis_bus.address import RedisNode
from coffeert.redis_bus.bus import Bus, Subscribed
from coffeert.redis_bus.located_connection import LocatedConnection
from coffeert.redis_bus.locators import Located, Locator
from coffeert.redis_bus.publisher import RedisPublisher
from tests.integration.redis_bus.pass_factory import STATS, PassFactory, publish
from tests.integration.redis_bus.test_bus import hear, hot
from tests.redis_groups import (
    SERVICE,
    RedisCluster,
    RedisGroup,
    cluster_of_three,
    watched_by_sentinels,
)
from tests.waiting import WITHIN, eventually

_numbers = count(1)
RIGHTS = "~{coffeert}:* &{coffeert}:* +@all -@dangerous -@admin"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with cluster_of_three(tmp_path_factory.mktemp("cluster")) as group:
        yield group


@pytest.fixture(scope="module")
def sentinels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisGroup]:
    with watched_by_sentinels(tmp_path_factory.mktemp("sentinels")) as group:
        yield group


async def does_everything(url: str, opened: AsyncExitStack) -> Bus:
    """Publish, follow, read and write by a URL, as servers and aggregators do."""
    bus, other, publisher = Bus(url), Bus(url), RedisPublisher(url)
    for one in (bus, other, publisher):
        opened.push_async_callback(one.close)
    number = next(_numbers)
    factory = PassFactory(lineage=f"lineage-{number}", token=number)
    async with aclosing(bus.messages()) as events:
        assert await hear(events) == Subscribed()
        for _ in range(2):
            made = factory.count(factory.order())
            await publish(publisher, made)
            assert await hear(events) == made.message
        assert await bus.load_snapshot() == (made.snapshot, STATS)
        other.publish_batches(hot(1))
        assert await hear(events) == hot(1)
    await bus.store_login_code("digest", 60)
    assert await other.take_login_code("digest")
    assert (await bus.probe()).obstacle is None
    return bus


@pytest.mark.long
async def test_everything_works_in_a_cluster(cluster: RedisCluster, opened: AsyncExitStack) -> None:
    await does_everything(cluster.url, opened)
    # Whichever node one names, our keys are found.
    for server in cluster.servers:
        bus = Bus(f"redis+cluster://127.0.0.1:{server.port}")
        opened.push_async_callback(bus.close)
        assert await bus.load_snapshot() is not None


@pytest.mark.long
async def test_a_cluster_at_a_plain_url_is_explained(
    cluster: RedisCluster, opened: AsyncExitStack
) -> None:
    elsewhere = next(server for server in cluster.servers if server is not cluster.owner())
    bus = Bus(f"redis://127.0.0.1:{elsewhere.port}")
    opened.push_async_callback(bus.close)
    with pytest.raises(
        RedisUnavailable, match=r"it is a cluster, whose URL begins with redis\+cluster"
    ):
        await bus.probe()


@pytest.mark.long
async def test_the_slot_may_move_while_it_is_used(
    cluster: RedisCluster, opened: AsyncExitStack
) -> None:
    """By a failover that somebody asks for: no process dies, and every connection stays open."""
    bus = await does_everything(cluster.url, opened)
    before = cluster.owner()
    owned = str(before.ask("CLUSTER", "MYID"), "ascii")
    replica = next(
        server
        for server in cluster.servers
        if server.role == "slave" and owned in str(server.ask("CLUSTER", "NODES"))
        and server.ask("INFO", "replication")["master_port"] == before.port
    )  # fmt: skip
    replica.ask("CLUSTER", "FAILOVER")
    await eventually(lambda: cluster.owner() is replica)
    with pytest.raises(RedisUnavailable, match=r"does not take our writes any more \(Moved\)"):
        await bus.probe()
    await bus.probe()
    await eventually(cluster.healthy, within=30)


@pytest.mark.long
async def test_everything_works_behind_sentinels(
    sentinels: RedisGroup, opened: AsyncExitStack
) -> None:
    await does_everything(sentinels.url, opened)


@pytest.mark.long
async def test_what_sentinels_do_not_know_is_named(
    sentinels: RedisGroup, opened: AsyncExitStack
) -> None:
    nodes = sentinels.url.split("//")[1].split("/")[0]
    primary = sentinels.owner().port
    for url, said in {
        f"redis+sentinel://{nodes}/other": "no Sentinel says where our keys are .*No such master",
        f"redis+sentinel://127.0.0.1:{primary}/{SERVICE}": "unknown command",
        f"redis+cluster://127.0.0.1:{primary}": "cluster support disabled",
        f"redis://{nodes.split(',')[0]}": r"a Sentinel\? Its URL begins with redis\+sentinel",
        "redis+sentinel://127.0.0.1:1,no-such-host.invalid/coffee": "no Sentinel says .*127.0.0.1:1",
    }.items():
        bus = Bus(url)
        opened.push_async_callback(bus.close)
        with pytest.raises(RedisUnavailable, match=said) as refused:
            await bus.probe()
        assert "\n" not in str(refused.value)


@pytest.mark.long
async def test_a_replica_is_not_taken_for_the_primary(
    sentinels: RedisGroup, opened: AsyncExitStack
) -> None:
    replica = next(server for server in sentinels.servers if server.role == "slave")
    bus = Bus(f"redis://127.0.0.1:{replica.port}")
    opened.push_async_callback(bus.close)
    with pytest.raises(RedisUnavailable, match="it is a replica, which takes no writes"):
        await bus.probe()


@pytest.mark.long
async def test_a_replica_that_somebody_calls_the_primary_is_not_used(
    sentinels: RedisGroup,
) -> None:
    """It would let one subscribe and publish; the Sentinels may be behind."""
    replica = next(server for server in sentinels.servers if server.role == "slave")

    class Behind(Locator):
        async def locate(self) -> RedisNode:
            return RedisNode("127.0.0.1", replica.port)

        async def _ask(self, node: RedisNode) -> Located:
            raise NotImplementedError

    connection = LocatedConnection(locator=Behind((), {}))
    with pytest.raises(RedisConnectionError, match="does not take our writes"):
        await connection.connect()  # type: ignore[no-untyped-call] # of the library
    assert not connection.is_connected


async def refusal(bus: Bus) -> str:
    """Return why a bus cannot be used, other than that nobody has answered in time on a busy machine."""
    async with asyncio.timeout(WITHIN):
        while True:
            with pytest.raises(RedisUnavailable) as refused:
                await bus.probe()
            if not re.search("in time|Timeout", reason := str(refused.value)):
                return reason


@pytest.mark.long
async def test_tls_users_and_the_password_of_the_sentinels(
    tmp_path: Path, opened: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three handshakes take long on a busy machine.
    monkeypatch.setattr(locators, "_TIMEOUT_SECONDS", 10.0)
    ca = trustme.CA()
    certificate = ca.issue_cert("127.0.0.1")
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    (tmp_path / "cert.pem").write_bytes(b"".join(c.bytes() for c in certificate.cert_chain_pems))
    tls = {
        "tls-cert-file": f"{tmp_path}/cert.pem",
        "tls-key-file": f"{tmp_path}/key.pem",
        "tls-ca-cert-file": f"{tmp_path}/ca.pem",
        "tls-auth-clients": "no",
        "tls-replication": "yes",
    }
    login: dict[str, Any] = {"ssl": True, "ssl_ca_certs": f"{tmp_path}/ca.pem"}
    lines = "".join(f"{name} {value}\n" for name, value in tls.items())
    query = (
        f"?ssl_ca_certs={tmp_path}/ca.pem&sentinel_password=of-sentinels"
        "&socket_timeout=10&socket_connect_timeout=10"
    )
    with watched_by_sentinels(
        tmp_path,
        scheme="rediss+sentinel",
        user="shop:of-shop@",
        query=query,
        settings={
            **tls,
            "requirepass": "of-all",
            "masterauth": "of-all",
            "user": f"shop on >of-shop {RIGHTS}",
        },
        sentinel_lines=lines
        + "port 0\ntls-port {port}\nrequirepass of-sentinels\nsentinel auth-pass {service} of-all\n",
        login={**login, "password": "of-all"},
        sentinel_login={**login, "password": "of-sentinels"},
    ) as group:
        await does_everything(group.url, opened)
        for wrong, said in {
            group.url.replace("=of-sentinels", "=wrong"): "invalid (username-password|password)",
            group.url.replace("&sentinel_password=of-sentinels", ""): "Authentication required",
            group.url.replace(":of-shop", ":wrong"): "invalid username-password pair",
            group.url.replace(f"ssl_ca_certs={tmp_path}/ca.pem&", ""): "certificate verify failed",
        }.items():
            bus = Bus(wrong)
            opened.push_async_callback(bus.close)
            reason = await refusal(bus)
            assert re.search(said, reason)
            assert "of-shop" not in reason
        owner = group.owner()
        await asyncio.to_thread(owner.kill)
        bus = Bus(group.url)
        opened.push_async_callback(bus.close)
        async with asyncio.timeout(20):
            while True:
                try:
                    await bus.probe()
                    break
                except RedisUnavailable:
                    await asyncio.sleep(0.1)

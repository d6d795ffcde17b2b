"""The floor of any refusal: one receive and one send, and nothing in between.

It answers whatever comes with the bytes of a refusal, unread. Run as `python -m coffeert.lab.bare_refusal`,
a child process of the lab.
"""

from __future__ import annotations

import asyncio
from typing import cast

import msgspec

from coffeert.lab.child import Gate, serve

# As long as the server's own, so that sending costs as much.
_BODY = b"." * 130
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n"
    b"Retry-After: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


class RefusalJob(msgspec.Struct, frozen=True):
    """The port to listen on, on loopback."""

    port: int


class RefusalResult(msgspec.Struct, frozen=True):
    """How often something was received, and so refused."""

    refused: int


class _Refusing(asyncio.Protocol):
    refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        _Refusing.refused += 1
        self._transport.write(_REFUSAL)


async def _run(job: RefusalJob, gate: Gate) -> RefusalResult:
    server = await asyncio.get_running_loop().create_server(
        _Refusing, "127.0.0.1", job.port, backlog=1024
    )
    await gate.ready()
    await gate.word()
    server.close()
    return RefusalResult(_Refusing.refused)


if __name__ == "__main__":
    serve(RefusalJob, _run)

"""A recording made from the frames of a server's replay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from coffeert.client.replica import Replica
from coffeert.tui.history.event_lines import FORMAT, StartLine, encode, line_of
from coffeert.tui.history.recorder import RecordingError
from coffeert.wire.frames import Delta, Hello, ServerFrame, Snapshot, decode_server_frame


async def write_recording(path: Path, server: str, lines: AsyncIterator[bytes]) -> int:
    """Write the lines of `/api/replay` as a new recording; return how many changes it has.

    Raises `RecordingError`, and what reading the lines raises; then there is no file.
    """
    writer = _RecordingWriter(server)
    try:
        with path.open("xb") as file:
            try:
                async for line in lines:
                    file.writelines(writer.lines(decode_server_frame(line)))
                file.flush()
                if not writer.begun:
                    raise RecordingError(f"{server} sent no replay.")
            except BaseException:
                path.unlink(missing_ok=True)  # noqa: ASYNC240 (no other task waits)
                raise
    except FileExistsError:
        raise RecordingError(f"{path} exists already; a recording never overwrites.") from None
    except OSError as error:
        raise RecordingError(f"{path} cannot be written: {error.strerror}.") from None
    except (msgspec.DecodeError, LookupError, ValueError):
        raise RecordingError(f"{server} sent something that is no replay.") from None
    return writer.changes


class _RecordingWriter:
    """Makes the lines of a recording from frames; a frame's time is that of its view."""

    def __init__(self, server: str) -> None:
        self.changes = 0
        self.begun = False
        self._server = server
        self._replica = Replica()
        self._hello: list[Hello] = []

    def lines(self, frame: ServerFrame) -> Iterator[bytes]:
        """Yield the lines of a frame; raises `RecordingError` for one that no replay has."""
        if isinstance(frame, Hello):
            self._hello.append(frame)  # its time is that of the view which follows
            return
        if not isinstance(frame, Snapshot | Delta):
            raise RecordingError(f"{self._server} sent no replay.")
        at = frame.view.data_time.timestamp()
        if not self.begun:
            self.begun = True
            yield encode(StartLine(at=at, format=FORMAT, server=self._server)) + b"\n"
        for applied in (*self._hello, frame):
            for event in self._replica.apply(applied, at):
                yield encode(line_of(event, at, at)) + b"\n"
        self._hello.clear()
        self.changes += isinstance(frame, Delta)

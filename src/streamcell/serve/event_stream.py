"""A stream as server-sent events, for any framework: bytes to iterate, with or without a loop.

Each event is ``id:`` its number, ``event:`` its tag, ``data:`` itself as JSON; a comment is sent while
nothing happens. Format: https://html.spec.whatwg.org/multipage/server-sent-events.html (2026-11).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable
from typing import Final, Literal

import msgspec

from streamcell.errors import UsageError
from streamcell.events import Event
from streamcell.handle import Stream
from streamcell.serve import feed
from streamcell.serve.feed import Numbered

HEARTBEAT: Final = 15.0
"""Seconds: proxies close a connection that is silent for longer than 30 or 60."""
HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would collect the events otherwise
}
BEAT: Final = b": heartbeat\n\n"

Leaving = Literal["go_on", "stop"]
"""What becomes of a run whose reader leaves: it goes on and can be resumed, or it stops."""


def sse(
    stream: Stream,
    *,
    last_event_id: str | int | None = None,
    heartbeat: float = HEARTBEAT,
    on_leave: Leaving = "go_on",
) -> ServerSentEvents:
    """`stream` as server-sent events, for `StreamingResponse` (FastAPI, Starlette) or `Response` (Flask).

    `last_event_id` is the header of a reader that comes back: it gets what follows, once. `heartbeat` is in
    seconds; `on_leave` says whether a reader that leaves stops the run. The HTTP headers to send are in
    `headers`. Raises `UsageError` for an id that is no number and for a stream with ``keep=False``.
    """
    feed.check_kept(stream)
    if on_leave not in ("go_on", "stop"):
        raise UsageError(f'on_leave is "go_on" or "stop", not {on_leave!r}')
    return ServerSentEvents(stream, after=position(last_event_id), heartbeat=heartbeat, on_leave=on_leave)


class ServerSentEvents:
    """The bytes of a stream for one reader: `async for` runs on the caller's loop, `for` needs none."""

    headers = HEADERS

    def __init__(self, stream: Stream, *, after: int, heartbeat: float, on_leave: Leaving) -> None:
        self._stream = stream
        self._after = after
        self._heartbeat = heartbeat
        self._on_leave = on_leave

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        try:
            async for events in feed.follow(self._stream, after=self._after, beat=self._heartbeat):
                yield frames(events)
        finally:
            self.close()

    def __iter__(self) -> Generator[bytes]:
        try:
            for events in feed.follow_here(self._stream, after=self._after, beat=self._heartbeat):
                yield frames(events)
        finally:
            self.close()

    def close(self) -> None:
        """The reader is gone; WSGI servers call this."""
        if self._on_leave == "stop":
            self._stream.cancel()


def position(last_event_id: str | int | None) -> int:
    """The number after which a reader goes on; -1 for one that is new."""
    if last_event_id is None or last_event_id == "":
        return -1
    text = str(last_event_id)
    if not (text.isascii() and text.isdigit() and len(text) < 16):  # noqa: PLR2004 - any count of events
        raise UsageError(f"Last-Event-ID is the number of an event, not {text[:40]!r}")
    return int(text)


def frames(events: Iterable[Numbered]) -> bytes:
    """These events as they go over the wire; a heartbeat when there are none."""
    return b"".join(_frame(*item) for item in events) or BEAT


def _frame(number: int | None, event: Event) -> bytes:
    # Without an id the reader keeps the one before, and comes back to there.
    identity = b"" if number is None else b"id: %d\n" % number
    tag = str(event.__struct_config__.tag).encode()
    return b"%bevent: %b\ndata: %b\n\n" % (identity, tag, msgspec.json.encode(event))

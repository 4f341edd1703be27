"""A stream over a WebSocket: one JSON message for each event, ``{"id": its number, "event": the event}``.

The id is null for an error that is not in the log of the stream. The other side may say ``{"type": "stop"}``.
Keeping the connection alive is the server's business, which sends pings of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from streamcell.handle import Stream
from streamcell.serve import feed
from streamcell.serve.event_stream import Leaving, position
from streamcell.serve.feed import Numbered


class _Said(msgspec.Struct, frozen=True):
    """What the other side says; other messages than a stop are passed by."""

    type: str = ""


async def websocket(
    stream: Stream,
    socket: WebSocket,
    *,
    last_event_id: str | int | None = None,
    on_leave: Leaving = "go_on",
) -> None:
    """Send `stream` over `socket` until it ends or the other side leaves; accepts the connection if need be.

    `last_event_id` is the number of the last event that the other side has. The connection is left open, for
    the next stream. Raises `UsageError` as `sse` does.
    """
    feed.check_kept(stream)
    after = position(last_event_id)
    if socket.application_state is WebSocketState.CONNECTING:
        await socket.accept()
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(send_all(feed.follow(stream, after=after, beat=None), socket))
        listening = group.create_task(_listen(stream, socket))
        await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        listening.cancel()
    if on_leave == "stop":
        stream.cancel()


async def send_all(news: AsyncGenerator[list[Numbered]], socket: WebSocket) -> None:
    """Send these events; returns at their end, or when the connection is gone."""
    with suppress(WebSocketDisconnect):
        async with aclosing(news):
            async for events in news:
                for message in _messages(events):
                    await socket.send_text(message)


async def heard(socket: WebSocket) -> str | bytes:
    """The next message; raises `WebSocketDisconnect`."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006), message.get("reason"))
    return message.get("text") or message.get("bytes") or ""


async def _listen(stream: Stream, socket: WebSocket) -> None:
    """Return when the other side has left."""
    with suppress(WebSocketDisconnect):
        while True:
            said = await heard(socket)
            with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
                if msgspec.json.decode(said, type=_Said).type == "stop":
                    stream.cancel()


def _messages(events: Iterable[Numbered]) -> Iterable[str]:
    for number, event in events:
        yield msgspec.json.encode({"id": number, "event": event}).decode()

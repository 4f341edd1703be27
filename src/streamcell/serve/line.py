"""``/v1/ws``: one connection on which a caller starts, resumes and stops streams, one at a time.

The caller says ``{"type": "start", …}`` with the fields of ``POST /v1/streams``, ``{"type": "resume",
"stream": ID, "last_event_id": N}`` or ``{"type": "stop"}``. It hears ``{"stream": ID, "model": NAME}``, then
the events as `sockets` writes them, and ``{"error": …}`` for what was refused.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import assert_never

import msgspec
from msgspec.json import Decoder
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocket, WebSocketDisconnect

from streamcell.errors import UsageError
from streamcell.serve import refusals
from streamcell.serve.asked import Asked, decoded
from streamcell.serve.guard import SUBPROTOCOL
from streamcell.serve.held import Readable
from streamcell.serve.refusals import refused
from streamcell.serve.sockets import heard, send_all
from streamcell.serve.streams import Streams


class Start(Asked, frozen=True, tag="start"):
    """Ask, and hear the answer from its beginning."""


class Resume(msgspec.Struct, frozen=True, tag="resume", forbid_unknown_fields=True):
    """Hear a stream from behind the event that was heard last."""

    stream: str
    last_event_id: int = -1


class Stop(msgspec.Struct, frozen=True, tag="stop", forbid_unknown_fields=True):
    """Stop the stream that is heard."""


_SAID: Decoder[Start | Resume | Stop] = Decoder(Start | Resume | Stop)


class Line:
    """The state of one connection: which stream is being sent on it."""

    def __init__(self, socket: WebSocket, streams: Streams, *, longest: int) -> None:
        self._socket = socket
        self._streams = streams
        self._longest = longest
        self._held: Readable | None = None
        self._sending: asyncio.Task[None] | None = None

    async def converse(self) -> None:
        """Serve the connection until the other side leaves it."""
        offered = self._socket.scope.get("subprotocols", [])
        await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        async with asyncio.TaskGroup() as group:
            with suppress(WebSocketDisconnect):
                while True:
                    await self._answer(await heard(self._socket), group)
            if self._sending is not None:
                self._sending.cancel()

    async def _answer(self, said: str | bytes, group: asyncio.TaskGroup) -> None:
        try:
            if len(said.encode() if isinstance(said, str) else said) > self._longest:
                raise refused(413, f"the message is longer than {self._longest} bytes")
            await self._do(decoded(said, _SAID), group)
        except HTTPException as error:
            await self._say(refusals.body(error.status_code, error.detail))
        except UsageError as error:
            await self._say(refusals.body(400, str(error)))

    async def _do(self, said: Start | Resume | Stop, group: asyncio.TaskGroup) -> None:
        match said:
            case Start():
                await self._wait_for_turn()
                held: Readable = await self._streams.start(
                    said.said(), said.model, said.options(), self._caller
                )
                after = -1
            case Resume(stream=identity, last_event_id=after):
                await self._wait_for_turn()
                held = await self._streams.find(identity, self._caller)
            case Stop():
                if self._held is not None:
                    await self._held.stop()
                return
            case _:
                assert_never(said)
        self._held = held
        self._sending = group.create_task(self._send(held, after), name="streamcell-line")

    async def _wait_for_turn(self) -> None:
        """Raise the refusal (409) while a stream is running here; one that ended may still be on its way."""
        if self._held is not None and not self._held.finished:
            raise refused(409, "a stream is running on this connection; stop it, or open another connection")
        if self._sending is not None:
            await self._sending

    async def _send(self, held: Readable, after: int) -> None:
        with self._streams.reading(held), suppress(WebSocketDisconnect):
            await self._say({"stream": held.id, "model": held.model})
            await send_all(held.follow(after=max(after, -1), beat=None), self._socket)

    async def _say(self, message: object) -> None:
        await self._socket.send_text(msgspec.json.encode(message).decode())

    @property
    def _caller(self) -> str:
        return str(self._socket.state.caller)

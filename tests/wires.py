"""The five wire dialects as bytes a test can cut, and a loopback server that sends them as badly as asked.

The server writes HTTP by hand, so that the head, the framing and the end of a body can lie.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import msgspec

from streamcell.core.script import Script
from streamcell.io.wire_formats import route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streamcell.core.script import Piece
    from streamcell.io.wire_formats import Format

PAUSE = 0.03
"""Seconds between the pieces that are sent again and again."""
HANDSHAKE = b"\x16"
"""The first byte of a client that wants TLS."""
_RESET = struct.pack("ii", 1, 0)


class Wire(NamedTuple):
    """One provider's way to write an answer."""

    provider: str
    base: str
    """What its base URL ends with."""
    path: str

    @property
    def format(self) -> Format:
        found = route(self.path, {"model": "m", "stream": True})
        assert found is not None
        return found.format

    @property
    def is_sse(self) -> bool:
        return "event-stream" in self.format.content_type

    def blocks(self, script: Script) -> list[bytes]:
        """The opening, one block for each piece, and the closing."""
        found = route(self.path, {"model": "m", "stream": True})
        assert found is not None
        return list(self.format.stream(script, found.asked))

    def opening(self) -> bytes:
        return self.blocks(Script())[0]

    def pieces(self, *pieces: Piece) -> list[bytes]:
        """The blocks of some pieces, without opening and closing."""
        return self.blocks(Script(pieces=pieces))[1:-1]

    def closing(self, *pieces: Piece) -> bytes:
        """What ends an answer of these pieces."""
        return self.blocks(Script(pieces=pieces))[-1]

    def without_terminator(self, closing: bytes) -> bytes:
        """The closing with its finish reason but without the event behind it that some dialects have."""
        return closing.partition(b"data: [DONE]")[0].partition(b"event: message_stop")[0]

    def whole(self, script: Script) -> bytes:
        """The blocking answer."""
        found = route(self.path, {"model": "m", "stream": True})
        assert found is not None
        return msgspec.json.encode(self.format.whole(script, found.asked))


WIRES = {
    wire.provider: wire
    for wire in (
        Wire("openai", "/v1", "/v1/chat/completions"),
        Wire("openai-responses", "/v1", "/v1/responses"),
        Wire("anthropic", "", "/v1/messages"),
        Wire("gemini", "", "/v1beta/models/m:streamGenerateContent?alt=sse"),
        Wire("ollama", "", "/api/chat"),
    )
}

End = Literal["keep", "close", "reset", "hang", "repeat"]


class Reply(NamedTuple):
    """Bytes for one request, the HTTP head included, each piece a write of its own; and what comes then.

    `keep` leaves the connection open for the next request, `close` and `reset` end it, `hang` says nothing
    more, `repeat` sends the last piece again and again.
    """

    pieces: Iterable[bytes]
    end: End = "keep"


def head(status: int = 200, **fields: str) -> bytes:
    """An HTTP head; underscores in the names of fields stand for hyphens."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def sized(body: bytes, *, status: int = 200, content_type: str = "application/json", **fields: str) -> Reply:
    """A whole answer with its length."""
    fields = {"content_type": content_type, "content_length": str(len(body)), **fields}
    return Reply((head(status, **fields) + body,))


def chunk(block: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(block), block) if block else b""


def chunked(wire: Wire, blocks: Iterable[bytes], *, end: End | None = None, **fields: str) -> Reply:
    """A streamed body, each block an HTTP chunk; it ends well unless `end` says how else."""
    fields = {"content_type": wire.format.content_type, "transfer_encoding": "chunked", **fields}
    last = [b"0\r\n\r\n"] if end is None else []
    return Reply(itertools.chain((head(**fields),), map(chunk, blocks), last), end or "keep")


def until_close(wire: Wire, blocks: Iterable[bytes], *, end: End = "close", **fields: str) -> Reply:
    """A streamed body without length or chunks, which ends with the connection."""
    fields = {"content_type": wire.format.content_type, "connection": "close", **fields}
    return Reply(itertools.chain((head(**fields),), blocks), end)


class Server:
    """Gives each request the next of `replies`, the last one again and again; counts what it saw."""

    def __init__(self, replies: Callable[[str], Sequence[Reply]]) -> None:
        self._replies = replies
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.requests = 0
        self.connections = 0
        self.url = ""

    @property
    def open(self) -> int:
        return len(self._talks)

    async def quiet(self) -> None:
        """Return when all clients are gone, also one that was let in only just now."""
        while self._talks:
            await asyncio.wait(self._talks)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._talks.values():
            writer.transport.abort()
        await self.quiet()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._talks[task] = writer
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while await self._answer(reader, writer):
                    pass
        finally:
            del self._talks[task]
            writer.transport.abort()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer a client that wants TLS, as a server does that has none."""
        if self._replies(self.url)[0].end == "hang":
            await reader.read()
        else:
            writer.write(head(400, connection="close"))
        return False

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if await reader.readexactly(1) == HANDSHAKE:
            return await self._greet(reader, writer)
        request = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = request.partition(b"content-length:")[2].split(b"\r\n")[0]
        await reader.readexactly(int(length or b"0"))
        replies = self._replies(self.url)
        reply = replies[min(self.requests, len(replies) - 1)]
        self.requests += 1
        piece = b""
        for piece in reply.pieces:
            writer.write(piece)
            await writer.drain()
        match reply.end:
            case "hang":
                await reader.read()
            case "repeat":
                while not reader.at_eof():
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(PAUSE)
            case "reset":
                linger = writer.get_extra_info("socket")
                linger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
        return reply.end == "keep"

"""A loopback HTTP/1.1 server that answers as the providers do: streams, blocking answers, and their failures.

It runs on the caller's loop and starts no thread. What it answers is a `Script` (or recorded bytes, `Raw`);
how that is written and when, `wire_plan` says. Here are only sockets, HTTP and waiting. It serves the `demo`
provider and users' tests; it is no server for a network: no TLS, no authentication, 127.0.0.1 alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import itertools
import socket
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self, assert_never

import msgspec

from streamcell.core.script import Answer, Raw, Script
from streamcell.io.wire_plan import Drop, Hang, Plan, Send, Step, plan

Choose = Callable[[str, Mapping[str, str], dict[str, Any]], Answer]
"""Called with the path (and query), the lower-case headers and the JSON body of each request."""

_BLOCK = 64 * 1024
_HEAD_LIMIT = 256 * 1024
_BACKLOG = 4096
"""Clients that may knock at once; the kernel resets those beyond it, which would look like a fault."""
_PASSES = 8
"""Turns of the loop from a client that was accepted to one that is known: asyncio takes three or four."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Received(msgspec.Struct, frozen=True):
    """One request as it came; `connection` counts the connections of the server from 0."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    connection: int


def in_turn(*answers: Answer) -> Choose:
    """Each request gets the next of `answers`; the last one stays."""
    remaining = itertools.chain(answers, itertools.repeat(answers[-1]))
    return lambda _path, _headers, _body: next(remaining)


class WireServer:
    """A server for the duration of an `async with`; `base_url` is its root, without `/v1`.

    `answer` is one answer for everybody, a sequence of answers for successive requests, or a function of the
    request. All methods belong to the loop it was started on.
    """

    def __init__(self, answer: Answer | Sequence[Answer] | Choose) -> None:
        self._choose = _chooser(answer)
        self._numbers = itertools.count()
        self._connections: dict[int, asyncio.StreamWriter] = {}
        self._closed: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._received: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._server: asyncio.Server | None = None
        self._port = 0
        self.requests: list[Received] = []

    @property
    def base_url(self) -> str:
        """The server's root; OpenAI's clients take it with `/v1` or without."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def open_connections(self) -> int:
        """How many clients are connected now."""
        return len(self._connections)

    async def closed(self, connection: int) -> None:
        """Return when that connection (counted from 0, in order of arrival) has come and gone."""
        await self._closed[connection].wait()

    async def received(self, count: int) -> None:
        """Return when that many requests have come."""
        await self._received[count].wait()

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, limit=_HEAD_LIMIT, backlog=_BACKLOG
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, drop every client and wait until nothing is left."""
        server = self._server
        if server is None:
            return
        try:
            await self._accept_no_more(server)
        finally:  # a cancel may hurry it
            self._server = None
            server.close()
            for writer in self._connections.values():
                writer.transport.abort()
        for number in tuple(self._connections):
            await self.closed(number)
        await server.wait_closed()

    async def _accept_no_more(self, server: asyncio.Server) -> None:
        """Let the clients come here that asyncio has accepted: the server's `close` would lose them."""
        with contextlib.suppress(NotImplementedError):  # Windows
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(_PASSES):
            await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or not self._server.is_serving():
            writer.transport.abort()
            return
        number = next(self._numbers)
        self._connections[number] = writer
        try:
            # Python 3.11 logs a connection's task that was cancelled as a failure; it ends here in any case.
            with contextlib.suppress(asyncio.CancelledError):
                await self._converse(number, reader, writer)
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            del self._connections[number]
            self._closed[number].set()

    async def _converse(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Read requests while another task answers them, so that a client that leaves is noticed at once."""
        waiting: asyncio.Queue[Received] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            answering = group.create_task(self._answer_each(waiting, writer))
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    request = await _read_request(reader, number)
                    self.requests.append(request)
                    self._received[len(self.requests)].set()
                    waiting.put_nowait(request)
            answering.cancel()

    async def _answer_each(self, waiting: asyncio.Queue[Received], writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            lasting = True
            while lasting:
                request = await waiting.get()
                answer = self._choose(request.path, request.headers, request.body)
                whole = await _send(plan(answer, request.path, request.body), writer)
                lasting = whole and request.headers.get("connection", "").lower() != "close"
        writer.close()


def _chooser(answer: Answer | Sequence[Answer] | Choose) -> Choose:
    if isinstance(answer, Script | Raw):
        return in_turn(answer)
    if isinstance(answer, Sequence):
        return in_turn(*answer)
    return answer


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Received:
    """The next request; raises `IncompleteReadError` when the client has closed."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    method, path, *_ = head.split("\r\n", 1)[0].split(" ")
    fields = (field.partition(":") for field in head.split("\r\n")[1:] if field)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, _object(body), connection)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return bytes(body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}


async def _send(answer: Plan, writer: asyncio.StreamWriter) -> bool:
    """Send one answer; False when the connection must not be used again."""
    if answer.status is not None:
        writer.write(_head(answer.status, answer.headers))
    whole = await _send_steps(answer.steps, writer)
    if whole:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return whole


async def _send_steps(steps: Iterator[Step], writer: asyncio.StreamWriter) -> bool:
    """Send what is due by the schedule of the whole answer: late pieces go out together and do not drift."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    ready = bytearray()
    for step in steps:
        match step:
            case Send(due, data):
                wait = started + due - loop.time()
                if wait > 0 or len(ready) >= _BLOCK:
                    await _flush(ready, writer)
                    await asyncio.sleep(max(0.0, wait))
                ready += _chunk(data)
            case Hang():
                await _flush(ready, writer)
                await asyncio.Event().wait()
            case Drop(reset):
                await _flush(ready, writer)
                if reset:
                    _reset(writer)
                return False
            case _:
                assert_never(step)
    await _flush(ready, writer)
    return True


async def _flush(ready: bytearray, writer: asyncio.StreamWriter) -> None:
    if ready:
        writer.write(bytes(ready))
        ready.clear()
    await writer.drain()


def _chunk(data: bytes) -> bytes:
    """`data` as an HTTP chunk; an empty one would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST: a linger time of zero makes the kernel drop the connection instead of ending it."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    try:
        reason = http.HTTPStatus(status).phrase
    except ValueError:
        reason = "Overloaded"
    fields = {**headers, "transfer-encoding": "chunked"}
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")

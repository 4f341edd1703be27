"""A provider whose wire is the events themselves, one JSON line each, and links that play it from a list.

With them a test of `run` says in events what the network brings, in which blocks, and where it stops.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from streamcell.errors import ProtocolError, from_info
from streamcell.events import ErrorInfo, Event, Finished
from streamcell.io.cooldown import Cooldowns
from streamcell.io.retry import Policy
from streamcell.messages import Message, Request, TextPart
from streamcell.providers import failures
from streamcell.providers.contract import Call, Facts
from streamcell.run import Run, Timeouts
from streamcell.testing import VirtualClock

PING = b"{}\n"
DONE = b'"done"\n'
LINE = msgspec.json.Decoder(Event)
REQUEST = Request(provider="lines", model="m", messages=(Message("user", (TextPart("Hi"),)),))


def line(*events: Event | ErrorInfo) -> bytes:
    """One block of the wire: the events, or an error in their place."""
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


class Silence:
    """In place of a block: from here on nothing comes."""


class Lines:
    """The provider. `tail` is what its decoder still says at the end of a body."""

    def __init__(self, *tail: Event) -> None:
        self.facts = Facts(name="lines", default_model="m", framing="ndjson")
        self._tail = tail

    def encode(self, request: Request) -> Call:
        return Call("/lines", {"stream": request.stream})

    def decoder(self, _request: Request) -> LineDecoder:
        return LineDecoder(self._tail)

    def decode_whole(self, _request: Request, body: bytes) -> list[Event]:
        return [LINE.decode(text) for text in body.splitlines()]

    decode_error = staticmethod(failures.of_status)


class LineDecoder:
    def __init__(self, tail: tuple[Event, ...]) -> None:
        self._tail = tail
        self._end: Finished | None = None
        self.complete = False

    @property
    def finished(self) -> bool:
        return self._end is not None

    def feed(self, payload: Any) -> list[Event]:
        if payload.data in (PING.strip(), DONE.strip()):
            self.complete = payload.data == DONE.strip()
            return []
        if b'"kind"' in payload.data and b'"type"' not in payload.data:
            raise from_info(msgspec.json.decode(payload.data, type=ErrorInfo))
        try:
            event = LINE.decode(payload.data)
        except msgspec.DecodeError:
            return []
        if isinstance(event, Finished):
            self._end = event
            return []
        return [event]

    def close(self):
        yield from self._tail
        if self._end is None:
            raise ProtocolError("the body ended early", kind="truncated", retryable=True)
        yield self._end


class Body:
    """An answer of these blocks; a `Silence` among them never ends, an exception is raised in its place."""

    def __init__(self, *blocks: Any, status: int = 200, **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._blocks = blocks

    async def blocks(self):
        for block in self._blocks:
            await asyncio.sleep(0)
            if isinstance(block, Silence):
                await asyncio.Event().wait()
            if isinstance(block, BaseException):
                raise block
            yield block

    async def read(self, limit: int) -> bytes:
        body = b"".join([block async for block in self.blocks()])
        assert len(body) <= limit
        return body


class Played:
    """A link that gives each attempt the next of `answers` (a `Body`, a `Silence` or an exception)."""

    account = "played"

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []
        self.connect_limits: list[float] = []
        self.open_now = 0

    @asynccontextmanager
    async def open(self, call: Call, *, connect: float):
        self.calls.append(call)
        self.connect_limits.append(connect)
        answer = self.answers.pop(0)
        self.open_now += 1
        try:
            if isinstance(answer, Silence):
                await asyncio.Event().wait()
            if isinstance(answer, BaseException):
                raise answer
            yield answer
        finally:
            self.open_now -= 1


def run_of(link: Played, *tail: Event, stream: bool = True, retries: int = 2, **options: Any) -> Run:
    """A run over `link` that waits on a virtual clock and without jitter."""
    return Run(
        Lines(*tail),
        msgspec.structs.replace(REQUEST, stream=stream),
        link,
        clock=options.pop("clock", None) or VirtualClock(),
        policy=Policy(retries=retries),
        chance=lambda: 0.0,
        cooldowns=Cooldowns(),
        **options,
    )


def timeouts(**seconds: float) -> dict[str, Timeouts]:
    return {"timeouts": Timeouts(**seconds)}

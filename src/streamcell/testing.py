"""For users' tests: a stream without a model, a scripted provider over a real wire, a clock that never waits.

Nothing here needs a key or a network. `WireServer` answers as the providers do, on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from typing import TYPE_CHECKING, Self

import msgspec

from streamcell.core.script import (
    Fault,
    Raw,
    Script,
    refusal_pieces,
    text_pieces,
    thinking_pieces,
    tool_pieces,
)
from streamcell.io.wire_server import Received, in_turn
from streamcell.io.wire_server import WireServer as _WireServer
from streamcell.messages import StreamChunk
from streamcell.providers.contract import Facts
from streamcell.providers.demo import Scripted
from streamcell.providers.openai import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from streamcell.core.script import Answer
    from streamcell.providers.openai import ChatCompletions

__all__ = [
    "Fault",
    "MockStream",
    "Raw",
    "Received",
    "Script",
    "ScriptedProvider",
    "VirtualClock",
    "WireServer",
    "create_mock_stream",
    "in_turn",
    "refusal_pieces",
    "text_pieces",
    "thinking_pieces",
    "tool_pieces",
]


_PASSES = 5


class MockStream(msgspec.Struct, frozen=True):
    """A text in chunks, for `for` and for `async for`, as often as wanted."""

    text: str
    chunk_size: int
    delay: float

    def __iter__(self) -> Iterator[StreamChunk]:
        for chunk in self._chunks():
            if self.delay:
                time.sleep(self.delay)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[StreamChunk]:
        for chunk in self._chunks():
            await asyncio.sleep(self.delay)
            yield chunk

    def _chunks(self) -> Iterator[StreamChunk]:
        for start in range(0, len(self.text), self.chunk_size):
            piece = self.text[start : start + self.chunk_size]
            yield StreamChunk(piece, token=piece, timestamp=time.time())
        yield StreamChunk("", is_final=True, timestamp=time.time())


def create_mock_stream(text: str, chunk_size: int = 5, delay: float = 0.0) -> MockStream:
    """A stream of `text` in `StreamChunk`s of `chunk_size` characters; the last is empty and `is_final`.

    `delay` is waited before each chunk, in seconds. Raises `ValueError` for a `chunk_size` below 1.
    """
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1 character, not {chunk_size}")
    return MockStream(text, chunk_size, delay)


class WireServer(_WireServer):
    """A scripted server, for `async with` on the running loop, and for `with` in synchronous tests.

    `with` runs it on a loop in a thread of its own: the test's thread is blocked in the call it tests, or has
    a loop that runs, as in a notebook, so the server cannot live there.
    """

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="streamcell-wire-server")
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class ScriptedProvider:
    """A provider that answers from scripts, over a real loopback connection, for the duration of a `with`.

    Each answer is a text, a `Script` or `Raw`; successive requests get successive ones, the last one stays.
    `provider` is what the engine takes; `base_url` also serves any client of OpenAI's Chat Completions.
    """

    def __init__(self, *answers: str | Answer, name: str = "scripted") -> None:
        given = answers or ("This is a scripted answer.",)
        self._name = name
        self.server = WireServer(
            [Script.of(answer) if isinstance(answer, str) else answer for answer in given]
        )

    @property
    def base_url(self) -> str:
        """The base URL with `/v1`, as OpenAI's clients take it."""
        return f"{self.server.base_url}/v1"

    @property
    def provider(self) -> ChatCompletions:
        """The `Provider` for this server; valid once the block was entered."""
        facts = Facts(
            name=self._name,
            default_model="scripted",
            base_url=self.base_url,
            scripted=True,
            parameters=PARAMETERS,
        )
        return Scripted(facts)

    @property
    def requests(self) -> list[Received]:
        """The requests received so far."""
        return self.server.requests

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()


class VirtualClock:
    """A clock whose `sleep` moves time instead of waiting; an `io.clock.Clock`, for one loop.

    Sleepers wake one by one in the order of their times, with a few passes of the loop between two of them
    for what others do without sleeping. With `manual=True` time stands still until `advance`: for
    tests in which something real, such as a server's answer, must happen before a timeout does.
    """

    def __init__(self, start: float = 1_767_225_600.0, *, manual: bool = False) -> None:
        self._start = start
        self._now = 0.0
        self._manual = manual
        self._running = False
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self._now

    def time(self) -> float:
        return self._start + self._now

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self._now + max(0.0, seconds), next(self._order), woken))
        if not (self._manual or self._running):
            self._running = True
            loop.call_soon(self._run, loop, _PASSES)
        await woken

    async def advance(self, seconds: float) -> None:
        """Move time by `seconds`; return when all who slept until then have run."""
        end = self._now + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            self._wake_next()
            for _ in range(_PASSES):
                await asyncio.sleep(0)
        self._now = end

    def _run(self, loop: asyncio.AbstractEventLoop, passes: int) -> None:
        if passes == 0:
            self._wake_next()
            passes = _PASSES
        self._running = bool(self._sleepers)
        if self._running:
            loop.call_soon(self._run, loop, passes - 1)

    def _wake_next(self) -> None:
        """Wake the first sleeper; one that was cancelled is passed over and moves no time."""
        due, _, woken = heapq.heappop(self._sleepers)
        if not woken.done():
            self._now = max(self._now, due)
            woken.set_result(None)

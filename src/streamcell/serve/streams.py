"""The streams of a server by their ids: the running ones, and the finished ones for a while.

Belongs to one loop. Whoever holds another token does not find a stream, whatever its id. Streams of other
processes are found in the book, if they keep one.
"""

from __future__ import annotations

import asyncio
import functools
import secrets
from collections.abc import Generator
from contextlib import contextmanager

from streamcell.core.prompt import Prompt
from streamcell.io.clock import Clock
from streamcell.options import Options
from streamcell.serve.book import Book, PrivateBook
from streamcell.serve.event_stream import Leaving
from streamcell.serve.feed import begin, end
from streamcell.serve.held import Held, Readable
from streamcell.serve.limits import Limits
from streamcell.serve.models import Models
from streamcell.serve.refusals import refused

_ID_BYTES = 24


class Streams:
    """Opens, finds and forgets streams, within `limits`; `book` is the one that several processes keep."""

    def __init__(
        self,
        models: Models,
        *,
        limits: Limits,
        clock: Clock,
        on_leave: Leaving = "go_on",
        book: Book | None = None,
    ) -> None:
        self.models = models
        self._book = book or PrivateBook(limits, clock=clock)
        self._limits = limits
        self._on_leave = on_leave
        self._clock = clock
        self._held: dict[str, Held] = {}

    async def open(self) -> None:
        """Begin to know of other processes."""
        await self._book.open(self._held)

    async def start(self, said: Prompt, model: str | None, options: Options, owner: str) -> Held:
        """Ask, and hold the stream under a new id; raises the refusal (400, 404, 429, 503)."""
        name = self.models.chosen(model)
        stream = self.models.stream(said, name, options)
        self._forget()
        held = Held(secrets.token_urlsafe(_ID_BYTES), owner, name, stream)
        await self._book.enter(held, running=self.running(owner))
        self._held[held.id] = held
        stream.ledger.watch(begun=_nothing, finished=functools.partial(self._ended, held))
        begin(stream)
        return held

    async def find(self, identity: str, owner: str) -> Readable:
        """The stream of this id; raises the refusal (404) when this caller has none, and 503."""
        self._forget()
        held = self._held.get(identity) or await self._book.find(identity)
        if held is None or held.owner != owner:
            kept = f"{self._limits.kept_seconds:g} s"
            raise refused(404, f"there is no such stream; a finished one is kept for {kept}")
        return held

    @contextmanager
    def reading(self, read: Readable) -> Generator[None]:
        """For as long as somebody reads the stream; the last one to leave it may stop it."""
        held = self._held.get(read.id)
        if held is None:
            yield
            return
        held.readers += 1
        try:
            yield
        finally:
            held.readers -= 1
            if self._on_leave == "stop" and not held.readers:
                held.stream.cancel()

    def running(self, owner: str | None = None) -> int:
        """How many have not ended, those of `owner` or all."""
        return sum(held.ended is None and owner in (None, held.owner) for held in self._held.values())

    async def close(self) -> None:
        """Stop everything that runs, and close the connections."""
        await asyncio.gather(*(end(held.stream) for held in self._held.values()))
        await self._book.close()
        await self.models.aclose()

    def _ended(self, held: Held, _response: object) -> None:
        held.ended = self._clock.monotonic()

    def _forget(self) -> None:
        now = self._clock.monotonic()
        ended = sorted(
            (held for held in self._held.values() if held.ended is not None),
            key=lambda held: held.ended or 0.0,
        )
        surplus = len(ended) - self._limits.kept
        for place, held in enumerate(ended):
            if place < surplus or now - (held.ended or 0.0) > self._limits.kept_seconds:
                del self._held[held.id]
                self._book.forget(held.id)


def _nothing(_response: object) -> None:
    pass

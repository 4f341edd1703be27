"""Reads what other workers write: one connection for all streams that somebody here reads.

A mirror is read for as long as somebody holds it. What ends a stream whose worker is gone is decided here,
by whichever worker notices first; all others then read the same end.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from streamcell.core.log import Log
from streamcell.errors import TransportError
from streamcell.events import ErrorInfo, Event, Finished
from streamcell.io.clock import Clock
from streamcell.serve import feed
from streamcell.serve.feed import Numbered
from streamcell.serve.refusals import refused
from streamcell.serve.shared.entries import GONE, Entry, Facts, Write
from streamcell.serve.shared.scribe import AGAIN
from streamcell.serve.shared.store import START, Store

CHECK: Final = 1.0
"""Seconds between two looks at the other workers."""
GRACE: Final = 2.0
"""Seconds for which a worker has to be missed: when Redis itself was away, all of them are at first."""


class Mirror:
    """What this worker has read of a stream that another one runs; `lost` says why it can read no more."""

    def __init__(self, identity: str, facts: Facts, tail: Tail) -> None:
        self.id = identity
        self.facts = facts
        self.events: Log[Event] = Log()
        self.lost: ErrorInfo | None = None
        self._tail = tail

    @property
    def owner(self) -> str:
        return self.facts.owner

    @property
    def model(self) -> str:
        return self.facts.model

    @property
    def finished(self) -> bool:
        return self.events.closed

    def is_whole_at(self, number: int) -> bool:
        return self.finished and number + 1 == self.events.next

    async def follow(self, *, after: int = -1, beat: float | None) -> AsyncGenerator[list[Numbered]]:
        """The events behind number `after`, as they come; at last the reason without a number, if it is lost.

        A reader may have heard more from the worker that is gone than that had written: such a one is told
        the end without a number, too.
        """
        async with aclosing(feed.news(self.events, after=after, beat=beat)) as news:
            async for events in news:
                yield events
        if self.lost is not None:
            yield [Numbered(None, Finished("error", self.lost))]
        elif after >= self.events.next:
            yield [Numbered(None, self.events.items[-1])]

    async def stop(self) -> str | None:
        """Have the run stopped; why it ended. Raises the refusal (503) when that cannot be known."""
        if not self.finished:
            await self._tail.ask_to_stop(self)
        async with aclosing(feed.news(self.events, after=-1, beat=None)) as news:
            async for events in news:
                if isinstance(end := events[-1].event, Finished):
                    return end.reason
        assert self.lost is not None  # noqa: S101 - what else would have closed it
        raise refused(503, self.lost.message)

    def take(self, entry: Entry) -> None:
        """Note what was written; what is known already is passed by, after a gap the rest is lost."""
        if self.finished:
            return
        known = self.events.next - entry.first
        if known < 0:
            self.lose(ErrorInfo("protocol", "a part of the stream was lost; resume it", retryable=True))
        elif known < len(entry.events):
            self.events.extend(entry.events[known:])
            if entry.last:
                self.events.close()

    def lose(self, reason: ErrorInfo) -> None:
        """Tell all who read it here."""
        if not self.finished:
            self.lost = reason
            self.events.close()


class Tail:
    """Finds and reads the streams of the others, and hears what they ask of this worker."""

    def __init__(self, store: Store, *, worker: str, clock: Clock, stop: Callable[[str], None]) -> None:
        self._store = store
        self._worker = worker
        self._clock = clock
        self._stop = stop
        self._mirrors: weakref.WeakValueDictionary[str, Mirror] = weakref.WeakValueDictionary()
        self._place = START
        self._checked = clock.monotonic()
        self._missed: dict[str, float] = {}

    async def find(self, identity: str) -> Mirror | None:
        """The stream as far as it is written, and as it grows; raises `TransportError`."""
        mirror = self._mirrors.get(identity)
        if mirror is not None and mirror.lost is None:
            return mirror
        found = await self._store.read(identity)
        if found is None:
            return None
        facts, entries = found
        mirror = Mirror(identity, facts, self)
        for entry in entries:
            mirror.take(entry)
        if not mirror.finished:
            mirror = self._known(mirror)
            await self._store.ask(self._worker, look="")
        return mirror

    async def ask_to_stop(self, mirror: Mirror) -> None:
        """Tell the worker that runs it; raises the refusal (503)."""
        try:
            await self._store.ask(mirror.facts.worker, stop=mirror.id)
        except TransportError as error:
            raise refused(503, str(error)) from None

    async def run(self) -> None:
        """Read for ever."""
        while True:
            try:
                await self.read()
                if self._clock.monotonic() - self._checked >= CHECK:
                    await self.check()
            except TransportError as error:
                self._missed.clear()
                for mirror in self._running():
                    mirror.lose(error.info())
                await self._clock.sleep(AGAIN)

    async def read(self) -> None:
        """One round: wait for news of any stream, and hand them on."""
        reached = {mirror.id: mirror.events.next for mirror in self._running()}
        news = await self._store.news(reached, worker=self._worker, place=self._place, seconds=CHECK)
        self._place = news.place
        for identity, entries in news.entries.items():
            if mirror := self._mirrors.get(identity):
                for entry in entries:
                    mirror.take(entry)
        for identity in news.stops:
            self._stop(identity)

    async def check(self) -> None:
        """End the streams whose worker is gone, and give up those that are kept no more."""
        self._checked = now = self._clock.monotonic()
        running = self._running()
        workers = {mirror.facts.worker for mirror in running}
        missing = workers - await self._store.alive(workers)
        kept = await self._store.kept({mirror.id for mirror in running})
        self._missed = {worker: self._missed.get(worker, now) for worker in missing}
        gone = {worker for worker, since in self._missed.items() if now - since >= GRACE}
        for mirror in running:
            if mirror.id not in kept:
                mirror.lose(ErrorInfo("not_found", "the stream is not kept any more"))
        await self._store.append(
            # Refused, and rightly so, if the log has grown meanwhile or another worker was faster.
            Write(mirror.id, Entry(mirror.events.next, [GONE]), mirror.facts)
            for mirror in running
            if mirror.facts.worker in gone
        )

    def _running(self) -> list[Mirror]:
        return [mirror for mirror in self._mirrors.values() if not mirror.finished]

    def _known(self, mirror: Mirror) -> Mirror:
        """The one of this stream that all readers here share."""
        known = self._mirrors.get(mirror.id)
        if known is None or known.finished:
            self._mirrors[mirror.id] = known = mirror
        return known

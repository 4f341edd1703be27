"""Writes the logs of this worker's own streams where the others read them.

One task for all streams, one round trip at a time: what comes meanwhile goes with the next. The truth is the
log in memory. After every doubt (no answer, a refusal) Redis is asked how far it has got, so that nothing is
written twice or left out, even when it has lost everything in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from streamcell.core.log import Log
from streamcell.errors import TransportError
from streamcell.events import Event
from streamcell.io.clock import Clock
from streamcell.io.cursor import Cursor
from streamcell.serve.shared.entries import Entry, Facts, Write
from streamcell.serve.shared.store import Store

log = logging.getLogger("streamcell")

PACE = 0.02
"""Seconds between two round trips: fifty a second, whatever the tokens and the streams."""
AGAIN = 0.5
"""Seconds until Redis is asked again."""
_MOST = 512
"""Events in one entry."""


@dataclass(eq=False)
class Page:
    """A stream and how much of it is written; not `sure`: that is to be asked."""

    identity: str
    facts: Facts
    cursor: Cursor[Event]
    close: Callable[[], None]
    sure: bool = True

    @property
    def due(self) -> bool:
        return self.cursor.behind > 0 or not self.sure


class Scribe:
    """Writes every page that was opened to its end. Belongs to one loop, which also appends to the logs."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._pages: dict[str, Page] = {}
        self._news = asyncio.Event()

    def open(self, identity: str, facts: Facts, events: Log[Event]) -> None:
        """Write what comes in `events`, behind the facts, which are written already."""
        page = Page(identity, facts, Cursor(events), events.watch(self._news.set))
        self._pages[identity] = page
        self._news.set()

    def forget(self, identity: str) -> None:
        """Write no more of this stream."""
        page = self._pages.pop(identity, None)
        if page is not None:
            page.close()

    @property
    def writing(self) -> list[str]:
        """The streams that are not written to their end."""
        return list(self._pages)

    async def run(self) -> None:
        """Write for ever."""
        away = False
        while True:
            await self._news.wait()
            try:
                done = await self.write()
            except TransportError as error:
                if not away:
                    log.warning("%s; what runs goes on, and is written when it answers", error)
                away, done = True, False
            else:
                away = False
            await self._clock.sleep(PACE if done else AGAIN)

    async def finish(self) -> None:
        """Write what is left, once `run` has ended; raises `TransportError`."""
        while any(page.due for page in self._pages.values()):
            if not await self.write():
                await self._clock.sleep(PACE)

    async def write(self) -> bool:
        """One round: what is due, of all streams; False when some of it was refused."""
        self._news.clear()
        try:
            await self._make_sure()
            return await self._write_due()
        finally:
            if any(page.due for page in self._pages.values()):
                self._news.set()

    async def _write_due(self) -> bool:
        pages = [page for page in self._pages.values() if page.cursor.behind]
        writes = []
        for page in pages:
            entry = Entry(page.cursor.position, page.cursor.take(_MOST))
            writes.append(Write(page.identity, entry, page.facts))
            page.sure = False
        written = await self._store.append(writes)
        for page, write, taken in zip(pages, writes, written, strict=True):
            page.sure = taken
            if taken and write.entry.last:
                self.forget(page.identity)
        return all(written)

    async def _make_sure(self) -> None:
        for page in [page for page in self._pages.values() if not page.sure]:
            end = await self._store.end_of(page.identity)
            if end is None:
                await self._store.begin(page.identity, page.facts)
                end = Entry(0, ())
            page.cursor.position = end.first + len(end.events)
            page.sure = True
            if end.last:
                self._close(page)

    def _close(self, page: Page) -> None:
        """The log has its end: the reply to our own write was lost, or we were taken for dead."""
        if page.cursor.position != page.cursor.log.next:
            log.warning("stream %s… was ended by another worker; its readers here go on", page.identity[:6])
        self.forget(page.identity)

"""The ways in which a stream is read: chunks by the one reader the run waits for, events by a view.

Readers know a producer and a cursor of its ledger; what a stream is besides, and what it says at its end,
they are told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator

from streamcell.events import Event
from streamcell.io.cursor import Cursor
from streamcell.messages import StreamChunk
from streamcell.producer import Producer


class ChunkReader:
    """The chunks of a stream, for ``for`` or for ``async for``; left before the end, it cancels the run.

    `last` gives the final chunk, or raises what the caller is to be told.
    """

    def __init__(self, producer: Producer, last: Callable[[], StreamChunk]) -> None:
        self._producer = producer
        self._last = last
        self._over = True
        self._cursor = Cursor(producer.ledger.chunks)
        producer.follow(self._cursor)
        self._over = False

    def __iter__(self) -> ChunkReader:
        return self

    def __aiter__(self) -> ChunkReader:
        return self

    def __next__(self) -> StreamChunk:
        if self._over:
            raise StopIteration
        try:
            if self._cursor.waiting:
                self._producer.check_may_block()
                self._cursor.wait()
            return self._take()
        except BaseException:
            # At once and not with the last reference: the traceback keeps this reader alive.
            self.close()
            raise

    async def __anext__(self) -> StreamChunk:
        if self._over:
            raise StopAsyncIteration
        try:
            if self._cursor.waiting:
                await self._cursor.more()
            return self._take()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Read no further; a run that is not at its end is cancelled."""
        if not self._over:
            self._over = True
            self._producer.leave(self._cursor)

    def _take(self) -> StreamChunk:
        if self._producer.gave_up:
            self._last()  # who reads too slowly is told now, not after everything that waits to be read
        for chunk in self._cursor.take(1):
            self._producer.advance(self._cursor)
            return chunk
        self._over = True
        return self._last()

    def __del__(self) -> None:
        self.close()


class EventReader:
    """The events of a stream, for ``for`` and ``async for``: a view, which cancels nothing and never raises.

    With ``keep=False`` it is the stream's one reader, and the run waits for it as long as it reads.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def __iter__(self) -> Generator[Event, None, None]:
        self._producer.check_may_block()
        cursor = self._open()
        self._producer.start_in_portal()
        try:
            while cursor.wait():
                yield from self._take(cursor)
        finally:
            self._close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        cursor = self._open()
        self._producer.start_here()
        try:
            while await cursor.more():
                for event in self._take(cursor):
                    yield event
        finally:
            self._close()

    def _open(self) -> Cursor[Event]:
        cursor = Cursor(self._producer.ledger.events)
        if self._producer.ledger.keep:
            self._producer.release()
        else:
            self._producer.follow(cursor)
        return cursor

    def _take(self, cursor: Cursor[Event]) -> list[Event]:
        events = cursor.take(1)
        self._producer.advance(cursor)
        return events

    def _close(self) -> None:
        self._producer.release()

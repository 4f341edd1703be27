"""The numbered events of a stream for a reader elsewhere: from where it stands, with a beat in silence.

A feed is a view: it never holds up the run, and leaving it cancels nothing. It knows no wire format.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from typing import NamedTuple

from streamcell.core.log import Log
from streamcell.errors import UsageError
from streamcell.events import Event
from streamcell.handle import Stream
from streamcell.io.cursor import Cursor

_MOST = 256
"""Events handed over at once; a reader that comes late gets the past in pieces."""


class Numbered(NamedTuple):
    """An event and its number in the log of its run; None for what is said of the log and is not in it."""

    number: int | None
    event: Event


def follow(stream: Stream, *, after: int = -1, beat: float | None) -> AsyncGenerator[list[Numbered]]:
    """Begin the run on the running loop; its `news`. Raises nothing that the run says."""
    begin(stream)
    return news(stream.ledger.events, after=after, beat=beat)


async def news(log: Log[Event], *, after: int, beat: float | None) -> AsyncGenerator[list[Numbered]]:
    """The events of `log` behind number `after`, as they come, on the running loop.

    An empty list after every `beat` seconds without an event; never, if that is None.
    """
    cursor = Cursor(log, position=after + 1)
    more = True
    while more:
        try:
            async with asyncio.timeout(beat):
                more = await cursor.more()
        except TimeoutError:
            yield []
        else:
            if more:
                yield _taken(cursor)


def follow_here(stream: Stream, *, after: int = -1, beat: float | None) -> Generator[list[Numbered]]:
    """The same for a thread without a loop."""
    check_kept(stream)
    stream.start()
    cursor = Cursor(stream.ledger.events, position=after + 1)
    while True:
        if not _wait(cursor, beat):
            yield []
        elif items := _taken(cursor):
            yield items
        else:
            return


def begin(stream: Stream) -> None:
    """Send the request now, on the running loop, with no reader to wait for."""
    check_kept(stream)
    producer = stream._producer  # noqa: SLF001 - `Stream.start` begins in a thread, which no server needs
    producer.release()
    producer.start_here()


async def end(stream: Stream) -> None:
    """Stop a run that was begun here; returns when its connection is closed."""
    stream.cancel()
    await stream._producer.disconnected()  # noqa: SLF001 - as above


def check_kept(stream: Stream) -> None:
    """Raise `UsageError` for a stream whose past is lost to a reader that comes back."""
    if not stream.ledger.keep:
        raise UsageError("a stream with keep=False cannot be served: a reader could not resume; leave it out")


def _taken(cursor: Cursor[Event]) -> list[Numbered]:
    first = cursor.position
    return [Numbered(number, event) for number, event in enumerate(cursor.take(_MOST), first)]


def _wait(cursor: Cursor[Event], seconds: float | None) -> bool:
    """False when `seconds` went by and nothing came."""
    changed = threading.Event()
    unwatch = cursor.log.watch(changed.set)
    try:
        return not cursor.waiting or changed.wait(seconds)
    finally:
        unwatch()

"""The stream as users hold it: one run, read in any colour.

Nothing is sent until somebody reads. All readers are cursors of the run's logs. The one reader that iterates
the stream is *pulled*: the run waits for it, so a slow reader stops reading from the network. `await`,
`result()`, views and sinks take events as they come.

A failure is told twice: views and sinks see ``Finished("error")``, the caller gets the exception. Cancelling
is not an error. How the run is driven is `producer`'s business, how it is iterated is `readers`'.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, Literal

from streamcell.approvals import Approvals
from streamcell.core.ledger import Ledger, Sink
from streamcell.core.protocol import Decide, Figures
from streamcell.core.response import StreamingResponse
from streamcell.core.turn_usage import Pricing
from streamcell.errors import UsageError
from streamcell.events import Event
from streamcell.io.clock import Clock, SystemClock
from streamcell.io.cursor import Cursor
from streamcell.messages import Message, StreamChunk
from streamcell.producer import Producer
from streamcell.readers import ChunkReader, EventReader
from streamcell.run import Source

OnError = Literal["raise", "keep"]


class Stream:
    """One answer on its way. Methods may be called from any thread; iterating belongs to one reader.

    ``for`` and ``async for`` give `StreamChunk`s, the last one with `is_final`; `events()` gives the typed
    events; ``await`` and `result()` give the `StreamingResponse`. A second read replays the first (an error
    with ``keep=False``). Leaving the first read cancels the run.
    """

    def __init__(
        self,
        source: Source,
        *,
        prompt: tuple[Message, ...] = (),
        metadata: dict[str, Any] | None = None,
        chunk_size: int = 1,
        keep: bool = True,
        streamed: bool = True,
        on_error: OnError = "raise",
        backpressure: float | None = None,
        approvals: Approvals | None = None,
        pricing: Pricing | None = None,
        clock: Clock | None = None,
    ) -> None:
        if chunk_size < 1:
            raise UsageError(f"chunk_size must be 1 or more, not {chunk_size}")
        self._clock = clock or SystemClock()
        self._on_error = on_error
        self.approvals = approvals or Approvals()
        self.ledger = Ledger(
            prompt=prompt,
            metadata=metadata,
            chunk_size=chunk_size,
            keep=keep,
            streamed=streamed,
            pricing=pricing,
        )
        self._producer = Producer(source, self.ledger, clock=self._clock, backpressure=backpressure)

    @property
    def response(self) -> StreamingResponse:
        """The answer so far; the whole answer once the stream is finished."""
        return self.ledger.response

    @property
    def finished(self) -> bool:
        return self.ledger.closed

    def figures(self) -> Figures:
        """The status bar of this moment."""
        return self.ledger.meter.figures(self._clock.monotonic())

    def __iter__(self) -> Iterator[StreamChunk]:
        self._producer.check_may_block()
        reader = ChunkReader(self._producer, self._final_chunk)
        try:
            self._producer.start_in_portal()
        except BaseException:  # Ctrl-C, while the portal's thread starts
            reader.close()
            raise
        return reader

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        reader = ChunkReader(self._producer, self._final_chunk)
        self._producer.start_here()
        return reader

    def events(self) -> EventReader:
        """The typed events from the first on, for ``for`` and ``async for``; leaving it cancels nothing."""
        return EventReader(self._producer)

    def __await__(self) -> Generator[Any, None, StreamingResponse]:
        return self._wait().__await__()

    async def _wait(self) -> StreamingResponse:
        self._producer.release()
        self._producer.start_here()
        cursor = self._end_cursor()
        try:
            while await cursor.more():
                cursor.take()
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self._whole()

    def result(self) -> StreamingResponse:
        """Wait for the end and return the whole answer; works in a plain cell while a loop runs.

        Ctrl-C (the kernel's interrupt) stops the run.
        """
        self._producer.check_may_block()
        cursor = self._end_cursor()
        try:
            self.start()
            while cursor.wait():
                cursor.take()
        except KeyboardInterrupt:
            self.cancel()
            raise
        return self._whole()

    def start(self) -> None:
        """Send the request now, to be read later, or only watched by views and sinks."""
        self._producer.release()
        self._producer.start_in_portal()

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Call `sink` with every event, those so far included; returns the function that ends it.

        Sinks are called on the thread that reads the network (the last event of a cancelled run: on the one
        that cancels) and must not block. A sink that raises is
        reported once in the log and detached; the run goes on.
        """
        return self._producer.subscribe(sink)

    def decide(self, answer: Decide) -> bool:
        """The user's answer to an `ApprovalRequest`, from any thread; False when nothing was asked so."""
        return self.approvals.decide(answer)

    def cancel(self) -> None:
        """Stop the run, from any thread: the connection closes, what came stays in `response`."""
        self._producer.cancel()

    def _end_cursor(self) -> Cursor[Event]:
        return Cursor(self.ledger.events, position=self.ledger.events.next)

    def _whole(self) -> StreamingResponse:
        self._raise_failure()
        return self.response

    def _final_chunk(self) -> StreamChunk:
        self._raise_failure()
        return self.ledger.final_chunk(self._clock.time())

    def _raise_failure(self) -> None:
        failure = None if self._on_error == "keep" else self._producer.failure()
        if failure is not None:
            raise failure

    def __repr__(self) -> str:
        state = "finished" if self.finished else "running" if self._producer.begun else "not started"
        return f"<Stream {state}, {self.response.chunk_count} chunks>"

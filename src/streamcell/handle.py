"""The stream as users hold it: one run, read in any colour.

Nothing is sent until somebody reads. Then one task drives the run (on the caller's loop for `async` use, on
the portal's for everything else) and writes its events into a ledger. All readers are cursors of its logs.
The one reader that iterates the stream is *pulled*: the run waits for it, so a slow reader stops reading
from the network. `await`, `result()`, views and sinks take events as they come.

A failure is told twice: views and sinks see ``Finished("error")``, the caller gets the exception. Cancelling
is not an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any, Literal, TypeVar

from streamcell.core.ledger import Ledger, Sink
from streamcell.core.protocol import Figures
from streamcell.core.response import StreamingResponse
from streamcell.errors import BackpressureTimeout, StreamcellError, UsageError, from_info, interrupted
from streamcell.events import ErrorInfo, Event, Finished
from streamcell.io.clock import Clock, SystemClock
from streamcell.io.cursor import Cursor
from streamcell.io.portal import portal
from streamcell.messages import Message, StreamChunk
from streamcell.run import Source

log = logging.getLogger("streamcell")

OnError = Literal["raise", "keep"]
Item = TypeVar("Item")

WINDOW = 128
"""How many unread items a reader that iterates may be behind before the run waits for it."""


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
        clock: Clock | None = None,
    ) -> None:
        if chunk_size < 1:
            raise UsageError(f"chunk_size must be 1 or more, not {chunk_size}")
        self._source = source
        self._clock = clock or SystemClock()
        self._on_error = on_error
        self._backpressure = backpressure
        self._error: StreamcellError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._reader: Cursor[Any] | None = None
        self._drained: asyncio.Event | None = None
        self._begun = False
        self._was_read = False
        self._cancelled = False
        self.ledger = Ledger(
            prompt=prompt, metadata=metadata, chunk_size=chunk_size, keep=keep, streamed=streamed
        )

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
        cursor = self._open_reader(Cursor(self.ledger.chunks))
        self._start_in_portal()
        return self._iterate(cursor)

    def _iterate(self, cursor: Cursor[StreamChunk]) -> Generator[StreamChunk, None, None]:
        try:
            while cursor.wait():
                for chunk in cursor.take(1):
                    self._advance(cursor)
                    yield chunk
        finally:
            self._leave(cursor)
        yield self._end_of_read()

    def __aiter__(self) -> AsyncIterator[StreamChunk]:
        cursor = self._open_reader(Cursor(self.ledger.chunks))
        self._start_here()
        return _ChunkReader(self, cursor)

    def events(self) -> EventReader:
        """The typed events from the first on, for ``for`` and ``async for``; leaving it cancels nothing."""
        return EventReader(self)

    def __await__(self) -> Generator[Any, None, StreamingResponse]:
        return self._wait().__await__()

    async def _wait(self) -> StreamingResponse:
        self._release()
        self._start_here()
        cursor = Cursor(self.ledger.events, position=self.ledger.events.next)
        try:
            while await cursor.more():
                cursor.take()
        except asyncio.CancelledError:
            self.cancel()
            raise
        self._raise_failure()
        return self.response

    def result(self) -> StreamingResponse:
        """Wait for the end and return the whole answer; works in a plain cell while a loop runs.

        Ctrl-C (the kernel's interrupt) stops the run.
        """
        self.start()
        cursor = Cursor(self.ledger.events, position=self.ledger.events.next)
        try:
            while cursor.wait():
                cursor.take()
        except KeyboardInterrupt:
            self.cancel()
            raise
        self._raise_failure()
        return self.response

    def start(self) -> None:
        """Send the request now, to be read later, or only watched by views and sinks."""
        self._release()
        self._start_in_portal()

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Call `sink` with every event, those so far included; returns the function that ends it.

        Sinks are called on the thread that reads the network and must not block. A sink that raises is
        reported once in the log and detached; the run goes on.
        """
        return self.ledger.subscribe(sink)

    def cancel(self) -> None:
        """Stop the run, from any thread: the connection closes, what came stays in `response`."""
        self._cancelled = True
        if not self._begun:
            self._begun = True
            self._append([Finished("cancelled")])
        elif self._task is not None and not self.finished:
            self._on_loop(self._task.cancel)

    # The one reader that iterates

    def _open_reader(self, cursor: Cursor[Item]) -> Cursor[Item]:
        if self._was_read and not self.ledger.keep:
            raise UsageError("this stream was read already and kept nothing; use keep=True to read it twice")
        if not self._was_read:
            self._was_read = True
            self._reader = cursor
        return cursor

    def _advance(self, cursor: Cursor[Any]) -> None:
        """The reader has taken something: forget it if nothing is kept, and let a waiting run go on."""
        if cursor is not self._reader:
            return
        if self._drained is not None and cursor.behind <= WINDOW // 2:
            self._on_loop(self._drained.set)

    def _leave(self, cursor: Cursor[Any]) -> None:
        if cursor is self._reader and not self.finished:
            self.cancel()

    def _release(self) -> None:
        """Somebody wants the whole answer: the run no longer waits for the reader that iterates."""
        self._was_read = True
        self._reader = None
        if self._drained is not None:
            self._on_loop(self._drained.set)

    async def _wait_for_reader(self) -> None:
        self._drained = asyncio.Event()
        try:
            while self._reader is not None and self._reader.behind > WINDOW:
                self._drained.clear()
                async with asyncio.timeout(self._backpressure):
                    await self._drained.wait()
        except TimeoutError:
            away = f"nobody read the stream for {self._backpressure} s"
            raise BackpressureTimeout(f"{away}; read faster or raise Timeouts(backpressure=…)") from None
        finally:
            self._drained = None

    # The task that drives the run

    def _start_here(self) -> None:
        if not self._begun:
            self._begun = True
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._drive(), name="streamcell-stream")

    def _start_in_portal(self) -> None:
        if self.finished:
            return
        if portal.is_here() or (self._loop is not None and self._loop is _running_loop()):
            raise UsageError("a synchronous read would block the loop that feeds it; use await or async for")
        if not self._begun:
            self._begun = True
            portal.submit(self._drive)

    async def _drive(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self.ledger.begin(self._clock.monotonic(), self._clock.time())
        end = Finished("cancelled")
        try:
            if not self._cancelled:
                await self._source(self._deliver)
                end = Finished("unknown")
        except asyncio.CancelledError:
            log.debug("stream cancelled")
        except StreamcellError as error:
            self._error = error
            end = Finished("truncated" if error.kind == "truncated" else "error", error=error.info())
        except Exception as error:
            log.exception("a stream failed for a reason of our own")
            text = f"internal error, please report it: {type(error).__name__}: {error}"
            end = Finished("error", error=ErrorInfo("protocol", text))
        if not self.finished:
            self._append([end])

    async def _deliver(self, events: list[Event]) -> None:
        self._append(events)
        if self._reader is not None and self._reader.behind > WINDOW:
            await self._wait_for_reader()

    def _append(self, events: list[Event]) -> None:
        self.ledger.append(events, self._clock.monotonic(), self._clock.time())
        if not self.ledger.keep:
            reader = self._reader
            read = self.ledger.events if reader is None else reader.log
            self.ledger.forget(read, read.next if reader is None else reader.position)

    def _on_loop(self, function: Callable[[], object]) -> None:
        """Call `function` on the thread of the run; nothing when its loop is gone."""
        if self._loop is _running_loop():
            function()
        elif self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function)

    # The end

    def _end_of_read(self) -> StreamChunk:
        self._raise_failure()
        return self.ledger.final_chunk(self._clock.time())

    def _raise_failure(self) -> None:
        info = self.response.error
        if info is None or self._on_error == "keep":
            return
        error = self._error or from_info(info)
        raise interrupted(error, self.response) if self.ledger.shown else error

    def __repr__(self) -> str:
        state = "finished" if self.finished else "running" if self._begun else "not started"
        return f"<Stream {state}, {self.response.chunk_count} chunks>"


class _ChunkReader:
    """``async for`` over a stream; dropped before the end, it cancels the run."""

    def __init__(self, stream: Stream, cursor: Cursor[StreamChunk]) -> None:
        self._stream = stream
        self._cursor = cursor
        self._over = False

    def __aiter__(self) -> _ChunkReader:
        return self

    async def __anext__(self) -> StreamChunk:
        if self._over:
            raise StopAsyncIteration
        if self._cursor.waiting:
            await self._cursor.more()
        for chunk in self._cursor.take(1):
            self._stream._advance(self._cursor)  # noqa: SLF001 - the reader is the stream's own
            return chunk
        self._over = True
        return self._stream._end_of_read()  # noqa: SLF001

    def __del__(self) -> None:
        if not self._over:
            self._stream._leave(self._cursor)  # noqa: SLF001


class EventReader:
    """The events of a stream, for ``for`` and ``async for``: a view, which cancels nothing and never raises.

    With ``keep=False`` it is the stream's one reader, and the run waits for it.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def _open(self) -> Cursor[Event]:
        cursor = Cursor(self._stream.ledger.events)
        if not self._stream.ledger.keep:
            return self._stream._open_reader(cursor)  # noqa: SLF001
        self._stream._release()  # noqa: SLF001
        return cursor

    def __iter__(self) -> Generator[Event, None, None]:
        cursor = self._open()
        self._stream._start_in_portal()  # noqa: SLF001
        while cursor.wait():
            for event in cursor.take(1):
                self._stream._advance(cursor)  # noqa: SLF001
                yield event

    async def __aiter__(self) -> AsyncIterator[Event]:
        cursor = self._open()
        self._stream._start_here()  # noqa: SLF001
        while await cursor.more():
            for event in cursor.take(1):
                self._stream._advance(cursor)  # noqa: SLF001
                yield event


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None

"""What drives one run: the task, the ledger it writes, and the one reader it waits for.

One task a run, on the caller's loop or on the portal's. Whatever ends it (the answer, a failure, a cancel,
the end of the loop), the ledger gets its `Finished`. The module knows no chunk and no exception that a
reader sees; it hands out the failure, and who raises it is the reader's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from streamcell.core.ledger import Ledger, Sink
from streamcell.errors import BackpressureTimeout, StreamcellError, UsageError, from_info, interrupted
from streamcell.events import ErrorInfo, Event, Finished
from streamcell.io.clock import Clock
from streamcell.io.cursor import Cursor
from streamcell.io.keys import redact
from streamcell.io.portal import portal
from streamcell.run import Source

log = logging.getLogger("streamcell")

WINDOW = 128
"""How many unread items the reader that is waited for may be behind."""

_LONGEST_REASON = 300


class Producer:
    """Drives `source` once and writes what it says into `ledger`. Callable from any thread.

    `backpressure` is how many seconds the reader may take nothing at all while the run waits for it.
    """

    def __init__(self, source: Source, ledger: Ledger, *, clock: Clock, backpressure: float | None) -> None:
        self._source = source
        self._clock = clock
        self._backpressure = backpressure
        self._error: StreamcellError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._reader: Cursor[Any] | None = None
        self._drained: asyncio.Event | None = None
        self._was_read = False
        self._cancelled = False
        self._writing = False
        # Held while the run begins, is cancelled, or the ledger grows: a sink that comes meanwhile misses
        # nothing and is told nothing twice.
        self._lock = threading.RLock()
        self.begun = False
        self.gave_up = False
        """Whether the run ended because its reader stayed away."""
        self.ledger = ledger

    @property
    def finished(self) -> bool:
        return self.ledger.closed

    # Begin and end

    def start_here(self) -> None:
        """Drive the run on the running loop, unless it is driven already."""
        if self._begin():
            self._loop = asyncio.get_running_loop()
            self._task = self._loop.create_task(self._drive(), name="streamcell-stream")
            # A task that is cancelled before its first step never enters `_drive`.
            self._task.add_done_callback(lambda _: self._end(Finished("cancelled")))

    def start_in_portal(self) -> None:
        """Drive the run on the portal's loop, unless it is driven already."""
        if self._begin():
            portal.submit(self._drive)

    def check_may_block(self) -> None:
        """Raise `UsageError` where waiting for the run would keep it from going on."""
        if not self.finished and (portal.is_here() or self._is_here()):
            raise UsageError(
                "a synchronous read would block the loop that feeds it; use `async for` or `await`"
            )

    def cancel(self) -> None:
        """End the run now, whatever its loop does; the task has only its connection to close then."""
        with self._lock:
            if self._cancelled or self.finished:
                # A second cancel would interrupt the closing of the connection.
                return
            self._cancelled = True
            self._begin()
            if not self._writing:
                self._end(Finished("cancelled"))
            if self._task is not None:
                self._on_loop(self._task.cancel)

    async def disconnected(self) -> None:
        """Return when the task that drives the run on this loop is over, its connection closed."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def failure(self) -> StreamcellError | None:
        """What the caller of a finished run is to be told; None when it did not fail."""
        response = self.ledger.response
        if response.error is None:
            return None
        error = self._error or from_info(response.error)
        return interrupted(error, response) if self.ledger.shown else error

    # Readers

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        with self._lock:
            return self.ledger.subscribe(sink)

    def follow(self, cursor: Cursor[Any]) -> None:
        """The run waits for this reader, if it is the first; raises `UsageError` when nothing was kept."""
        if self._was_read and not self.ledger.keep:
            raise UsageError("this stream was read already and kept nothing; use keep=True to read it twice")
        if not self._was_read:
            self._was_read = True
            self._reader = cursor

    def advance(self, cursor: Cursor[Any]) -> None:
        """The reader has taken something: let a waiting run go on."""
        drained = self._drained
        if cursor is self._reader and drained is not None and cursor.behind <= WINDOW // 2:
            self._on_loop(drained.set)

    def leave(self, cursor: Cursor[Any]) -> None:
        """The reader is gone; if it was the one that is waited for, the run ends."""
        if cursor is self._reader and not self.finished:
            self.cancel()

    def release(self) -> None:
        """Somebody wants the whole answer, or only watches: the run waits for no reader any more."""
        self._was_read = True
        self._reader = None
        drained = self._drained
        if drained is not None:
            self._on_loop(drained.set)

    # The task

    async def _drive(self) -> None:
        with self._lock:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        end = Finished("cancelled")
        try:
            with self._lock:
                self._begin_ledger()
            if not self._cancelled:
                await self._source(self._deliver)
                end = Finished("unknown")
        except asyncio.CancelledError:
            log.debug("stream cancelled")
        except StreamcellError as error:
            # Without its traceback, which holds the frames of the whole run.
            self._error = error.with_traceback(None)
            end = Finished("truncated" if error.kind == "truncated" else "error", error=error.info())
        except Exception as error:
            log.exception("a stream failed for a reason of our own")
            reason = redact(f"{type(error).__name__}: {error}")[:_LONGEST_REASON]
            end = Finished(
                "error", error=ErrorInfo("protocol", f"internal error, please report it: {reason}")
            )
        finally:
            self._end(end)

    async def _deliver(self, events: list[Event]) -> None:
        self._append(events)
        if self._lags() and not self.finished:
            await self._wait_for_reader()

    def _append(self, events: list[Event]) -> None:
        with self._lock:
            if self.finished:
                # Cancelled: what the task still says is not part of the answer any more.
                return
            self._write(events, self._clock.monotonic(), self._clock.time())
            if self._cancelled:
                self._end(Finished("cancelled"))

    def _write(self, events: list[Event], now: float, timestamp: float) -> None:
        ledger = self.ledger
        # A sink, or a reader dropped at any allocation, may cancel in the middle of this.
        self._writing = True
        try:
            ledger.append(events, now, timestamp)
        finally:
            self._writing = False
        if not ledger.keep:
            reader = self._reader
            log_read = ledger.events if reader is None else reader.log
            ledger.forget(log_read, log_read.next if reader is None else reader.position)

    def _end(self, end: Finished) -> None:
        with self._lock:
            if self.finished:
                return
            try:
                self._begin_ledger()
                now, timestamp = self._clock.monotonic(), self._clock.time()
            except Exception:  # noqa: BLE001 - a broken clock was told already; nobody may wait for ever
                now, timestamp = self.ledger.meter.last, self.ledger.response.start_time or 0.0
            try:
                self._write([end], now, timestamp)
            except Exception:
                log.exception("the figures of a stream cannot be made; it ends without them")
                self.ledger.end_bare(end, timestamp)

    async def _wait_for_reader(self) -> None:
        self._drained = drained = asyncio.Event()
        try:
            while self._lags():
                drained.clear()
                taken = self._taken()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._backpressure):
                        await drained.wait()
                        continue
                if self._taken() == taken:
                    self.gave_up = True
                    away = f"nobody read the stream for {self._backpressure} s"
                    raise BackpressureTimeout(f"{away}; read faster or raise Timeouts(backpressure=…)")
        finally:
            self._drained = None

    def _lags(self) -> bool:
        reader = self._reader
        return reader is not None and reader.behind > WINDOW

    def _taken(self) -> int | None:
        reader = self._reader
        return None if reader is None else reader.position

    def _begin(self) -> bool:
        """True for the one caller that is to begin the run."""
        with self._lock:
            first = not self.begun
            self.begun = True
            return first

    def _begin_ledger(self) -> None:
        if self.ledger.response.start_time is None:
            self.ledger.begin(self._clock.monotonic(), self._clock.time())

    def _is_here(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def _on_loop(self, function: Callable[[], object]) -> None:
        """Call `function` on the thread of the run; nothing when its loop is gone."""
        if self._is_here():
            function()
        elif self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function)

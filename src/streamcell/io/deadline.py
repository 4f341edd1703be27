"""One timer for the clocks of a run: moving it costs an attribute, not a timer.

`asyncio.timeout` re-arms a timer at each move, which a stream would do for every chunk. Here the timer, when
it fires, looks whether the moment has moved and goes back to sleep. Times are the event loop's own
(monotonic).
"""

from __future__ import annotations

import asyncio
import math
from types import TracebackType
from typing import Self

from streamcell.errors import TransportError
from streamcell.events import ErrorKind


class Deadline:
    """``async with Deadline() as deadline`` ends the block with a `TransportError` when its moment passes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._due = math.inf
        self._limit = math.inf
        self._kind: ErrorKind = "timeout_total"
        self._message = ""
        self._timer: asyncio.TimerHandle | None = None
        self._fired = False
        self._cancels_before = 0 if self._task is None else self._task.cancelling()

    def set(self, kind: ErrorKind, seconds: float | None, message: str) -> None:
        """The moment is `seconds` from now (None: never); `kind` and `message` tell what it would mean."""
        self._kind, self._message = kind, message
        self._due = math.inf if seconds is None else self._loop.time() + seconds
        self._arm()

    def set_limit(self, seconds: float | None) -> None:
        """A moment that no later `set` moves: the run's total time."""
        self._limit = math.inf if seconds is None else self._loop.time() + seconds
        self._arm()

    def _arm(self) -> None:
        when = min(self._due, self._limit)
        if self._timer is not None and self._timer.when() <= when:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if math.isinf(when) else self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() < min(self._due, self._limit):
            self._arm()
            return
        self._fired = True
        assert self._task is not None  # noqa: S101
        self._task.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._fired or self._task is None:
            return
        ours_alone = self._task.uncancel() <= self._cancels_before
        if ours_alone and (kind is None or issubclass(kind, asyncio.CancelledError)):
            raise self._error() from None

    def _error(self) -> TransportError:
        if self._limit <= self._due:
            return TransportError(
                "the answer took longer than the total time allowed; raise Timeouts(total=…)",
                kind="timeout_total",
            )
        return TransportError(self._message, kind=self._kind, retryable=True)

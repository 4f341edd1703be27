"""One pace for all the views of a kernel: they share a budget of messages a second.

The first message of a quiet notebook goes out at once; after that each waiting view gets its turn, one after
the other, so that the number of messages does not depend on how many tokens or how many streams there are.
jupyter_server drops messages above 1000 a second, and ZeroMQ drops silently above 1000 queued.

The pacer sends nothing itself and owns no thread: it is given a clock and a way to be called later, and is
called on one thread only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

DEFAULT_RATE = 50.0
"""Messages a second. A token then waits 10 ms on average, less than a frame of the page."""


class Paced(Protocol):
    """Something with messages to send."""

    def flush(self, now: float) -> int:
        """Send what there is, as few messages as possible; returns how many."""
        ...

    def pause(self, now: float) -> float:
        """Seconds this one should still wait, because its page has not painted what it was sent."""
        ...


class Pacer:
    """Turns for everything that wants to send."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
        rate: float = DEFAULT_RATE,
    ) -> None:
        self._now = now
        self._later = later
        self.rate = rate
        self._waiting: deque[Paced] = deque()
        self._free_at = 0.0
        self._armed = False

    def wake(self, paced: Paced) -> None:
        """`paced` has something to send; it gets its turn now or as soon as the budget allows."""
        if paced not in self._waiting:
            self._waiting.append(paced)
        self._arm()

    def flush_now(self, paced: Paced) -> None:
        """Out of turn, for the last word of a stream; the budget is charged."""
        if paced in self._waiting:
            self._waiting.remove(paced)
        self._charge(paced.flush(self._now()))

    def _arm(self) -> None:
        if self._armed or not self._waiting:
            return
        wait = self._free_at - self._now()
        if wait <= 0:
            self._turn()
        else:
            self._schedule(wait)

    def _schedule(self, seconds: float) -> None:
        self._armed = True
        self._later(seconds, self._fire)

    def _fire(self) -> None:
        self._armed = False
        self._arm()

    def _turn(self) -> None:
        now = self._now()
        ready = next((paced for paced in self._waiting if paced.pause(now) <= 0), None)
        if ready is None:
            self._schedule(min(paced.pause(now) for paced in self._waiting))
            return
        self._waiting.remove(ready)
        self._charge(ready.flush(now))
        if self._waiting:
            self._schedule(1 / self.rate)

    def _charge(self, messages: int) -> None:
        self._free_at = max(self._free_at, self._now()) + messages / self.rate

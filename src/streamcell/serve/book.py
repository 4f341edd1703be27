"""What is written down of a server's streams besides the streams themselves, and what callers have used.

A server of one process needs next to nothing: `PrivateBook`. Several keep a `shared.book.SharedBook`.
"""

from __future__ import annotations

import math
from typing import Protocol

from starlette.exceptions import HTTPException

from streamcell.io.clock import Clock
from streamcell.serve.held import Held, Readable
from streamcell.serve.limits import Allowance, Limits
from streamcell.serve.refusals import refused


class Book(Protocol):
    """Lets streams in, and finds those of other processes. Belongs to one loop."""

    async def open(self, streams: dict[str, Held]) -> None:
        """Begin; `streams` are those that run in this process, by their ids."""
        ...

    async def enter(self, held: Held, *, running: int) -> None:
        """Write down a stream that is to begin, while `running` of its owner run in this process.

        Raises the refusal (429, 503).
        """
        ...

    async def find(self, identity: str) -> Readable | None:
        """The stream of this id, if another process runs it or has; raises the refusal (503)."""
        ...

    def forget(self, identity: str) -> None:
        """The stream is held here no more."""
        ...

    async def close(self) -> None:
        """Everything has ended: finish what is to be written."""
        ...


class PrivateBook:
    """The book of a server of one process, in memory."""

    def __init__(self, limits: Limits, *, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._allowances: dict[str, Allowance] = {}

    async def open(self, streams: dict[str, Held]) -> None:
        pass

    async def enter(self, held: Held, *, running: int) -> None:
        if running >= self._limits.streams:
            raise too_many(running)
        now = self._clock.monotonic()
        fresh = Allowance(self._limits.starts_per_minute, now=now)
        if wait := self._allowances.setdefault(held.owner, fresh).take(now):
            raise too_often(wait)

    async def find(self, identity: str) -> None:
        return None

    def forget(self, identity: str) -> None:
        pass

    async def close(self) -> None:
        pass


def too_many(running: int) -> HTTPException:
    """The refusal of another stream beside so many."""
    return refused(429, f"{running} streams are running already; stop one, or wait for its end")


def too_often(wait: float) -> HTTPException:
    """The refusal of a stream before `wait` seconds have passed."""
    seconds = str(math.ceil(wait))
    return refused(429, f"too many requests; ask again in {seconds} s", headers={"retry-after": seconds})

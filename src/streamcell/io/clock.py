"""What time it is, as an argument: monotonic for timeouts, wall clock for timestamps, and waiting."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@runtime_checkable
class Clock(Protocol):
    """A source of time; `testing.VirtualClock` is the one that never waits."""

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean anything."""
        ...

    def time(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own clock, waiting on the running asyncio loop; all of them are equal."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

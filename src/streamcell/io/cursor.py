"""A reader of a log, with its own position and pace: waits for more, in either colour.

A cursor never holds up the log it reads. One cursor belongs to one reader (one task or one thread).
"""

from __future__ import annotations

import asyncio
import threading
from typing import Generic, TypeVar

from streamcell.core.log import Log

Item = TypeVar("Item")


class Cursor(Generic[Item]):
    """Reads `log` from `position` on; every item once, in order."""

    def __init__(self, log: Log[Item], *, position: int = 0) -> None:
        self.log = log
        self.position = max(position, log.first)

    @property
    def waiting(self) -> bool:
        """Nothing to take now, but more may come."""
        return self.position >= self.log.next and not self.log.closed

    @property
    def behind(self) -> int:
        """How many items it has not taken yet."""
        return self.log.next - self.position

    def take(self, limit: int | None = None) -> list[Item]:
        """What is there now, at most `limit` items; may be empty."""
        items = self.log.read(self.position, limit)
        self.position = max(self.position, self.log.first) + len(items)
        return items

    async def more(self) -> bool:
        """Wait until there is something to take; False when the log is closed and read to its end."""
        if self.waiting:
            loop, changed = asyncio.get_running_loop(), asyncio.Event()

            def wake() -> None:
                if threading.get_ident() == home:
                    changed.set()
                else:
                    _call_soon(loop, changed)

            home = threading.get_ident()
            end = self.log.watch(wake)
            try:
                while self.waiting:
                    changed.clear()
                    if self.waiting:
                        await changed.wait()
            finally:
                end()
        return self.position < self.log.next

    def wait(self) -> bool:
        """The same for a thread without a loop; interruptible by Ctrl-C."""
        if self.waiting:
            changed = threading.Event()
            end = self.log.watch(changed.set)
            try:
                while self.waiting:
                    changed.clear()
                    if self.waiting:
                        changed.wait()
            finally:
                end()
        return self.position < self.log.next


def _call_soon(loop: asyncio.AbstractEventLoop, changed: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(changed.set)
    except RuntimeError:
        # The reader's loop is closed, so nobody waits any more.
        return

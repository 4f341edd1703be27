"""Connections shared between runs: one line per route and event loop, closed soon after its last run.

A line belongs to the loop it was made on and is touched from that loop alone. Each has one task that waits
for its end and closes it; because it is a task, the end of the loop (`asyncio.run` cancels what is left)
closes the line as well.
"""

from __future__ import annotations

import asyncio
import importlib
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Hashable

    from streamcell.io.carriers import Carrier
    from streamcell.io.route import Route

LINGER = 0.25
"""Seconds an unused line stays open, so that the turns of an agent share a connection."""

_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Line]] = WeakKeyDictionary()
_loaded: set[str] = set()


class Line:
    """A carrier and the count of runs that use it."""

    def __init__(self, carrier: Carrier, *, shelf: dict[Hashable, Line], place: Hashable) -> None:
        self.carrier = carrier
        self._users = 0
        self._over = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._owner = asyncio.create_task(self._close_when_over(shelf, place), name="streamcell line")

    @property
    def is_over(self) -> bool:
        """Whether the line is closing: a new run needs a new one."""
        return self._over.is_set()

    def join(self) -> None:
        """One more run uses the line."""
        self._users += 1
        if self._timer is not None:
            self._timer.cancel()

    def leave(self) -> None:
        """One run fewer uses the line; after the last one it lingers, then closes."""
        self._users -= 1
        if not self._users:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._over.set)

    async def close(self) -> None:
        """Close now unless a run uses the line, and wait until it is closed."""
        if not self._users:
            self._over.set()
            await asyncio.wait({self._owner})

    async def _close_when_over(self, shelf: dict[Hashable, Line], place: Hashable) -> None:
        try:
            await self._over.wait()
        finally:
            self._over.set()
            if self._timer is not None:
                self._timer.cancel()
            if shelf.get(place) is self:
                del shelf[place]
            with suppress(Exception):  # nobody is left who could be told that a socket closed badly
                await self.carrier.close()


async def line_for(route: Route) -> Line:
    """The line for `route` on the running loop, joined: the caller must `leave` it."""
    if route.client not in _loaded:
        await asyncio.to_thread(_load, route.client)
    shelf, place = _shelf(), _place(route)
    line = shelf.get(place)
    if line is None or line.is_over:
        carriers = importlib.import_module("streamcell.io.carriers")
        line = shelf[place] = Line(carriers.carrier_for(route), shelf=shelf, place=place)
    line.join()
    return line


def idle_line(route: Route) -> Line | None:
    """The line for `route` on the running loop, if there is one."""
    return _shelf().get(_place(route))


def _load(client: str) -> None:
    importlib.import_module("streamcell.io.carriers").load(client)
    _loaded.add(client)


def _shelf() -> dict[Hashable, Line]:
    return _lines.setdefault(asyncio.get_running_loop(), {})


def _place(route: Route) -> Hashable:
    # A ready client is kept alive by the line, so its id stays its own.
    return (route.provider, route.client, route.base_url, route.key, id(route.ready))

"""Who goes next: at most so many at once, the highest priority first, agents in turn, each at its rate.

An account whose rate is used up waits for itself and holds up no other. The gate knows no task and no stream;
whoever passes it gives the place back by leaving.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from typing import NamedTuple

from streamcell.errors import UsageError
from streamcell.io.clock import Clock
from streamcell.many.rates import Charge, Rates


class Request(NamedTuple):
    """Who asks to pass: for which account, and with a prompt and for an answer of what length."""

    agent: str
    account: Hashable
    priority: int
    characters: int
    max_tokens: int | None


class _Waiting:
    """A request in the queue. `turn` is done when it is called, or was cancelled."""

    __slots__ = ("order", "request", "turn")

    def __init__(self, request: Request, order: tuple[int, int, int]) -> None:
        self.request = request
        self.order = order
        self.turn = asyncio.get_running_loop().create_future()

    def __lt__(self, other: _Waiting) -> bool:
        return self.order < other.order


class Gate:
    """Lets requests pass. Belongs to one loop at a time."""

    def __init__(self, places: int, rates: Rates, *, clock: Clock) -> None:
        if isinstance(places, bool) or not (isinstance(places, int) and places >= 1):
            raise UsageError(f"max_concurrency must be a whole number of 1 or more, not {places!r}")
        self._free = self._places = places
        self._rates = rates
        self._clock = clock
        self._queues: dict[Hashable, list[_Waiting]] = {}
        self._held: set[Hashable] = set()
        """Accounts of which nobody is called: their rate is being asked for, or is used up."""
        self._naps: dict[Hashable, asyncio.Task[None]] = {}
        self._numbers = itertools.count()
        self._round = 0
        self._rounds: dict[str, int] = {}

    @property
    def inside(self) -> int:
        return self._places - self._free

    @asynccontextmanager
    async def passage(self, request: Request) -> AsyncGenerator[Charge, None]:
        """A place for as long as the block lasts; what the account was charged for it."""
        charge = await self._enter(request)
        try:
            yield charge
        finally:
            if request.account in self._naps:
                self._naps[request.account].cancel()
            self._leave()

    async def _enter(self, request: Request) -> Charge:
        order = self._order(request)
        while True:
            await self._turn(_Waiting(request, order))
            try:
                charge = await self._charge(request)
                if not charge.wait:
                    return charge
                await self._nap(request.account, charge.wait)
            finally:
                self._held.discard(request.account)
                self._call()

    def _order(self, request: Request) -> tuple[int, int, int]:
        """Within a priority the agents go in rounds, one request each; in a round, first come first."""
        turn = max(self._round, self._rounds.get(request.agent, 0) + 1)
        self._rounds[request.agent] = turn
        return -request.priority, turn, next(self._numbers)

    async def _turn(self, waiting: _Waiting) -> None:
        """Wait to be called: a place is taken then, and the account held."""
        heapq.heappush(self._queues.setdefault(waiting.request.account, []), waiting)
        self._call()
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if not waiting.turn.cancelled():  # called in the same moment
                self._held.discard(waiting.request.account)
                self._leave()
            raise

    async def _charge(self, request: Request) -> Charge:
        """The charge; unless it was granted, the place is free again."""
        granted = False
        try:
            # Only now, for it learns from the answers in the meantime.
            tokens = self._rates.estimate(request.account, request.characters, request.max_tokens)
            charge = await self._rates.take(request.account, tokens)
            granted = not charge.wait
        finally:
            if not granted:
                self._leave()
        return charge

    async def _nap(self, account: Hashable, seconds: float) -> None:
        """Wait, but ask again when a request of the account ends: it may give something back."""
        nap = self._naps[account] = asyncio.create_task(self._clock.sleep(seconds), name="streamcell-rate")
        try:
            await asyncio.wait({nap})
        finally:
            del self._naps[account]
            nap.cancel()
            await asyncio.wait({nap})

    def _leave(self) -> None:
        self._free += 1
        self._call()

    def _call(self) -> None:
        while self._free and (queue := self._best()):
            waiting = heapq.heappop(queue)
            self._free -= 1
            self._held.add(waiting.request.account)
            self._round = max(self._round, waiting.order[1])
            waiting.turn.set_result(None)

    def _best(self) -> list[_Waiting] | None:
        """The queue whose first is the first of all who may be called."""
        for account, queue in tuple(self._queues.items()):
            while queue and queue[0].turn.done():
                heapq.heappop(queue)
            if not queue:
                del self._queues[account]
        free = [queue for account, queue in self._queues.items() if account not in self._held]
        return min(free, key=lambda queue: queue[0], default=None)

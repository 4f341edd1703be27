"""The book of several workers that are one server: any of them finds, resumes and stops any stream.

Who asks how much is counted over all workers. Without Redis no stream begins and none of another worker is
found; those that run here go on for their readers here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Final

from streamcell.errors import TransportError
from streamcell.io.clock import Clock
from streamcell.many.rates import Rates
from streamcell.serve.book import too_many, too_often
from streamcell.serve.held import Held, Readable
from streamcell.serve.limits import Limits
from streamcell.serve.refusals import refused
from streamcell.serve.shared.entries import Facts
from streamcell.serve.shared.scribe import Scribe
from streamcell.serve.shared.store import Store
from streamcell.serve.shared.tail import Tail

log = logging.getLogger("streamcell")

BEAT: Final = 1.0
"""Seconds between two beats; a worker that has not beaten for `store.LEASE` may be gone."""
_FAREWELL = 2.0
"""Seconds for writing the last events when the server ends."""
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


class SharedBook:
    """Keeps the book in the Redis at `address`; raises `UsageError` for an address that is none."""

    def __init__(self, address: str, limits: Limits, *, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._worker = secrets.token_hex(8)
        self._store = Store(address, kept=limits.kept_seconds)
        self._rates = Rates(requests=limits.starts_per_minute, clock=clock, storage=address)
        self._scribe = Scribe(self._store, clock=clock)
        self._tail = Tail(self._store, worker=self._worker, clock=clock, stop=self._stop)
        self._streams: dict[str, Held] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, streams: dict[str, Held]) -> None:
        self._streams = streams
        try:
            await self._store.ping()
        except TransportError as error:
            log.warning("%s; until then no stream begins here", error)
        loops = {"beat": self._beat, "scribe": self._scribe.run, "tail": self._tail.run}
        self._tasks = [
            asyncio.create_task(_told(loop), name=f"streamcell-{name}") for name, loop in loops.items()
        ]

    async def enter(self, held: Held, *, running: int) -> None:
        facts = Facts(held.owner, held.model, self._worker)
        try:
            try:
                await self._admit(held.id, facts)
                await self._store.begin(held.id, facts)
            except BaseException:
                await self._store.uncount(facts.owner, [held.id])
                raise
        except TransportError as error:
            raise refused(503, str(error)) from None
        self._scribe.open(held.id, facts, held.events)

    async def find(self, identity: str) -> Readable | None:
        if not _ID.fullmatch(identity):
            return None
        try:
            return await self._tail.find(identity)
        except TransportError as error:
            raise refused(503, str(error)) from None

    def forget(self, identity: str) -> None:
        self._scribe.forget(identity)

    async def close(self) -> None:
        await _ended(self._tasks)
        with contextlib.suppress(TransportError, TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await self._scribe.finish()
                await self._store.leave(self._worker)
        await self._rates.aclose()
        await self._store.close()

    async def _admit(self, identity: str, facts: Facts) -> None:
        """Raise the refusal (429) for what is more than this caller may ask of all workers together."""
        found = await self._store.count(identity, facts)
        alive = await self._store.alive(set(found.values()) - {self._worker})
        left = [name for name, worker in found.items() if worker not in alive | {self._worker}]
        if left:
            await self._store.uncount(facts.owner, left)
        others = len(found) - len(left) - 1
        if others >= self._limits.streams:
            raise too_many(others)
        charge = await self._rates.take(("serve", facts.owner), 0)
        if charge.wait:
            raise too_often(charge.wait)

    async def _beat(self) -> None:
        while True:
            with contextlib.suppress(TransportError):
                await self._store.beat(self._worker, self._scribe.writing)
            await self._clock.sleep(BEAT)

    def _stop(self, identity: str) -> None:
        held = self._streams.get(identity)
        if held is not None:
            held.stream.cancel()


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until it is heard: a client may take a cancel for a time-out of its own, and go on."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=BEAT)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _told(loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `loop`; that it failed for a reason of ours is told at once, not when the server ends."""
    try:
        await loop()
    except Exception:
        log.exception("a part of the shared log failed")
        raise

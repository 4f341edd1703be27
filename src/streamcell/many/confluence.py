"""Many jobs become one iterator: they run side by side and tell one reader, who is waited for.

Jobs are taken from their source one by one, when there is room. The module knows no task, no agent and no
rate. Leaving the iterator ends everything that runs in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Generic, NoReturn, TypeVar

from streamcell.errors import BackpressureTimeout

Item = TypeVar("Item")
Tell = Callable[[Item], Awaitable[None]]
Job = Callable[[Tell[Item]], Awaitable[None]]

UNREAD = 64
"""How many items the reader may be behind before those who tell them wait."""


class Confluence(Generic[Item]):
    """Runs `jobs`, at most `at_once`; iterated once, by one reader.

    `patience` is how many seconds the reader may take nothing at all while somebody waits for it; then
    everything is ended and, behind what was told already, it gets `BackpressureTimeout`. An error of the
    source of jobs is raised when the jobs before it are done.
    """

    def __init__(
        self, jobs: AsyncGenerator[Job[Item], None], *, at_once: int, patience: float | None = None
    ) -> None:
        self._jobs = jobs
        self._places = asyncio.Semaphore(at_once)
        self._patience = patience
        self._told: asyncio.Queue[Item | _End] = asyncio.Queue()
        self._room = asyncio.Semaphore(max(UNREAD, at_once))
        self._taken = 0
        self._failure: Exception | None = None
        self._driving: asyncio.Task[None]

    async def items(self) -> AsyncGenerator[Item, None]:
        """What the jobs tell, as it comes; each job's own in its order."""
        self._driving = driving = asyncio.create_task(self._drive(), name="streamcell-confluence")
        driving.add_done_callback(lambda _: self._told.put_nowait(_End()))
        try:
            while not isinstance(item := await self._told.get(), _End):
                self._taken += 1
                self._room.release()
                yield item
            await driving
        finally:
            driving.cancel()
            await asyncio.wait({driving})
            if not driving.cancelled():
                driving.exception()  # was raised above, or is nobody's any more

    async def _drive(self) -> None:
        try:
            async with asyncio.TaskGroup() as group, aclosing(self._jobs) as jobs:
                await self._start_all(group, jobs)
        except asyncio.CancelledError:
            if self._failure is None:
                raise
        if self._failure is not None:
            raise self._failure

    async def _start_all(self, group: asyncio.TaskGroup, jobs: AsyncGenerator[Job[Item], None]) -> None:
        """Start the jobs as there is room; an error of their source is kept until they are done."""
        try:
            await self._places.acquire()
            async for job in jobs:
                group.create_task(self._run(job))
                await self._places.acquire()
        except Exception as error:  # noqa: BLE001 - a user's iterable may raise anything; raised at the end
            self._failure = error

    async def _run(self, job: Job[Item]) -> None:
        try:
            await job(self._tell)
        finally:
            self._places.release()

    async def _tell(self, item: Item) -> None:
        while True:
            taken = self._taken
            try:
                async with asyncio.timeout(self._patience):
                    await self._room.acquire()
            except TimeoutError:
                if self._taken == taken:
                    self._give_up()
            else:
                self._told.put_nowait(item)
                return

    def _give_up(self) -> NoReturn:
        """End everything, the job that waits like all others: this is no failure of its own."""
        away = f"nobody read for {self._patience} s"
        self._failure = BackpressureTimeout(f"{away}; read faster or raise backpressure=")
        self._driving.cancel()
        raise asyncio.CancelledError


class _End:
    """Nothing more will be told."""

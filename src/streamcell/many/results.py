"""What `Scheduler.map` gives: the results of a batch, awaited as a list or iterated one by one.

The module knows no task and no agent; it keeps order and lets go of what was handed out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import aclosing
from typing import Any, TypeVar

from streamcell.many.tasks import TaskResult

Item = TypeVar("Item")
Numbered = AsyncGenerator[tuple[int, Item], None]
Heard = Callable[[TaskResult], object]
Ask = Callable[[Heard], AsyncGenerator[TaskResult, None]]


def _nobody(_result: TaskResult) -> None:
    """Listens to results that nobody watches."""


class Results:
    """The `TaskResult`s of one batch. Nothing is sent until it is awaited or iterated; each time anew.

    `total` is how many there will be, None when the prompts have no length. Leaving the iteration cancels
    what runs.
    """

    def __init__(self, ask: Ask, *, total: int | None = None, heard: Heard = _nobody) -> None:
        self.total = total
        self._ask = ask
        self._heard = heard

    def heard_by(self, listener: Heard) -> Results:
        """The same, of which `listener` is told each as soon as it is there, also before it is its turn."""
        return Results(self._ask, total=self.total, heard=listener)

    def __aiter__(self) -> AsyncIterator[TaskResult]:
        return self._ask(self._heard)

    def __await__(self) -> Generator[Any, None, list[TaskResult]]:
        return self._all().__await__()

    async def _all(self) -> list[TaskResult]:
        async with aclosing(self._ask(self._heard)) as results:
            return [result async for result in results]


async def told(numbered: Numbered[TaskResult], heard: Heard) -> Numbered[TaskResult]:
    """The same, each of which is heard before it is given on."""
    async with aclosing(numbered):
        async for number, result in numbered:
            heard(result)
            yield number, result


async def in_order(numbered: Numbered[Item], room: asyncio.Semaphore) -> AsyncGenerator[Item, None]:
    """The items by their numbers from 0 on; `room` is released for each, so that few have to be kept."""
    early: dict[int, Item] = {}
    following = 0
    async with aclosing(numbered):
        async for number, item in numbered:
            early[number] = item
            while following in early:
                room.release()
                yield early.pop(following)
                following += 1


async def unnumbered(numbered: Numbered[Item], room: asyncio.Semaphore) -> AsyncGenerator[Item, None]:
    """The same as they come."""
    async with aclosing(numbered):
        async for _, item in numbered:
            room.release()
            yield item

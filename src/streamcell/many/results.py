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


class Results:
    """The `TaskResult`s of one batch. Nothing is sent until it is awaited or iterated; each time anew.

    Leaving the iteration cancels what runs.
    """

    def __init__(self, ask: Callable[[], AsyncGenerator[TaskResult, None]]) -> None:
        self._ask = ask

    def __aiter__(self) -> AsyncIterator[TaskResult]:
        return self._ask()

    def __await__(self) -> Generator[Any, None, list[TaskResult]]:
        return self._all().__await__()

    async def _all(self) -> list[TaskResult]:
        async with aclosing(self._ask()) as results:
            return [result async for result in results]


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

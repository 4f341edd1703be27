"""Blocking functions off the loop: each on a daemon thread of its own, in a copy of the caller's context.

Not the loop's executor: that waits for its threads when the loop closes, so one function that hangs would
keep a finished program from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from collections.abc import Callable


async def call(function: Callable[..., object], /, *arguments: object, **named: object) -> object:
    """What `function` returns or raises; cancelling the wait leaves it to end on its own, unheard."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    outcome: list[object] = []
    failure: list[BaseException] = []
    context = contextvars.copy_context()

    def settle() -> None:
        if not ended.done():
            ended.set_result(None)

    def work() -> None:
        try:
            outcome.append(context.run(function, *arguments, **named))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to who waits
            failure.append(error)
        with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=work, name="streamcell-worker", daemon=True).start()
    await ended
    if failure:
        raise failure[0]
    return outcome[0]


def is_async(function: Callable[..., object]) -> bool:
    """Whether calling `function` gives something to await."""
    while isinstance(function, functools.partial):
        function = function.func
    own = getattr(function, "__call__", None)  # noqa: B004 - that of an object that can be called
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(own)

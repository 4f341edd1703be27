"""Names that are called out, and those who listen.

A bus knows nothing of what is said on it. Listeners are told in the order of the calls; an asynchronous one
is told one event after the other and delays nobody, a broken one is reported once in the log and detached.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from streamcell.errors import UsageError
from streamcell.io.portal import portal

log = logging.getLogger("streamcell")

LONGEST_QUEUE = 10_000
"""Events an asynchronous listener may be behind before it counts as broken."""


class BusEvent(msgspec.Struct, frozen=True):
    """What a listener is given: the name, and `data`, also as ``event["task_id"]``."""

    name: str
    data: Mapping[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        return self.data[name]


Listener = Callable[[BusEvent], object]


class EventBus:
    """Tells listeners what is emitted. Callable from any thread."""

    def __init__(self) -> None:
        self._subscriptions: list[_Subscription] = []

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every `BusEvent` of that name; returns the function that ends it.

        `name` may be a pattern: ``task.*``. Synchronous listeners are called where the event is emitted and
        must not block. Asynchronous ones run on the loop of the first event they have not heard yet, or in
        the background where there is none.
        """
        if not callable(listener):
            raise UsageError(f"a listener is a function that takes one event, not {listener!r}")
        subscription = _Subscription(name, listener)
        self._subscriptions = [*self._subscriptions, subscription]
        return functools.partial(self._end, subscription)

    def off(self, name: str, listener: Listener) -> None:
        """End what `on` began with the same two; nothing when nothing was begun."""
        for subscription in self._subscriptions:
            if (subscription.name, subscription.listener) == (name, listener):
                self._end(subscription)

    def emit(self, name: str, data: Mapping[str, Any] | None = None) -> None:
        """Tell all who listen to `name`; returns before asynchronous listeners have heard it."""
        event = BusEvent(name, dict(data or {}))
        for subscription in self._subscriptions:
            if fnmatchcase(name, subscription.name):
                try:
                    subscription.tell(event)
                except (Exception, SystemExit):
                    log.exception("a listener raised and was detached: %r", subscription.listener)
                    self._end(subscription)

    async def join(self) -> None:
        """Return when the asynchronous listeners of this loop have heard all that was emitted so far."""
        here = asyncio.get_running_loop()
        tasks = (subscription.telling for subscription in self._subscriptions)
        telling = {task for task in tasks if task is not None and task.get_loop() is here}
        if telling:
            await asyncio.wait(telling)

    def _end(self, subscription: _Subscription) -> None:
        self._subscriptions = [other for other in self._subscriptions if other is not subscription]
        subscription.end()


class _Subscription:
    """One listener, and what it was not told yet."""

    def __init__(self, name: str, listener: Listener) -> None:
        self.name = name
        self.listener = listener
        self.telling: asyncio.Task[None] | None = None
        self._untold: deque[Awaitable[Any]] = deque()
        self._busy = False
        self._ended = False
        self._lock = threading.Lock()

    def tell(self, event: BusEvent) -> None:
        said = self.listener(event)
        if inspect.isawaitable(said):
            self._queue(said)

    def end(self) -> None:
        """Nothing more is told; what the listener is in the middle of goes on."""
        with self._lock:
            self._ended = True
            self._drop()

    def _queue(self, said: Awaitable[Any]) -> None:
        with self._lock:
            self._untold.append(said)
            if self._ended:
                self._drop()
                return
            if len(self._untold) > LONGEST_QUEUE:
                raise RuntimeError(f"the listener is {LONGEST_QUEUE} events behind")
            first, self._busy = not self._busy, True
        if first:
            self.telling = _start(self._tell_all)

    async def _tell_all(self) -> None:
        try:
            while said := self._next():
                await said
        except (Exception, SystemExit):
            log.exception("a listener raised and was detached: %r", self.listener)
            self.end()
        except asyncio.CancelledError:
            # With its loop; the next event begins anew on another.
            with self._lock:
                self._busy = False
                self._drop()
            raise

    def _next(self) -> Awaitable[Any] | None:
        with self._lock:
            if not self._untold:
                self._busy = False
                return None
            return self._untold.popleft()

    def _drop(self) -> None:
        while self._untold:
            said = self._untold.popleft()
            if inspect.iscoroutine(said):
                said.close()


_telling: set[asyncio.Task[None]] = set()
"""The loop holds its tasks weakly; each is here until it is over."""


def _start(function: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None] | None:
    """The task on the running loop; None where there is none and the portal runs it."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        portal.submit(function)
        return None
    task = loop.create_task(function(), name="streamcell-listener")
    _telling.add(task)
    task.add_done_callback(_telling.discard)
    return task

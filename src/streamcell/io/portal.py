"""The synchronous door to the asynchronous code: one background event loop for the whole process.

An ordinary cell runs while the kernel's own loop runs, so `asyncio.run` is closed to it; this loop is open.
The thread starts with the first call and ends when nothing was left to do for `IDLE_SECONDS`; besides it
only a blocking foreign iterator gets one (`foreign_reader`). Nothing is ever printed from it: output of a
background thread lands in whichever cell ran last. Work is started in a copy of the caller's context.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

log = logging.getLogger("streamcell")

Result = TypeVar("Result")

IDLE_SECONDS = 1.0


class Portal:
    """Runs coroutines on a loop of its own. Callable from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._busy = 0
        self._of_parent: list[asyncio.AbstractEventLoop] = []

    def submit(self, function: Callable[[], Coroutine[Any, Any, Result]]) -> Future[Result]:
        """Run ``await function()`` on the portal's loop; the future may be waited for."""
        future: Future[Result] = Future()
        loop = self._enter()
        context = contextvars.copy_context()

        def start() -> None:
            task = loop.create_task(_settle(function, future), context=context)
            task.add_done_callback(lambda _: self._leave())

        loop.call_soon_threadsafe(start)
        return future

    def post(self, function: Callable[[], object], *, delay: float = 0.0) -> None:
        """Call a short function on the portal's thread, `delay` seconds from now."""
        loop = self._enter()

        def call() -> None:
            try:
                function()
            finally:
                self._leave()

        if delay:
            loop.call_soon_threadsafe(loop.call_later, delay, call)
        elif self.is_here():
            call()
        else:
            loop.call_soon_threadsafe(call)

    def is_here(self) -> bool:
        """Whether the calling thread is the portal's own (where waiting for it would wait for ever)."""
        # Not by its number: the system gives the number of an ended thread to the next one.
        return threading.current_thread() is self._thread

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def forget_parent(self) -> None:
        """Begin anew in a forked child, which inherits the objects but not the thread."""
        self._lock = threading.Lock()
        if self._loop is not None:
            # Not closed: its selector is shared with the parent.
            self._of_parent.append(self._loop)
        self._loop, self._thread, self._busy = None, None, 0

    def _enter(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._main, args=(self._loop,), name="streamcell-portal", daemon=True
                )
                self._thread.start()
            self._busy += 1
            return self._loop

    def _leave(self) -> None:
        with self._lock:
            self._busy -= 1
            if not self._busy and self._loop is not None:
                self._loop.call_later(IDLE_SECONDS, self._rest)

    def _rest(self) -> None:
        """End the loop if it has nothing to do; a task of somebody's (a closing connection) keeps it."""
        with self._lock:
            loop = self._loop
            if self._busy or loop is None:
                return
            if asyncio.all_tasks(loop):
                loop.call_later(IDLE_SECONDS, self._rest)
                return
            self._loop = None
            loop.stop()

    def _main(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            self._run(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run until `_rest` ends the loop; somebody's callback that wants to end the program does not."""
        while self._loop is loop:
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                log.exception("what runs in the background cannot end the program")


async def _settle(function: Callable[[], Coroutine[Any, Any, Result]], future: Future[Result]) -> None:
    try:
        result = await function()
    except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the one who waits
        future.set_exception(error)
    else:
        future.set_result(result)


portal = Portal()
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=portal.forget_parent)

"""Reads an iterator of somebody else's on the running loop, whatever its colour, and closes it.

An async iterator is read where we are. One that blocks is read by a thread of its own: the loop's pool is
waited for when a loop or the process ends, and a read that blocks would hold that up, so the thread is a
daemon. It hands over all that is there at once, and reads no further than `WINDOW` items ahead.

A thread cannot be stopped from outside. When its reader leaves, the socket of an official client is shut
down, which ends the read; any other blocking iterator is closed after its next item.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import socket
import threading
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from typing import Any, Final

from streamcell.errors import StreamcellError
from streamcell.io.foreign_failures import failure_of

WINDOW: Final = 128

Batches = AsyncGenerator[list[object], None]


@asynccontextmanager
async def opened(source: Any, *, made_here: bool = False) -> AsyncIterator[Batches]:
    """The items of `source` in batches, as they come; leaving the context closes the source.

    `source` is an iterator or iterable, a context manager of one, or an awaitable of any of these. One that
    iterates in both colours is read asynchronously only if it was `made_here`, on the running loop: its
    asynchronous side may belong to the loop it was made on (litellm's does). Raises our errors only.
    """
    made_here = made_here or inspect.isawaitable(source)
    stream = await _ours(source) if inspect.isawaitable(source) else source
    manager = None
    if hasattr(stream, "__aenter__") and not is_iterable(stream):
        manager = stream
        stream = await _ours(manager.__aenter__())
    try:
        asynchronous = hasattr(stream, "__aiter__") and (made_here or not hasattr(stream, "__iter__"))
        async with aclosing(_here(stream) if asynchronous else _elsewhere(stream)) as batches:
            yield batches
    finally:
        if manager is not None:
            with suppress(Exception):  # closing says nothing of the answer
                await manager.__aexit__(None, None, None)


def is_iterable(source: object) -> bool:
    """Whether `source` can be iterated, in either colour."""
    return hasattr(source, "__aiter__") or hasattr(source, "__iter__")


async def close(stream: Any) -> None:
    """Close an iterator or stream by whichever of ``aclose`` and ``close`` it has."""
    for name in ("aclose", "close"):
        if hasattr(stream, name):
            with suppress(Exception):
                done = getattr(stream, name)()
                if inspect.isawaitable(done):
                    await done
            return


async def _ours(awaitable: Any) -> Any:
    """The result of somebody else's coroutine; what it raises is described, not passed on."""
    try:
        return await awaitable
    except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
        failure = failure_of(error, started=False)
    raise failure


async def _here(stream: Any) -> Batches:
    failure: StreamcellError | None = None
    iterator = aiter(stream)
    try:
        started = False
        while failure is None:
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                return
            except (Exception, SystemExit) as error:  # noqa: BLE001 - see `_ours`
                failure = failure_of(error, started=started)
            else:
                started = True
                yield [item]
    finally:
        await close(iterator)
        if iterator is not stream:
            await close(stream)
    raise failure


async def _elsewhere(stream: Any) -> Batches:
    reader = _ReaderThread(stream)
    reader.start()
    try:
        while batch := await reader.batch():
            yield batch
    finally:
        reader.leave()
    if reader.failure is not None:
        raise reader.failure


class _ReaderThread:
    """Reads a blocking iterator; all but `_read` belongs to the loop that made it."""

    def __init__(self, source: Any) -> None:
        self.failure: StreamcellError | None = None
        self._source = self._stream = source
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._signalled = False
        self._ready: deque[object] = deque()
        self._room = threading.Semaphore(WINDOW)
        self._done = self._left = False

    def start(self) -> None:
        read = contextvars.copy_context().run
        threading.Thread(target=read, args=(self._read,), name="streamcell-reader", daemon=True).start()

    async def batch(self) -> list[object]:
        """The items that have come since the last batch, at least one; none at the end."""
        while not self._ready and not self._done:
            await self._changed.wait()
            self._changed.clear()
            self._signalled = False
        items = [self._ready.popleft() for _ in range(len(self._ready))]
        for _ in items:
            self._room.release()
        return items

    def leave(self) -> None:
        """Nobody reads any more: let the thread come to its end."""
        self._left = True
        self._room.release()
        if not self._done:
            _hang_up(getattr(self._stream, "response", None))

    def _read(self) -> None:
        started = False
        try:
            with _entered(self._source) as self._stream:
                for item in _closing(self._stream):
                    self._room.acquire()
                    if self._left:
                        break
                    started = True
                    self._ready.append(item)
                    self._signal()
        except BaseException as error:  # noqa: BLE001 - a thread has nobody to raise to
            self.failure = failure_of(error, started=started)
        finally:
            self._done = True
            self._signal()

    def _signal(self) -> None:
        """Wake the loop, once for all that it has not taken yet."""
        if not self._signalled:
            self._signalled = True
            with suppress(RuntimeError):  # the loop is closed, so nobody waits
                self._loop.call_soon_threadsafe(self._changed.set)


@contextmanager
def _entered(source: Any) -> Iterator[Any]:
    """What `source` iterates: itself, or what it gives as a context manager."""
    if is_iterable(source):
        yield source
        return
    with source as stream:
        yield stream


def _closing(stream: Iterable[object]) -> Iterator[object]:
    iterator = iter(stream)
    try:
        yield from iterator
    finally:
        for each in {id(iterator): iterator, id(stream): stream}.values():
            if hasattr(each, "close"):
                with suppress(Exception):
                    each.close()


def _hang_up(response: Any) -> None:
    """Shut down the socket of an HTTP answer that another thread is reading, unless others share it."""
    if getattr(response, "is_closed", True) or getattr(response, "http_version", "") != "HTTP/1.1":
        return
    with suppress(Exception):  # the connection may end by itself meanwhile
        response.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)

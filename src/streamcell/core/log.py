"""A run as a log: numbered, append-only, read by any number of cursors at their own pace.

Appended to by one task; read from any thread. The log knows nothing of waiting: a reader leaves a `wake`
callback, which is called on the appending thread and must only set a flag or schedule something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Wake = Callable[[], None]


class Log(Generic[Item]):
    """Items numbered from 0; those before `first` were discarded (a log that is not kept)."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._wakes: dict[object, Wake] = {}
        self.first = 0
        self.closed = False

    @property
    def next(self) -> int:
        """The number the next item will get."""
        return self.first + len(self._items)

    @property
    def items(self) -> list[Item]:
        """The items still held, oldest first; not to be changed by the reader."""
        return self._items

    def extend(self, items: Iterable[Item]) -> None:
        self._items.extend(items)
        self._wake()

    def close(self) -> None:
        """No more items will come."""
        self.closed = True
        self._wake()

    def read(self, start: int, limit: int | None = None) -> list[Item]:
        """The items from number `start` on, at most `limit`; those discarded are left out."""
        begin = max(start - self.first, 0)
        return self._items[begin : None if limit is None else begin + limit]

    def discard(self, before: int) -> None:
        """Forget the items numbered below `before`."""
        count = min(before, self.next) - self.first
        if count > 0:
            del self._items[:count]
            self.first += count

    def watch(self, wake: Wake) -> Callable[[], None]:
        """Call `wake` after every append and at the close; returns the function that ends it."""
        token = object()
        self._wakes[token] = wake
        return lambda: self._wakes.pop(token, None) and None

    def _wake(self) -> None:
        for wake in tuple(self._wakes.values()):
            wake()

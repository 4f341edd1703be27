"""A run as a log: numbered, append-only, read by any number of cursors at their own pace.

Appended to by one task; read from any thread. The log knows nothing of waiting: a reader leaves a `wake`
callback, which is called on the appending thread and must only set a flag or schedule something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Wake = Callable[[], None]


class _Held(NamedTuple, Generic[Item]):
    """The items kept and the number of the first: one value, so that no reader sees half a change."""

    first: int
    items: list[Item]


class Log(Generic[Item]):
    """Items numbered from 0; those before `first` were discarded (a log that is not kept)."""

    def __init__(self) -> None:
        self._held: _Held[Item] = _Held(0, [])
        self._wakes: dict[object, Wake] = {}
        self.closed = False

    @property
    def first(self) -> int:
        """The number of the oldest item still held."""
        return self._held.first

    @property
    def next(self) -> int:
        """The number the next item will get."""
        first, items = self._held
        return first + len(items)

    @property
    def items(self) -> list[Item]:
        """The items still held, oldest first; not to be changed by the reader."""
        return self._held.items

    def extend(self, items: Iterable[Item]) -> None:
        self._held.items.extend(items)
        self._wake()

    def close(self) -> None:
        """No more items will come."""
        self.closed = True
        self._wake()

    def read(self, start: int, limit: int | None = None) -> list[Item]:
        """The items from number `start` on, at most `limit`; those discarded are left out."""
        first, items = self._held
        begin = max(start - first, 0)
        return items[begin : None if limit is None else begin + limit]

    def discard(self, before: int) -> None:
        """Forget the items numbered below `before`."""
        first, items = self._held
        count = min(before - first, len(items))
        if count > 0:
            self._held = _Held(first + count, items[count:])

    def watch(self, wake: Wake) -> Callable[[], None]:
        """Call `wake` after every append and at the close; returns the function that ends it."""
        token = object()
        self._wakes[token] = wake

        def end() -> None:
            self._wakes.pop(token, None)

        return end

    def _wake(self) -> None:
        for wake in tuple(self._wakes.values()):
            wake()

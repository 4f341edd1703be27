"""A text that grows at its end while others read it."""

from __future__ import annotations


class Pieces:
    """A text that grows by appending; joined when read, so that growing stays linear.

    One thread appends. Any thread reads: what it joined is kept as one value beside the list it was made
    from, so that two readers, or a reader and `cut`, never spoil each other's work.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._joined: tuple[list[str], int, str] = (self._parts, 0, "")
        self._cuts = 0
        self._length = 0

    @property
    def extent(self) -> tuple[int, int]:
        """How often it was cut and how long it is; joins nothing."""
        return self._cuts, self._length

    def add(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def cut(self, length: int) -> None:
        """Keep the first `length` characters only."""
        self._parts = [str(self)[:length]] if length else []
        self._cuts += 1
        self._length = len(self._parts[0]) if self._parts else 0

    def __str__(self) -> str:
        parts = self._parts
        of, count, text = self._joined
        if of is not parts:
            count, text = 0, ""
        new = parts[count:]
        if new:
            text += "".join(new)
            self._joined = (parts, count + len(new), text)
        return text

"""Puts tool calls together from the pieces a stream sends.

Servers number calls by index, by id, by neither, or all with the same index; which pieces belong together
is decided here. Arguments are never repaired: what is no JSON object stays text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcell.events import ToolCall, ToolCallDelta
from streamcell.providers.loose import parse

if TYPE_CHECKING:
    from collections.abc import Iterator


class OpenCall:
    """One call that is still growing."""

    def __init__(self, part: int, *, id: str = "", name: str = "", server: bool = False) -> None:  # noqa: A002
        self.part = part
        self.id = id
        self.name = name
        self.server = server
        self._pieces: list[str] = []

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)

    def add(self, piece: str) -> ToolCallDelta:
        """Append a piece of the arguments."""
        self._pieces.append(piece)
        return ToolCallDelta(self.part, arguments=piece, server=self.server)

    def opening(self, piece: str = "") -> ToolCallDelta:
        """The delta that names the call, with the first piece of its arguments."""
        if piece:
            self._pieces.append(piece)
        return ToolCallDelta(
            self.part, id=self.id or None, name=self.name or None, arguments=piece, server=self.server
        )

    def whole(self) -> ToolCall:
        """The call as it stands; `arguments` is None when they are no JSON object, and {} when empty."""
        raw = self.arguments
        return ToolCall(
            self.part, self.id, self.name, arguments=_parsed(raw), raw_arguments=raw, server=self.server
        )

    def named(self, *, id: str, name: str) -> bool:  # noqa: A002
        """Take an id or a name that comes late or in pieces; True when that says something new."""
        new_id = bool(id) and not self.id
        # Some servers repeat the name in each delta, a few send it in pieces before the arguments.
        new_name = bool(name) and name != self.name and not self._pieces
        if new_id:
            self.id = id
        if new_name:
            self.name = name if name.startswith(self.name) else self.name + name
        return new_id or new_name

    def is_followed_by(self, *, id: str, name: str, piece: str) -> bool:  # noqa: A002
        """Whether a piece for the same place begins another call instead of going on with this one."""
        if id and self.id:
            return bool(name) and id != self.id
        if not name or not self._pieces:
            return False
        return name != self.name or (bool(piece) and _parsed(self.arguments) is not None)


class Calls:
    """The calls of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: list[OpenCall] = []
        self._by_index: dict[int, OpenCall] = {}

    def __bool__(self) -> bool:
        return bool(self._calls)

    def place(self, *, index: int | None, id: str, name: str, piece: str) -> OpenCall | None:  # noqa: A002
        """The open call that a piece belongs to; None when it begins another."""
        if index is not None:
            call = self._by_index.get(index)
        else:
            call = self._with_id(id) or (self._calls[-1] if self._calls and not id else None)
        if call is None or call.is_followed_by(id=id, name=name, piece=piece):
            return None
        return call

    def at(self, index: int) -> OpenCall | None:
        """The open call with this index."""
        return self._by_index.get(index)

    def open(self, call: OpenCall, *, index: int | None) -> OpenCall:
        """Begin a call."""
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def whole(self) -> Iterator[ToolCall]:
        """All calls, complete."""
        return (call.whole() for call in self._calls)

    def _with_id(self, id: str) -> OpenCall | None:  # noqa: A002
        return next((call for call in self._calls if id and call.id == id), None)


def _parsed(raw: str) -> dict[str, Any] | None:
    if not raw.strip():
        return {}
    value = parse(raw)
    return value if isinstance(value, dict) else None

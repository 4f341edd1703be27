"""Bytes to payloads: readers for server-sent events, JSON lines and one JSON array.

A reader takes blocks of bytes cut anywhere and hands out whole payloads; the result does not depend on the
cuts, and the cost is linear in the bytes. What is inside a payload is the provider's business: this module
parses no JSON and knows no event name.

Server-sent events follow https://html.spec.whatwg.org/multipage/server-sent-events.html with four
deliberate differences, each because a server in use does it: the last event needs no blank line after it, a
frame with empty data is passed by, a field called ``error`` is data of an event of that name (llama.cpp),
and lines that are no field at all (an HTML page, a plain JSON body) come out at the end as one `BODY`
payload, so that the decoder can say what was sent instead of a stream.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from streamcell.errors import LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT: Final = 8 * 1024 * 1024
"""Bytes that one line, and the data of one event, may have."""

FOREIGN_LIMIT: Final = 64 * 1024
"""Bytes after which no more lines that are no field are kept: enough to tell what they are."""

BODY: Final = "\nbody"
"""The event name of what was not part of any event; no server can send it, as it holds a line end."""

_MARK = b"\xef\xbb\xbf"
_NEWLINE, _RETURN = b"\n\r"


class Payload(NamedTuple):
    """One event of the wire: its SSE event name (empty when none, and for JSON framings) and its data."""

    event: str
    data: bytes


class Reader(Protocol):
    """Cuts one body into payloads; holds its state, never reused, belongs to one task."""

    def feed(self, block: bytes) -> list[Payload]:
        """The payloads that `block` completes; raises `LimitExceeded`."""
        ...

    def close(self) -> list[Payload]:
        """What was still open when the body ended."""
        ...


class ServerSentEvents:
    """A reader of ``text/event-stream``."""

    def __init__(self) -> None:
        self._lines = _Lines()
        self._event = ""
        self._data: list[bytes] = []
        self._size = 0
        self._foreign = _Pieces()

    def feed(self, block: bytes) -> list[Payload]:
        return self._read(self._lines.feed(block))

    def close(self) -> list[Payload]:
        payloads = self._read(self._lines.close())
        payloads += self._read([b""])
        if foreign := self._foreign.take().strip():
            payloads.append(Payload(BODY, foreign))
        return payloads

    def _read(self, lines: list[bytes]) -> list[Payload]:
        payloads: list[Payload] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                self._add(line[6:] if line.startswith(b"data: ") else line[5:])
            elif line:
                self._field(line)
            elif data:
                whole = data[0] if len(data) == 1 else b"\n".join(data)
                if whole:
                    payloads.append(Payload(self._event, whole))
                data.clear()
                self._size = 0
                self._event = ""
            else:
                self._event = ""
        return payloads

    def _add(self, value: bytes) -> None:
        self._size += len(value) + 1
        if self._size > LIMIT:
            raise _too_long("an event")
        self._data.append(value)

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            self._event = value.removeprefix(b" ").decode("utf-8", "replace")
        elif name == b"data":
            self._add(b"")
        elif name == b"error":
            self._event = "error"
            self._add(value.removeprefix(b" "))
        elif name not in (b"", b"id", b"retry") and self._foreign.size < FOREIGN_LIMIT:
            self._foreign.add(line + b"\n")


class JsonLines:
    """A reader of newline-delimited JSON; blank lines (keep-alives) are passed by."""

    def __init__(self) -> None:
        self._lines = _Lines()

    def feed(self, block: bytes) -> list[Payload]:
        return [Payload("", line) for line in self._lines.feed(block) if line and not line.isspace()]

    def close(self) -> list[Payload]:
        return [Payload("", line) for line in self._lines.close() if line and not line.isspace()]


class JsonArray:
    """A reader of ``[{…}, {…}]``: each object is a payload as soon as its last brace is there.

    A single object is read as well. Text between the objects that is no JSON array syntax comes out as a
    `BODY` payload at the end.
    """

    def __init__(self) -> None:
        self._object = _Pieces()
        self._foreign = _Pieces()
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, block: bytes) -> list[Payload]:
        payloads: list[Payload] = []
        start = position = 0
        if self._escaped and block:
            self._escaped = False
            position = 1
        while found := (_IN_STRING if self._in_string else _STRUCTURE).search(block, position):
            position = found.end()
            mark = found.group()
            if mark == b'"':
                # Quotes between objects belong to no string: a page of text may hold a single one.
                self._in_string = self._depth > 0 and not self._in_string
            elif mark == b"\\":
                self._escaped = position == len(block)
                position += 1
            elif mark == b"{":
                if not self._depth:
                    self._foreign.add(block[start : position - 1])
                    start = position - 1
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    self._object.add(block[start:position])
                    payloads.append(Payload("", self._object.take()))
                    start = position
        (self._object if self._depth else self._foreign).add(block[start:])
        return payloads

    def close(self) -> list[Payload]:
        rest = self._object.take()
        foreign = self._foreign.take().removeprefix(_MARK).strip(_BETWEEN)
        return [Payload(event, data) for event, data in (("", rest), (BODY, foreign)) if data]


_IN_STRING = re.compile(rb'["\\]')
_STRUCTURE = re.compile(rb'["{}]')
_BETWEEN = b" \t\r\n,[]"

_READERS: dict[str, Callable[[], Reader]] = {
    "sse": ServerSentEvents,
    "ndjson": JsonLines,
    "json-array": JsonArray,
}


def reader(framing: Literal["sse", "ndjson", "json-array"]) -> Reader:
    """A fresh reader for `framing`."""
    return _READERS[framing]()


class _Lines:
    """Cuts blocks into lines that end with CR, LF or CRLF; drops a byte-order mark at the start."""

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._open = _Pieces()
        self._after_return = False

    def feed(self, block: bytes) -> list[bytes]:
        if self._head is not None:
            block = self._without_mark(self._head + block)
        if self._after_return and block:
            block = block.removeprefix(b"\n")
            self._after_return = False
        if not block:
            return []
        lines = block.splitlines()
        last = block[-1]
        ended = last in (_NEWLINE, _RETURN)
        self._after_return = last == _RETURN
        if self._open and (ended or len(lines) > 1):
            self._open.add(lines[0])
            lines[0] = self._open.take()
        if not ended:
            self._open.add(lines.pop())
        if len(block) > LIMIT and lines and max(map(len, lines)) > LIMIT:
            raise _too_long("a line")
        return lines

    def close(self) -> list[bytes]:
        rest = self._open.take() or self._head
        return [rest] if rest else []

    def _without_mark(self, head: bytes) -> bytes:
        if len(head) < len(_MARK) and _MARK.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_MARK)


class _Pieces:
    """Bytes that arrive in pieces, joined once (joining at each piece would cost the square)."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, piece: bytes) -> None:
        if piece:
            self.size += len(piece)
            if self.size > LIMIT:
                raise _too_long("a line")
            self._pieces.append(piece)

    def take(self) -> bytes:
        whole = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return whole


def _too_long(what: str) -> LimitExceeded:
    return LimitExceeded(
        f"{what} of the answer is longer than {LIMIT // 1024**2} MiB: is the base URL that of a model server?"
    )

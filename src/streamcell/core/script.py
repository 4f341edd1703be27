"""What a scripted server answers, and how it goes wrong: plain values in the vocabulary of `events`.

A script knows no wire: `io.wire_formats` writes it the way each provider would, `io.wire_server` plays it.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from streamcell.events import (
    Citation,
    Notice,
    ReasoningDelta,
    StopReason,
    TextDelta,
    ToolCallDelta,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Piece = TextDelta | ReasoningDelta | ToolCallDelta | Citation | Notice

FaultKind = Literal[
    "close",
    "reset",
    "stall",
    "pings",
    "cut",
    "cut_inside",
    "error",
    "malformed",
    "oversized",
    "endless",
    "status",
    "redirect",
    "html",
    "json_error",
    "empty",
]
Framing = Literal["bom", "crlf", "cr", "comments", "no_space", "gzip"]
Cuts = Literal["whole", "events", "bytes"] | tuple[int, ...]


class Fault(msgspec.Struct, frozen=True):
    """One thing that goes wrong, `after` so many pieces.

    `after=None` strikes before the first byte of the answer for `close`, `reset` and `stall`, and before the
    first piece for those others that happen inside a stream.

    * `close`, `reset`: the connection ends without an end of the body (FIN, or RST)
    * `stall`, `pings`: silence, or nothing but keep-alives, until the client leaves
    * `cut`, `cut_inside`: the body ends cleanly, between two events or inside the next one
    * `error`: an error event with `status`, `code` and `message`, then the end
    * `malformed`, `oversized`: one event that is no JSON, or one line of `size` bytes; then the rest
    * `endless`: the next piece again and again
    * `status`: an HTTP error `status` with `headers` and, if given, `retry_after` seconds
    * `redirect`: a 307 to `headers["location"]`
    * `html`, `json_error`, `empty`: status 200 with a page, with an error object, with nothing
    """

    kind: FaultKind
    after: int | None = None
    status: int = 500
    message: str = "scripted fault"
    code: str | None = None
    retry_after: float | None = None
    headers: Mapping[str, str] = {}
    size: int = 10 * 1024 * 1024


class Script(msgspec.Struct, frozen=True):
    """One answer: its pieces in order, what follows them, and their timing.

    `delay` is the time before the first piece and `pace` the time between two, in seconds; with both zero the
    answer comes as fast as the socket takes it. `framings` vary the bytes, never the meaning; `cuts` says how
    the bytes of a piece are split (`whole`: all pieces at once).
    """

    pieces: tuple[Piece, ...] = ()
    usage: Usage | None = None
    stop: StopReason = "stop"
    pace: float = 0.0
    delay: float = 0.0
    fault: Fault | None = None
    framings: frozenset[Framing] = frozenset()
    cuts: Cuts = "events"
    model: str | None = None
    """The model the answer names; None: the one that was asked."""

    @classmethod
    def of(cls, text: str, **fields: Any) -> Script:
        """A script that answers with `text`, in token-like pieces; the other fields by name."""
        return cls(pieces=text_pieces(text), **fields)


class Raw(msgspec.Struct, frozen=True):
    """Recorded bytes, sent as they are, split into writes by `cuts`."""

    body: bytes
    content_type: str = "text/event-stream"
    status: int = 200
    headers: Mapping[str, str] = {}
    cuts: Cuts = "events"


Answer = Script | Raw


class Call(NamedTuple):
    """A whole tool call of a script."""

    id: str
    name: str
    arguments: str


class Whole(NamedTuple):
    """The pieces of a script, joined."""

    text: str
    thinking: str
    refusal: str
    calls: tuple[Call, ...]
    citations: tuple[Citation, ...]


def joined(script: Script) -> Whole:
    """What the pieces of `script` amount to."""
    calls: dict[int, Call] = {}
    for piece in script.pieces:
        if isinstance(piece, ToolCallDelta):
            before = calls.get(piece.part) or Call(call_id(piece), piece.name or "", "")
            calls[piece.part] = before._replace(arguments=before.arguments + piece.arguments)
    return Whole(
        text="".join(piece.text for piece in script.pieces if isinstance(piece, TextDelta)),
        thinking="".join(piece.text for piece in script.pieces if isinstance(piece, ReasoningDelta)),
        refusal="".join(piece.text for piece in script.pieces if isinstance(piece, Notice)),
        calls=tuple(calls.values()),
        citations=tuple(piece for piece in script.pieces if isinstance(piece, Citation)),
    )


def call_id(piece: ToolCallDelta) -> str:
    """The id of the call a piece belongs to, made from its part when the script names none."""
    return piece.id or f"call_{piece.part}"


_TOKEN = re.compile(r"\s?\w{1,5}|\s+(?=\s)|\s|[^\w\s]{1,3}")


def tokens(text: str) -> list[str]:
    """`text` in pieces as a tokeniser might cut it: at most five letters, a word with its leading space."""
    return _TOKEN.findall(text)


def text_pieces(text: str, *, part: int = 0) -> tuple[TextDelta, ...]:
    """`text` as token-like deltas."""
    return tuple(TextDelta(token, part) for token in tokens(text))


def thinking_pieces(text: str, *, part: int = 0) -> tuple[ReasoningDelta, ...]:
    """`text` as token-like deltas of visible thinking."""
    return tuple(ReasoningDelta(token, part) for token in tokens(text))


def refusal_pieces(text: str) -> tuple[Notice, ...]:
    """`text` as token-like pieces of a refusal."""
    return tuple(Notice("refusal", token) for token in tokens(text))


def tool_pieces(
    part: int, name: str, *, arguments: Mapping[str, Any], identity: str | None = None, size: int = 6
) -> tuple[ToolCallDelta, ...]:
    """A call of the tool `name` as deltas: the name first, then the arguments' JSON by `size` characters."""
    written = json.dumps(dict(arguments), ensure_ascii=False)
    opening = ToolCallDelta(part, id=identity, name=name)
    rest = (written[start : start + size] for start in range(0, len(written), size))
    return (opening, *(ToolCallDelta(part, arguments=piece) for piece in rest))


_EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r|\Z)", re.DOTALL)
_LINE = re.compile(rb"[^\n]*(?:\n|\Z)")


def cut(body: bytes, cuts: Cuts) -> Iterator[bytes]:
    """`body` in the blocks that `cuts` asks for; sizes are used in turn, again and again."""
    match cuts:
        case "whole":
            yield body
        case "bytes":
            yield from (body[at : at + 1] for at in range(len(body)))
        case "events":
            pattern = _EVENT if b"\n\n" in body or b"\r\n\r\n" in body else _LINE
            yield from (found.group() for found in pattern.finditer(body) if found.group())
        case sizes:
            yield from _cut_sizes(body, sizes)


def _cut_sizes(body: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    start = 0
    for size in itertools.cycle(max(1, size) for size in sizes):
        if start >= len(body):
            return
        yield body[start : start + size]
        start += size

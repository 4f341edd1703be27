"""What a wire format is: how a script becomes the blocks of a streamed answer, or one JSON body.

Formats are pure and know nothing of sockets, of time or of faults; one file for each provider's API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streamcell.core.script import Script
    from streamcell.events import Usage

CREATED = 1767225600
"""The one point in time all scripted answers name, so that the same script is the same bytes."""


class Asked(NamedTuple):
    """The part of a request an answer depends on."""

    path: str
    body: Mapping[str, Any]
    model: str


class Format(NamedTuple):
    """One provider's API, written.

    `stream` yields one block for the opening, one for each piece of the script and one for the closing;
    `whole` is the blocking answer. `error` is the body of an HTTP error (status, message, code), `failure`
    the same as an event inside a stream, `ping` a keep-alive; `frame` writes any object as an event.
    """

    content_type: str
    request_header: str
    stream: Callable[[Script, Asked], Iterator[bytes]]
    whole: Callable[[Script, Asked], dict[str, Any]]
    error: Callable[[int, str, str | None], dict[str, Any]]
    failure: Callable[[int, str, str | None], bytes]
    frame: Callable[[Any], bytes]
    ping: bytes


def data_event(value: Any, *, event: str = "") -> bytes:
    """`value` as a server-sent event, named if `event` is given."""
    name = b"event: " + event.encode() + b"\n" if event else b""
    return name + b"data: " + msgspec.json.encode(value) + b"\n\n"


def line(value: Any) -> bytes:
    """`value` as a line of JSON."""
    return msgspec.json.encode(value) + b"\n"


def parsed(arguments: str) -> Any:
    """A tool call's arguments as an object, or as they stand when they are cut or broken."""
    try:
        return msgspec.json.decode(arguments or "{}")
    except msgspec.DecodeError:
        return arguments


def counts(usage: Usage) -> tuple[int, int]:
    """Tokens in and out, where a format has no way to leave one of them unsaid."""
    return usage.input_tokens or 0, usage.output_tokens or 0

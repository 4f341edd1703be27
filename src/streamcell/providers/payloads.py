"""The JSON payloads of one answer, and what to say when they are something else.

A payload that is no JSON is no error yet: keep-alive words and ``[DONE]`` pass by, and a piece of an object
may be the end of a cut body. It is an error when the answer goes on behind it, as text would be missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamcell.core.wire import BODY, Payload
from streamcell.providers.failures import in_place_of_stream, truncated, unreadable
from streamcell.providers.mending import parse_mended

if TYPE_CHECKING:
    from streamcell.errors import StreamcellError

_FIELDS: Final = (b"data:", b"event:")
"""What a stream begins with; the beginning of one of them is a stream cut at once."""
_KEPT: Final = 64 * 1024
"""Bytes of foreign text that are kept to tell what was sent instead of an answer."""


class Payloads:
    """Reads the payloads of one answer; belongs to one decoder."""

    def __init__(self) -> None:
        self._foreign = b""
        self._cut: bytes | None = None

    @property
    def intact(self) -> bool:
        """Nothing broken was read: another payload may be read without this object."""
        return self._cut is None

    def read(self, payload: Payload) -> dict[str, Any] | list[Any] | None:
        """The object or array in a payload, None when there is none; raises `ProtocolError` (see above)."""
        value = parse_mended(payload.data)
        if isinstance(value, (dict, list)) and payload.event != BODY:
            if self._cut is not None:
                raise unreadable(self._cut)
            return value
        if payload.event != BODY and (b"{" in payload.data or b"}" in payload.data):
            self._cut = payload.data
        if len(self._foreign) < _KEPT:
            self._foreign += payload.data + b"\n"
        return value if isinstance(value, (dict, list)) else None

    def ended_early(self, *, started: bool) -> StreamcellError:
        """The error for an answer without its end: cut short, or never an answer at all."""
        foreign = self._foreign.strip()
        if started or not foreign:
            return truncated(started=started)
        if foreign.startswith((b"{", b"[")) and parse_mended(foreign) is None:
            return truncated(started=False)
        if any(field.startswith(foreign) for field in _FIELDS):
            return truncated(started=False)
        return in_place_of_stream(Payload(BODY, foreign))


def merged(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """`extra` over `body`: objects are merged, everything else is replaced."""
    both = {
        key: merged(body[key], extra[key])
        for key in body.keys() & extra.keys()
        if isinstance(body[key], dict) and isinstance(extra[key], dict)
    }
    return {**body, **extra, **both}


class Repeats:
    """Knows an event that is sent again, by a proxy that lost its place."""

    _remembered = 16

    def __init__(self) -> None:
        self._numbered: dict[int, bytes] = {}

    def found(self, number: int | None, data: bytes) -> bool:
        """Whether the same event came before: its number tells, if the server counts (some do not)."""
        if number is None:
            return False
        if self._numbered.get(number) == data and number - 1 in self._numbered:
            return True
        self._numbered[number] = data
        if len(self._numbered) > self._remembered:
            del self._numbered[next(iter(self._numbered))]
        return False

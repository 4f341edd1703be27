"""JSON whose end is still to come, read as far as it has come.

It knows no schema and no event. The parser is jiter's; here is only what it does not decide: where in a text
the JSON stands, which end of it may still change, and how often a growing text is worth reading again.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, NamedTuple, TypeVar

import jiter
from msgspec import UNSET

EXACT: Final = 4096
"""Up to this length a text is read again whenever it has grown."""
STEP: Final = 16
"""Above, it is read again when it has grown by one part in this many."""

_FENCE = "```"
_STARTS = ("{", "[")
# Possessive, so that an open string costs one pass and not one for each quote inside it.
_CLOSED_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_OPEN_STRING = re.compile(rf'(?:[^"]++|{_CLOSED_STRING.pattern})*+"', re.DOTALL)
_SCALAR = "+-." + string.ascii_letters + string.digits
_PLACE = re.compile(r"line (\d+) column (\d+)\Z")


class Grown(NamedTuple):
    """What a text says so far. `whole` is the same without the string that is still open, if one is.

    `levels` is how many objects and lists are still open, each the last part of the one before.
    """

    value: Any
    whole: Any
    levels: int


NOTHING: Final = Grown(UNSET, UNSET, 0)


def document(text: str) -> str:
    """The JSON in the text: without space before it, and without the Markdown fence a model put around it."""
    text = text.lstrip()
    if not text.startswith(_FENCE):
        return text
    _, _, inner = text.partition("\n")
    # No JSON string holds a bare line break, so that this is the end of the fence and nothing else.
    return inner.partition("\n" + _FENCE)[0].lstrip()


def whole_document(text: str) -> str:
    """The JSON in a text that is complete."""
    return document(text).rstrip("` \t\r\n")


def read(text: str) -> Grown:
    """What the beginning of a JSON object or array says; `NOTHING` for a text that begins with neither.

    Strings and lists grow; a number, true, false or null appears when it is complete. Raises `ValueError`
    for what cannot be the beginning of JSON.
    """
    text = document(text)
    if not text.startswith(_STARTS):
        return NOTHING
    is_open = _OPEN_STRING.match(text) is not None
    data = (text if is_open else text.rstrip(_SCALAR)).encode()
    value = jiter.from_json(data, partial_mode="trailing-strings")
    whole = jiter.from_json(data, partial_mode="on") if is_open else value
    return Grown(value, whole, _open_levels(text))


def read_beginning(text: str) -> Grown:
    """The same up to the place where the text stops being JSON."""
    try:
        return read(text)
    except ValueError as error:
        sound = _before(document(text), str(error))
    try:
        return read(sound)
    except ValueError:
        return NOTHING


def _before(text: str, complaint: str) -> str:
    place = _PLACE.search(complaint)
    if place is None:
        return ""
    line, column = map(int, place.groups())
    lines = text.encode(errors="replace").split(b"\n")
    kept = sum(len(before) + 1 for before in lines[: line - 1]) + column - 1
    return b"\n".join(lines)[: max(0, kept)].decode(errors="ignore")


def is_inside_row(text: str) -> bool:
    """Whether the text ends inside an item of its list: the one at its root, or one that is a property."""
    found = document(text)
    return _open_levels(found) > (1 if found.startswith("[") else 2)


def _open_levels(text: str) -> int:
    bare = _STRING.sub("", text)
    return bare.count("{") + bare.count("[") - bare.count("}") - bare.count("]")


Value = TypeVar("Value")


class _Reading(NamedTuple, Generic[Value]):
    stamp: Hashable
    length: int
    ended: bool
    value: Value


class Growing(Generic[Value]):
    """What was made of a growing text last, made anew when it has grown enough: all of it costs linear time.

    Any thread may read; two that read at once do the work twice.
    """

    def __init__(self) -> None:
        self._last: _Reading[Value] | None = None

    def read(self, make: Callable[[], Value], *, stamp: Hashable, length: int, ended: bool = False) -> Value:
        """What `make` gives for the text of this `length`; the last reading while it is young enough.

        Texts of one `stamp` begin alike. Of a text that has ended every character counts.
        """
        last = self._last
        if last is not None and last.stamp == stamp and last.ended == ended:
            step = last.length // STEP if last.length > EXACT and not ended else 1
            if last.length <= length < last.length + step:
                return last.value
        value = make()
        self._last = _Reading(stamp, length, ended, value)
        return value

    def __reduce__(self) -> tuple[type[Growing[Value]], tuple[()]]:
        return (type(self), ())

"""What is written of a stream: whose it is, and its events in entries. Values, and how they are read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from streamcell.events import ErrorInfo, Event, Finished

GONE: Final = Finished(
    "truncated",
    ErrorInfo(
        "truncated",
        "the worker that ran this stream is gone; what it said is kept, ask again for a whole answer",
        retryable=True,
    ),
)
"""How a stream ends whose worker is gone."""
_FOREIGN: Final = Finished(
    "error",
    ErrorInfo("protocol", "another worker wrote what this one does not understand; are they of one version?"),
)
_EVENTS = msgspec.json.Decoder(list[Event])


class Facts(NamedTuple):
    """Whose stream it is, which model answers, and which worker runs it."""

    owner: str
    model: str
    worker: str


class Entry(NamedTuple):
    """Neighbouring events of a stream, the first of which has the number `first`."""

    first: int
    events: Sequence[Event]

    @property
    def last(self) -> bool:
        """Whether the stream ends with it."""
        return bool(self.events) and isinstance(self.events[-1], Finished)


class Write(NamedTuple):
    """An entry for a stream; with `facts` the end of the stream is also the end of a run of its owner."""

    identity: str
    entry: Entry
    facts: Facts | None = None


def written(entry: Entry) -> bytes:
    """The events of an entry as they are kept."""
    return msgspec.json.encode(entry.events)


def read_entry(first: int, events: bytes) -> Entry:
    """The entry that was written so; one that cannot be read is the end for its reader."""
    try:
        return Entry(first, _EVENTS.decode(events))
    except msgspec.MsgspecError:
        return Entry(first, [_FOREIGN])

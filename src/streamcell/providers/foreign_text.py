"""Reads plain text as an answer: every payload is a piece of it, and the end is the end.

For streams of `str`, which say nothing but their text: no usage, no finish reason, no model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamcell.core.wire import Payload
from streamcell.events import Event, Finished, Started, TextDelta

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "text"
"""What a stream of plain text is called where a provider's name stands."""

EVENT: Final = "\ntext"
"""The event name of a payload that is text and no JSON; no server can send it, as it holds a line end."""

# A Python string may hold half a surrogate pair, which plain UTF-8 refuses.
_ENCODING: Final = ("utf-8", "surrogatepass")


class TextDecoder:
    """Reads one stream of text; see `contract.Decoder`."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        self._started = False

    @property
    def finished(self) -> bool:
        return False

    @property
    def complete(self) -> bool:
        return False

    def feed(self, payload: Payload) -> Iterator[Event]:
        yield from self._start()
        if payload.data:
            yield TextDelta(payload.data.decode(*_ENCODING))

    def close(self) -> Iterator[Event]:
        yield from self._start()
        yield Finished("stop")

    def _start(self) -> Iterator[Event]:
        if not self._started:
            self._started = True
            yield Started(self._provider, self._model)


def payload(text: str) -> Payload:
    """`text` as the payload that `TextDecoder` reads."""
    return Payload(EVENT, text.encode(*_ENCODING))

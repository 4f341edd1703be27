"""A stream of the server as its readers see it, and those that this process runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from streamcell.core.log import Log
from streamcell.events import Event
from streamcell.handle import Stream
from streamcell.serve import feed
from streamcell.serve.feed import Numbered


class Readable(Protocol):
    """A stream that can be read and stopped, wherever it runs."""

    id: str

    @property
    def owner(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def finished(self) -> bool: ...

    def is_whole_at(self, number: int) -> bool:
        """Whether a reader that has this event, and all before it, has the stream to its end."""
        ...

    def follow(self, *, after: int = -1, beat: float | None) -> AsyncGenerator[list[Numbered]]:
        """The events behind number `after`, as they come; an empty list after `beat` seconds without any."""
        ...

    async def stop(self) -> str | None:
        """End the run, if it still runs; the reason of its end. Raises the refusal (503)."""
        ...


@dataclass(eq=False)
class Held:
    """A stream that runs here, and whose it is; `ended` is the monotonic time of its end."""

    id: str
    owner: str
    model: str
    stream: Stream
    ended: float | None = None
    readers: int = 0

    @property
    def events(self) -> Log[Event]:
        return self.stream.ledger.events

    @property
    def finished(self) -> bool:
        return self.stream.finished

    def is_whole_at(self, number: int) -> bool:
        return self.finished and number + 1 >= self.events.next

    def follow(self, *, after: int = -1, beat: float | None) -> AsyncGenerator[list[Numbered]]:
        return feed.follow(self.stream, after=after, beat=beat)

    async def stop(self) -> str | None:
        self.stream.cancel()
        return self.stream.response.stop_reason

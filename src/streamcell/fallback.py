"""A run that answers anew, with another model or without streaming, when the first one fails."""

from __future__ import annotations

import logging

from streamcell.errors import BackpressureTimeout, LimitExceeded, StreamcellError
from streamcell.events import Event, Notice, Started
from streamcell.run import Deliver, Source

log = logging.getLogger("streamcell")


class Fallback:
    """A run, and another that answers anew when the first fails; the seam is visible as a `Notice`."""

    def __init__(self, first: Source, second: Source, *, name: str) -> None:
        self._first = first
        self._second = second
        self._name = name

    async def __call__(self, deliver: Deliver) -> None:
        try:
            await self._first(deliver)
        except StreamcellError as error:
            if isinstance(error, LimitExceeded | BackpressureTimeout):
                raise
            seam = Notice("fallback", f"{error}. Answered anew by {self._name}.")
            log.info("fallback to %s: %s", self._name, error)
        else:
            return

        async def deliver_behind_seam(events: list[Event]) -> None:
            behind: list[Event] = []
            for event in events:
                behind.append(event)
                if isinstance(event, Started):
                    behind.append(seam)
            await deliver(behind)

        await self._second(deliver_behind_seam)

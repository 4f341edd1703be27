"""One answer of a chat: its stream, and what the pages were told of it.

All answers of a chat share one road to its pages; each is a session of its own on it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from streamcell.core.protocol import FromKernel, FromPage, Part, Snapshot
from streamcell.handle import Stream
from streamcell.notebook.paced import PacedSession
from streamcell.notebook.pacer import Paced
from streamcell.notebook.session import Session


class Road(Protocol):
    """What an answer needs of its chat."""

    def tell(self, message: FromKernel) -> None: ...

    def moved(self) -> None:
        """The answer's place in the synced state is worth publishing again, if it says something else."""
        ...


class ChatRun:
    """The answer `id`. `recalled`: it was read from a conversation, not given here.

    `settled` is set when the answer stands in the conversation, a moment after its last event is there.
    """

    def __init__(
        self,
        stream: Stream,
        road: Road,
        *,
        id: str,  # noqa: A002 - what the messages call it, too
        model: str,
        scripted: bool,
        wake_pacer: Callable[[Paced], object],
        recalled: bool = False,
    ) -> None:
        self.stream = stream
        self.id = id
        self.model = model
        self.recalled = recalled
        self.settled = threading.Event()
        self._road = road
        self._heard = not recalled
        self._session = Session(stream, self, run=id, model=model, scripted=scripted)
        self._paced = PacedSession(self._session, wake_pacer)
        if recalled:
            # Pages hear of it when they ask, and are told at once that it is over.
            self.settled.set()
            self._session.flush(0.0)
            self._heard = True
        else:
            stream.ledger.events.watch(self._paced.wake)

    def wake(self) -> None:
        """Send what there is."""
        self._paced.wake()

    def receive(self, message: FromPage, now: float) -> None:
        self._paced.receive(message, now)

    def snapshot(self) -> Snapshot:
        return self._session.snapshot()

    @property
    def over(self) -> bool:
        return self.stream.response.stop_reason is not None

    # What the session's channel does

    def tell(self, message: FromKernel) -> None:
        if self._heard:
            self._road.tell(message)

    def publish(self, snapshot: Snapshot) -> None:
        if self._heard:
            self._road.moved()

    def publish_static(self) -> None:
        """The chat's lasting output is made anew after every turn."""

    def deliver_bundle(self, part: Part | None) -> None:
        """Asked of the chat, not of an answer."""

    def gone(self) -> None:
        """A chat keeps its live view."""

"""A session and its turns at the pacer: woken by its run's log and by its page, it sends when it may.

Knows no thread: whoever makes one says how the pacer is woken.
"""

from __future__ import annotations

from collections.abc import Callable

from streamcell.core.protocol import FromPage
from streamcell.notebook.pacer import Paced
from streamcell.notebook.session import Session


class PacedSession:
    """What the pacer calls. `wake_pacer` may be called from any thread, once per piece of news."""

    def __init__(self, session: Session, wake_pacer: Callable[[Paced], object]) -> None:
        self.session = session
        self._wake_pacer = wake_pacer
        self._woken = False

    def flush(self, now: float) -> int:
        self._woken = False
        messages = self.session.flush(now)
        if not self.session.idle:
            self.wake()
        return messages

    def pause(self, now: float) -> float:
        return self.session.pause(now)

    def wake(self) -> None:
        """There is something to send; called for every piece that arrives."""
        if not self._woken:
            self._woken = True
            self._wake_pacer(self)

    def receive(self, message: FromPage, now: float) -> None:
        """What a page says, on any thread."""
        if self.session.receive(message, now):
            self.wake()

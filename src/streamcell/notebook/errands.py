"""What a page asks for and what takes a while: done off the kernel's thread, one thing after the other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from streamcell.io import worker
from streamcell.io.portal import portal

Errand = Callable[[], object]


class Errands:
    """Runs functions in the order they were handed over; `hand_over` never waits. They must not raise."""

    def __init__(self) -> None:
        self._waiting: deque[Errand] = deque()
        self._lock = threading.Lock()

    def hand_over(self, errand: Errand) -> None:
        self._waiting.append(errand)
        portal.submit(lambda: worker.call(self._run_next))

    def _run_next(self) -> None:
        # Not the one that this thread was started for, but the one whose turn it is.
        with self._lock:
            self._waiting.popleft()()

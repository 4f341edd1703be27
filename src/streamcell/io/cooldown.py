"""Pauses that servers asked for, shared by all streams of this process: a pure table of moments.

A pause is asked of an account (an address with a key) and a model, so that is what it is kept for. The
table knows no clock: times are handed in, and belong to the clock that is part of the place. Any thread may
call it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable

    from streamcell.events import ErrorInfo


class Pause(msgspec.Struct, frozen=True):
    """No call before `until` (monotonic seconds), because of `error`."""

    until: float
    error: ErrorInfo


class Cooldowns:
    """The pauses now in force, by place (whatever tells one account and model from another)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pauses: dict[Hashable, Pause] = {}

    def ask(self, place: Hashable, pause: Pause) -> None:
        """From now on nobody calls `place` before the pause is over; it never shortens one in force."""
        with self._lock:
            before = self._pauses.get(place)
            if before is None or before.until < pause.until:
                self._pauses[place] = pause

    def pause(self, place: Hashable, now: float) -> Pause | None:
        """The pause in force for `place` at `now`; one that is over is forgotten."""
        with self._lock:
            pause = self._pauses.get(place)
            if pause is not None and pause.until <= now:
                del self._pauses[place]
                pause = None
        return pause


shared = Cooldowns()
"""The table of this process."""

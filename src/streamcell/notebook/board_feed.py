"""The board on its way to the pages: at most every half second while something runs, and never otherwise.

What the pacer calls, beside the sessions of single answers; the budget is one. Knows no widget and no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from streamcell.core.board import Board
from streamcell.live_runs import LiveRun
from streamcell.notebook.pacer import Paced

SECONDS: Final = 0.5
LASTING_SECONDS: Final = 10.0
"""How old what a notebook keeps may be while something runs; when all is over it is made anew."""


class Channel(Protocol):
    """The road to the pages."""

    def publish(self, board: Board) -> None:
        """The synced state, for all pages."""
        ...

    def renew(self, board: Board) -> None:
        """What lasts without a kernel."""
        ...


class BoardFeed:
    """One dashboard at the pacer. `begun` and `ended` may be called on any thread, `flush` on the pacer's.

    `later` calls a function so many seconds from now, `wake_pacer` gives a turn.
    """

    def __init__(
        self,
        channel: Channel,
        board: Callable[[], Board],
        *,
        wake_pacer: Callable[[Paced], object],
        later: Callable[[float, Callable[[], object]], object],
    ) -> None:
        self._channel = channel
        self._board = board
        self._wake_pacer = wake_pacer
        self._later = later
        self._told: Board | None = None
        self._lasting: Board | None = None
        self._renewed_at: float | None = None
        self._due = False

    def begun(self, _run: LiveRun) -> None:
        self.note()

    def ended(self, _run: LiveRun) -> None:
        self.note()

    def note(self) -> None:
        """Something changed: it is told in half a second, with what else changes till then."""
        if not self._due:
            self._due = True
            self._later(SECONDS, lambda: self._wake_pacer(self))

    def flush(self, now: float) -> int:
        # Before the board is made: what changes from here on is told the next time.
        self._due = False
        board = self._board()
        if board.running:
            self.note()
        return self._publish(board) + self._renew(board, now)

    def pause(self, _now: float) -> float:
        return 0.0

    def _publish(self, board: Board) -> int:
        if board == self._told:
            return 0
        self._told = board
        self._channel.publish(board)
        return 1

    def _renew(self, board: Board, now: float) -> int:
        if self._renewed_at is None:
            # It was displayed with what lasts of it a moment ago.
            self._renewed_at = now
        early = bool(board.running) and now - self._renewed_at < LASTING_SECONDS
        if early or board == self._lasting:
            return 0
        self._lasting, self._renewed_at = board, now
        self._channel.renew(board)
        return 1

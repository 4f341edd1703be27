"""The runs of this process from their begin on: those that go, the last that ended, and who is told of them.

It holds figures, names and the streams that go, which can be stopped; never a prompt, an answer or a key.
Nothing is done between the begin and the end of a run. What is shown of it, and where, it does not know.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol
from weakref import WeakKeyDictionary

import msgspec

from streamcell.core.board import Board, BoardRun, Course, rates, spread
from streamcell.core.metrics import Gaps
from streamcell.core.protocol import Figures, ViewState
from streamcell.core.response import StreamingResponse
from streamcell.handle import Stream

log = logging.getLogger("streamcell")

KEPT: Final = 30
"""How many runs that are over a board tells one by one."""

_ENDS: Final[dict[str | None, ViewState]] = {"cancelled": "stopped", "error": "failed", "truncated": "failed"}


class LiveRun:
    """A run that was begun. After its end `stream` still has its answer."""

    def __init__(self, number: int, stream: Stream) -> None:
        self.number = number
        self.stream = stream
        self.course = Course()
        self._estimated = False

    @property
    def response(self) -> StreamingResponse:
        return self.stream.response

    @property
    def state(self) -> ViewState:
        if self.response.stop_reason is not None:
            return _ENDS.get(self.response.stop_reason, "done")
        if self.stream.approvals.waiting:
            return "approval"
        meter = self.stream.ledger.meter
        if meter.time_to_first_token is not None:
            return "streaming"
        return "retrying" if meter.retries else "waiting"

    def told(self, *, waited: bool = False) -> BoardRun:
        """The run as it stands; its course goes on to here."""
        figures, metadata = self.stream.figures(), self.response.metadata
        self._note(figures)
        return BoardRun(
            str(self.number),
            ":".join(str(metadata[key]) for key in ("provider", "model") if metadata.get(key)),
            self.state,
            figures,
            scripted=bool(metadata.get("scripted")),
            replayed=bool(metadata.get("replayed")),
            waited=waited,
        )

    def _note(self, figures: Figures) -> None:
        begin, first = self.response.start_time, figures.time_to_first_token
        if begin is None or first is None:
            return
        if self.course.span is None:
            self.course.add(begin + first, 0)
        counted = self._estimated and not figures.tokens_estimated
        self._estimated = figures.tokens_estimated
        note = self.course.settle if counted else self.course.add
        note(begin + figures.elapsed, figures.tokens or 0)


class Watcher(Protocol):
    """Is told of every run, on the thread of the run; must not block."""

    def begun(self, run: LiveRun) -> object:
        """The request goes out, in the context of who asked."""
        ...

    def ended(self, run: LiveRun) -> object:
        """The run is over; its answer and figures are whole."""
        ...


class _Ended(msgspec.Struct, frozen=True):
    told: BoardRun
    course: Course


class LiveRuns:
    """All runs that were begun. Callable from any thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._numbers = itertools.count(1)
        self._running: dict[int, LiveRun] = {}
        self._known: WeakKeyDictionary[Stream, int] = WeakKeyDictionary()
        self._ended: deque[_Ended] = deque(maxlen=kept)
        self._counts: Counter[ViewState] = Counter()
        self._tokens = 0
        self._cost: float | None = None
        self._firsts, self._gaps = Gaps(), Gaps()
        self._watchers: tuple[Watcher, ...] = ()
        self._lock = threading.Lock()

    def follow(self, stream: Stream) -> None:
        """Take in the run of `stream`, which has not begun, when it begins."""
        run: LiveRun | None = None

        def begun(_response: StreamingResponse) -> None:
            nonlocal run
            run = LiveRun(next(self._numbers), stream)
            self._begin(run)

        def finished(_response: StreamingResponse) -> None:
            if run is not None:
                self._end(run)

        stream.ledger.watch(begun=begun, finished=finished)

    def running(self) -> list[LiveRun]:
        """The runs that have not ended, the oldest first."""
        with self._lock:
            return list(self._running.values())

    def find(self, number: str) -> LiveRun | None:
        """The run of this number, while it goes."""
        with self._lock:
            return self._running.get(int(number)) if number.isascii() and number.isdigit() else None

    def number(self, stream: Stream) -> int | None:
        """The number of a run that was begun, also after its end."""
        with self._lock:
            return self._known.get(stream)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell `watcher` of every run from now on; returns the function that ends it."""
        with self._lock:
            self._watchers = (*self._watchers, watcher)
        return lambda: self._forget(watcher)

    def board(self, *, waited: Callable[[Stream], bool] = lambda _stream: False) -> Board:
        """What a dashboard shows now; `waited` says whether a cell waits for a stream."""
        with self._lock:
            live, ended, counts = list(self._running.values()), list(self._ended), Counter(self._counts)
            firsts, gaps = self._firsts.copy(), self._gaps.copy()
            tokens, cost = self._tokens, self._cost
        told = [run.told(waited=waited(run.stream)) for run in live]
        for run, shown in zip(live, told, strict=True):
            if not shown.replayed:
                _spread_out(run, shown.figures, firsts, gaps)
                tokens += shown.figures.tokens or 0
                cost = _plus(cost, shown.figures.cost)
        courses = [*(run.course for run in live), *(one.course for one in ended)]
        columns, seconds = rates(courses)
        return Board(
            sorted([*told, *(one.told for one in ended)], key=lambda one: -int(one.run)),
            more=sum(counts.values()) - len(ended),
            running=len(live),
            done=counts["done"],
            stopped=counts["stopped"],
            failed=counts["failed"],
            tokens=tokens,
            cost=cost,
            rates=columns,
            seconds=round(seconds, 1),
            first=spread(firsts),
            gaps=spread(gaps),
        )

    def _begin(self, run: LiveRun) -> None:
        with self._lock:
            self._running[run.number] = run
            self._known[run.stream] = run.number
        self._tell(self._watchers, lambda watcher: watcher.begun(run))

    def _end(self, run: LiveRun) -> None:
        told = run.told()
        with self._lock:
            self._running.pop(run.number, None)
            self._ended.append(_Ended(told, run.course))
            self._counts[told.state] += 1
            if not told.replayed:
                _spread_out(run, told.figures, self._firsts, self._gaps)
                self._tokens += told.figures.tokens or 0
                self._cost = _plus(self._cost, told.figures.cost)
        self._tell(self._watchers, lambda watcher: watcher.ended(run))

    def _tell(self, watchers: Iterable[Watcher], what: Callable[[Watcher], object]) -> None:
        for watcher in watchers:
            try:
                what(watcher)
            except Exception:
                log.exception("a watcher of runs raised and was detached: %r", watcher)
                self._forget(watcher)

    def _forget(self, watcher: Watcher) -> None:
        with self._lock:
            self._watchers = tuple(other for other in self._watchers if other is not watcher)


live_runs: Final = LiveRuns()
"""Those of this process."""


def _spread_out(run: LiveRun, figures: Figures, firsts: Gaps, gaps: Gaps) -> None:
    if figures.time_to_first_token is not None:
        firsts.add(figures.time_to_first_token)
    gaps.add_all(run.stream.ledger.meter.gaps)


def _plus(sum_: float | None, one: float | None) -> float | None:
    return sum_ if one is None else (sum_ or 0.0) + one

"""What a dashboard tells at one moment: runs, their figures, how times spread. Values and arithmetic only.

Whose runs they are, and when anybody is told, is decided elsewhere. Times are seconds; the times of a course
are those of the wall clock, so that the courses of several runs can be added.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

import msgspec

from streamcell.core.metrics import Gaps
from streamcell.core.protocol import Figures, ViewState

COLUMNS: Final = 40
"""How many columns tokens per second are told in."""
WINDOW: Final = 120.0
"""The seconds that they cover at most."""
SHORTEST: Final = 0.1
POINTS: Final = 64
"""How many points a course holds at most."""

_EDGES: Final = tuple(step * 10.0**power for power in range(-3, 3) for step in (1, 2, 5))
"""From 1 ms to 500 s."""


class Bin(msgspec.Struct, frozen=True):
    """How many times lie at or below `upto` seconds, and above the bin before."""

    upto: float
    count: int


class Spread(msgspec.Struct, frozen=True, omit_defaults=True):
    """How times spread: neighbouring bins without empty ones at the ends, and two quantiles."""

    bins: list[Bin] = []
    p50: float | None = None
    p95: float | None = None


class BoardRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run of the table."""

    run: str
    model: str
    state: ViewState
    figures: Figures
    scripted: bool = False
    replayed: bool = False
    waited: bool = False
    """A cell waits for it, so that an interrupt of the kernel ends it."""


class Board(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of it: the newest runs first, totals of all runs of the process, and the charts.

    `more` runs are over and not in `runs`. `rates` are tokens per second in columns of equal width that end
    with the newest token and cover `seconds`. `cost` is in US dollars; None when no cost is known.
    """

    runs: list[BoardRun] = []
    more: int = 0
    running: int = 0
    done: int = 0
    stopped: int = 0
    failed: int = 0
    tokens: int = 0
    cost: float | None = None
    rates: list[float] = []
    seconds: float = 0.0
    first: Spread = Spread()
    gaps: Spread = Spread()


class Course:
    """How the tokens of one run came: points of time and tokens so far, in constant memory."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._tokens: list[float] = []

    @property
    def span(self) -> tuple[float, float] | None:
        """When it begins and where it has come to; None before any token."""
        return (self._times[0], self._times[-1]) if self._times else None

    def add(self, at: float, tokens: int) -> None:
        """`tokens` had come at time `at`; what lies before the last point is left out."""
        if self._times and at < self._times[-1]:
            return
        if len(self._times) >= POINTS:
            # Every other one, but neither the first nor the last.
            del self._times[1:-1:2], self._tokens[1:-1:2]
        self._times.append(at)
        self._tokens.append(tokens)

    def settle(self, at: float, tokens: int) -> None:
        """`tokens` were counted at time `at`, where only an estimate was known: it was as wrong before."""
        if len(self._times) > 1 and at > self._times[-1]:
            begin, last = self._times[0], self._times[-1]
            # Had it gone on as it did, the estimate would be this now.
            estimate = self._tokens[-1] * (at - begin) / (last - begin) if last > begin else 0.0
            if estimate:
                self._tokens = [known * tokens / estimate for known in self._tokens]
        self.add(at, tokens)

    def tokens(self, at: float) -> float:
        """How many had come at time `at`: nothing before the first point, evenly between two."""
        after = bisect_right(self._times, at)
        if after == 0:
            return 0.0
        if after == len(self._times):
            return self._tokens[-1]
        begin, end = self._times[after - 1], self._times[after]
        share = (at - begin) / (end - begin)
        return self._tokens[after - 1] + share * (self._tokens[after] - self._tokens[after - 1])


def rates(courses: Sequence[Course], *, columns: int = COLUMNS) -> tuple[list[float], float]:
    """Tokens per second of all courses together, in so many columns, and the seconds that these cover."""
    spans = [(course, begin, end) for course in courses if (span := course.span) for begin, end in [span]]
    if not spans:
        return [], 0.0
    last = max(end for _, _, end in spans)
    # Nothing is measured in less than a tenth of a second.
    first = min(last - SHORTEST, max(last - WINDOW, min(begin for _, begin, _ in spans)))
    within = [course for course, _, end in spans if end >= first]
    step = (last - first) / columns
    # What came at the first moment itself belongs to the first column.
    edges = [math.nextafter(first, 0.0), *(first + step * number for number in range(1, columns)), last]
    sums = [sum(course.tokens(edge) for course in within) for edge in edges]
    return [round((late - early) / step, 1) for early, late in itertools.pairwise(sums)], last - first


def spread(times: Gaps) -> Spread:
    """How these times spread."""
    counts: dict[int, int] = {}
    for seconds, count in times.counts():
        place = min(bisect_left(_EDGES, seconds * (1 - 1e-9)), len(_EDGES) - 1)
        counts[place] = counts.get(place, 0) + count
    if not counts:
        return Spread()
    places = range(min(counts), max(counts) + 1)
    bins = [Bin(round(_EDGES[place], 3), counts.get(place, 0)) for place in places]
    return Spread(bins, times.quantile(0.5), times.quantile(0.95))

"""The figures of one run, measured while it goes, in constant memory.

`Meter` is fed the events with the time they arrived; it reads no clock itself. Times are seconds, cost is
US dollars, None means unknown.
"""

from __future__ import annotations

import functools
import math
from typing import Final

import msgspec

from streamcell.core.protocol import Figures
from streamcell.core.turn_usage import Pricing, TurnUsage
from streamcell.events import (
    CONTENT,
    ApprovalRequest,
    ApprovalResult,
    Event,
    Finished,
    ReasoningDelta,
    Retrying,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    UsageReport,
)

STALL_SECONDS = 2.0
"""A silence this long between two pieces of content counts as a stall."""

_OURS: Final = (ApprovalRequest, ApprovalResult, ToolResult)
"""Content that is made here, between two turns of the model, unless the provider ran the tool itself."""


class Metrics(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one run took and gave; None where unknown.

    `chunks` counts the provider's text deltas, `characters` the text's code points. `gap_p50` and `gap_p99`
    are quantiles of the time between arrivals of content, good to 5 %. `tokens_estimated` says that some of
    `output_tokens` is our estimate because the provider did not count it. `cost` is that of all turns, by
    the provider's counts; it is unknown when one of them was not counted.

    The time between two turns, in which a tool runs, the user is asked or the next request is on its way, is
    no gap and no stall, and does not count in `tokens_per_second`.
    """

    time_to_first_token: float | None = None
    duration: float | None = None
    chunks: int = 0
    characters: int = 0
    output_tokens: int | None = None
    tokens_per_second: float | None = None
    gap_p50: float | None = None
    gap_p99: float | None = None
    stalls: int = 0
    retries: int = 0
    cost: float | None = None
    tokens_estimated: bool = False


class Gaps:
    """Quantiles of positive durations in constant memory: a histogram whose buckets grow by 5 %."""

    _growth = math.log(1.05)
    _smallest = 1e-6

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._count = 0

    def add(self, seconds: float) -> None:
        bucket = round(math.log(max(seconds, self._smallest)) / self._growth)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self._count += 1

    def add_all(self, others: Gaps) -> None:
        """Count those of `others`, which another thread may be adding to."""
        for bucket, count in dict(others._buckets).items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count
            self._count += count

    def copy(self) -> Gaps:
        copied = Gaps()
        copied.add_all(self)
        return copied

    def counts(self) -> list[tuple[float, int]]:
        """The durations, good to 5 %, with how many there are of each; the shortest first."""
        return [(math.exp(bucket * self._growth), count) for bucket, count in sorted(self._buckets.items())]

    def quantile(self, share: float) -> float | None:
        """The duration below which `share` (0 to 1) of all lie; None before the first."""
        if not self._count:
            return None
        wanted = share * self._count
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return math.exp(bucket * self._growth)
        return None


class Meter:
    """Counts one run. Written by the run's own task; `figures` and `metrics` may be read from any thread.

    `started` is the monotonic time of the request; until there is one (None) no time passes. `cost` is that
    of the turns that are over, so there is none while the first one goes: `pricing` may take its time.
    """

    def __init__(self, started: float | None = None, *, pricing: Pricing | None = None) -> None:
        self._started = started
        self._pricing = pricing
        self._first: float | None = None
        self.last = started or 0.0
        self._ended: float | None = None
        self._heard: float | None = None
        self._paused = False
        self._between_turns = 0.0
        self._in_tools = 0.0
        self._gaps = Gaps()
        self._answering: Started | None = None
        self._turn = TurnUsage()
        self._earlier = 0
        self._earlier_estimated = False
        self._spent: float | None = 0.0
        self.cost: float | None = None
        self.chunks = 0
        self.characters = 0
        self.stalls = 0
        self.retries = 0

    def add(self, events: list[Event], now: float) -> None:
        """Count events that arrived together at monotonic time `now`."""
        content = False
        for event in events:
            if type(event) is TextDelta:
                content = True
                self.chunks += 1
                self.characters += len(event.text)
                self._turn.add(event.text)
            elif isinstance(event, _OURS) and not getattr(event, "server", False):
                if content:
                    self._arrive(now)
                content = False
                self._pause(now)
            elif isinstance(event, CONTENT):
                content = True
                self._weigh_other(event)
            else:
                self._note(event, now)
        if content:
            self._arrive(now)

    def _weigh_other(self, event: Event) -> None:
        if isinstance(event, ReasoningDelta):
            self._turn.add(event.text)
        elif isinstance(event, ToolCallDelta):
            self._turn.add(event.arguments)

    def _note(self, event: Event, now: float) -> None:
        if isinstance(event, Started):
            self._settle()
            self._begin_turn(event)
        elif isinstance(event, UsageReport):
            self._turn.report(event.usage)
        elif isinstance(event, Retrying):
            # Attempt 0 is no attempt: the run waits out a pause that another one was told to make.
            self.retries += event.attempt > 0
        elif isinstance(event, Finished):
            self._ended = now
            self._settle()

    def _begin_turn(self, event: Started) -> None:
        """Usage is reported by turn: what the turns before this one took is added up."""
        self._earlier, self._earlier_estimated = self.tokens or 0, self.tokens_estimated
        self._turn = TurnUsage()
        self._answering = event

    def _settle(self) -> None:
        """The turn is over: what it cost is added; if nobody knows that, nobody knows the sum."""
        if self._answering is None or self._pricing is None:
            return
        price = functools.partial(self._pricing, self._answering.provider, self._answering.model)
        cost = None if self._spent is None else self._turn.cost(price)
        self._spent = None if self._spent is None or cost is None else self._spent + cost
        self.cost = self._spent

    def _arrive(self, now: float) -> None:
        """The provider sent content."""
        if self._first is None:
            self._first = now
        if self._heard is not None:
            silence = now - self._heard
            if self._paused:
                self._between_turns += silence
            else:
                self._gaps.add(silence)
                self.stalls += silence >= STALL_SECONDS
        self.last, self._heard, self._paused = now, now, False

    def _pause(self, now: float) -> None:
        """Content of our own came: the provider has nothing to say until the next turn."""
        if self._first is None:
            self._first = now
        else:
            self._in_tools += now - self.last
        self.last, self._paused = now, True

    @property
    def tokens(self) -> int | None:
        """Output tokens: the provider's count, else our estimate; None before any content."""
        turn = self._turn.tokens
        return self._earlier or None if turn is None else self._earlier + turn

    @property
    def tokens_estimated(self) -> bool:
        return self._earlier_estimated or self._turn.estimated

    @property
    def gaps(self) -> Gaps:
        """The times between arrivals of content."""
        return self._gaps

    @property
    def time_to_first_token(self) -> float | None:
        return None if self._first is None else self._elapsed(self._first)

    def _elapsed(self, now: float) -> float:
        if self._started is None:
            return 0.0
        return (now if self._ended is None else min(now, self._ended)) - self._started

    def _rate(self) -> float | None:
        """Tokens per second since the first one arrived; None while that is no measurable time."""
        tokens = self.tokens
        if tokens is None or self._first is None or self._heard is None:
            return None
        span = self._heard - self._first - self._between_turns
        if span <= 0 and self._ended is not None:
            span = self._elapsed(self._ended) - self._in_tools
        return tokens / span if span > 0 else None

    def figures(self, now: float) -> Figures:
        """The status bar at monotonic time `now`."""
        return Figures(
            elapsed=self._elapsed(now),
            chunks=self.chunks,
            characters=self.characters,
            time_to_first_token=self.time_to_first_token,
            tokens=self.tokens,
            tokens_estimated=self.tokens_estimated,
            tokens_per_second=self._rate(),
            cost=self.cost,
            stalls=self.stalls,
            retries=self.retries,
        )

    def metrics(self, now: float) -> Metrics:
        """The figures of the whole run (of the run so far, while it goes)."""
        return Metrics(
            time_to_first_token=self.time_to_first_token,
            duration=self._elapsed(now),
            chunks=self.chunks,
            characters=self.characters,
            output_tokens=self.tokens,
            tokens_per_second=self._rate(),
            gap_p50=self._gaps.quantile(0.5),
            gap_p99=self._gaps.quantile(0.99),
            stalls=self.stalls,
            retries=self.retries,
            cost=self.cost,
            tokens_estimated=self.tokens_estimated,
        )

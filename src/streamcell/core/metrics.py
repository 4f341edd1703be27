"""The figures of one run, measured while it goes, in constant memory.

`Meter` is fed the events with the time they arrived; it reads no clock itself. Times are seconds, cost is
US dollars, None means unknown.
"""

from __future__ import annotations

import math

import msgspec

from streamcell.core.protocol import Figures
from streamcell.events import (
    CONTENT,
    Event,
    Finished,
    ReasoningDelta,
    Retrying,
    Started,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)

STALL_SECONDS = 2.0
"""A silence this long between two pieces of content counts as a stall."""

_CHARACTERS_PER_TOKEN = 4
"""The usual estimate for English text; used only until the provider says its own count."""


class Metrics(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one run took and gave; None where unknown.

    `chunks` counts the provider's text deltas, `characters` the text's code points. `gap_p50` and `gap_p99`
    are quantiles of the time between arrivals of content, good to 5 %. `tokens_estimated` says that
    `output_tokens` is our estimate because the provider gave no count.
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

    `started` is the monotonic time of the request; until there is one (None) no time passes.
    """

    def __init__(self, started: float | None = None) -> None:
        self._started = started
        self._first: float | None = None
        self.last = started or 0.0
        self._ended: float | None = None
        self._gaps = Gaps()
        self._bytes = 0
        self._tokens: int | None = None
        self._earlier = 0
        self._earlier_estimated = False
        self.chunks = 0
        self.characters = 0
        self.stalls = 0
        self.retries = 0
        self.cost: float | None = None

    def add(self, events: list[Event], now: float) -> None:
        """Count events that arrived together at monotonic time `now`."""
        content = False
        for event in events:
            if type(event) is TextDelta:
                content = True
                self.chunks += 1
                self.characters += len(event.text)
                self._weigh(event.text)
            elif isinstance(event, CONTENT):
                content = True
                self._weigh_other(event)
            else:
                self._note(event, now)
        if content:
            self._arrive(now)

    def _weigh_other(self, event: Event) -> None:
        if isinstance(event, ReasoningDelta):
            self._weigh(event.text)
        elif isinstance(event, ToolCallDelta):
            self._weigh(event.arguments)

    def _note(self, event: Event, now: float) -> None:
        if isinstance(event, Started):
            self._begin_turn()
        elif isinstance(event, UsageReport):
            if event.usage.output_tokens is not None:
                self._tokens = event.usage.output_tokens
        elif isinstance(event, Retrying):
            # Attempt 0 is no attempt: the run waits out a pause that another one was told to make.
            self.retries += event.attempt > 0
        elif isinstance(event, Finished):
            self._ended = now

    def _begin_turn(self) -> None:
        """Usage is reported by turn: what the turns before this one took is added up."""
        self._earlier, self._earlier_estimated = self.tokens or 0, self.tokens_estimated
        self._tokens, self._bytes = None, 0

    def _weigh(self, text: str) -> None:
        self._bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))

    def _arrive(self, now: float) -> None:
        if self._first is None:
            self._first = now
        else:
            gap = now - self.last
            self._gaps.add(gap)
            self.stalls += gap >= STALL_SECONDS
        self.last = now

    @property
    def tokens(self) -> int | None:
        """Output tokens: the provider's count, else our estimate; None before any content."""
        if self._tokens is not None:
            return self._earlier + self._tokens
        return self._earlier + math.ceil(self._bytes / _CHARACTERS_PER_TOKEN) or None

    @property
    def tokens_estimated(self) -> bool:
        return self._earlier_estimated or (self._tokens is None and self._bytes > 0)

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
        if tokens is None or self._first is None:
            return None
        span = self.last - self._first
        if span <= 0 and self._ended is not None:
            span = self._elapsed(self._ended)
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

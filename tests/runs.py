"""Runs for tests of what stands above the network: event sequences of the grammar, scripted sources."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st

from streamcell.events import (
    Citation,
    ErrorInfo,
    Event,
    Finished,
    Notice,
    ReasoningDelta,
    Retrying,
    Started,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
    UsageReport,
)

STARTED = Started("scripted", "m")
FINISHED = Finished("stop", stop="end")
FAILURE = ErrorInfo("server", "it broke", retryable=True)

TEXTS = st.text(max_size=5)
PARTS = st.integers(0, 2)
COUNTS = st.none() | st.integers(0, 9)
USAGES = st.builds(Usage, COUNTS, COUNTS, COUNTS, COUNTS)
CONTENTS = st.one_of(
    st.builds(TextDelta, TEXTS, PARTS),
    st.builds(ReasoningDelta, TEXTS, PARTS, st.none() | st.sampled_from(["sig-a", "sig-b"])),
    st.builds(
        ToolCallDelta,
        PARTS,
        st.none() | st.sampled_from(["a", "b"]),
        st.none() | st.sampled_from(["f", "g"]),
        TEXTS,
        st.booleans(),
    ),
    st.builds(ToolCall, PARTS, TEXTS, TEXTS, st.none() | st.dictionaries(TEXTS, TEXTS, max_size=2), TEXTS),
    st.builds(ToolResult, TEXTS, TEXTS, TEXTS, st.booleans(), st.booleans()),
    st.builds(Citation, TEXTS, TEXTS, TEXTS),
    st.builds(Notice, st.sampled_from(["refusal", "moderation", "dropped", "fallback"]), TEXTS),
    st.builds(UsageReport, USAGES),
)
RETRIES = st.lists(st.builds(Retrying, st.integers(1, 3), st.just(0.1), st.just(FAILURE)), max_size=2)
TURNS = st.tuples(RETRIES, st.just([STARTED]), st.lists(CONTENTS, max_size=12)).map(
    lambda turn: [event for events in turn for event in events]
)
ENDS = st.sampled_from([FINISHED, Finished("cancelled"), Finished("error", FAILURE)])


def _run(turns: list[list[Event]], end: Finished) -> list[Event]:
    return [*(event for turn in turns for event in turn), end]


RUNS = st.builds(_run, st.lists(TURNS, max_size=3), ENDS)
"""Whole runs, of none, one or several model turns."""


def source(*groups, error=None, never_ends=False):
    """A source that delivers `groups` of events, then ends, raises, or waits for ever."""

    async def run(deliver):
        for group in groups:
            await deliver(list(group))
            await asyncio.sleep(0)
        if never_ends:
            await asyncio.Event().wait()
        if error is not None:
            raise error

    return run


def texts(*pieces: str) -> list[Event]:
    return [TextDelta(piece) for piece in pieces]

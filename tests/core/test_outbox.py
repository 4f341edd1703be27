"""Joining: fewer events, the same answer, wherever a reader's positions cut the run."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runs import RUNS, STARTED
from streamcell.core.fold import Fold
from streamcell.core.outbox import joined
from streamcell.core.response import StreamingResponse
from streamcell.events import ReasoningDelta, TextDelta, ToolCallDelta


def folded(events):
    """The answer, and what the pieces of each tool call amount to (a fold itself passes them by)."""
    response = StreamingResponse()
    fold = Fold(response)
    calls = {}
    for event in events:
        fold.add(event)
        if isinstance(event, ToolCallDelta):
            calls.setdefault((event.part, event.server), []).append(event.arguments)
    state = {name: value for name, value in vars(response).items() if not name.startswith("_")}
    said = {key: "".join(pieces) for key, pieces in calls.items()}
    return state, response.text, response.thinking, response.refusal, said


@given(RUNS, st.lists(st.integers(0, 40)))
def test_folding_joined_events_is_folding_the_events(run, positions):
    edges = sorted({0, len(run), *(position for position in positions if position < len(run))})
    read = [event for start, end in pairwise(edges) for event in joined(run[start:end])]
    assert folded(read) == folded(run)
    assert len(read) <= len(run)


@given(RUNS)
def test_joining_what_is_joined_changes_nothing(run):
    assert joined(joined(run)) == joined(run)


def test_neighbouring_text_becomes_one_event():
    assert joined([STARTED, TextDelta("a"), TextDelta("b"), TextDelta("c")]) == [STARTED, TextDelta("abc")]


def test_parts_and_kinds_stay_apart():
    events = [TextDelta("a"), TextDelta("b", 1), ReasoningDelta("c", 1), TextDelta("d", 1)]
    assert joined(events) == events


def test_a_signature_ends_its_stretch_of_thinking():
    events = [ReasoningDelta("a"), ReasoningDelta("b", signature="s"), ReasoningDelta("c")]
    assert joined(events) == [ReasoningDelta("ab", signature="s"), ReasoningDelta("c")]


def test_the_pieces_of_a_call_join_behind_its_name():
    events = [
        ToolCallDelta(0, "id", "f"),
        ToolCallDelta(0, arguments='{"a"'),
        ToolCallDelta(0, arguments=":1}"),
    ]
    assert joined(events[1:]) == [ToolCallDelta(0, arguments='{"a":1}')]
    assert joined(events) == [ToolCallDelta(0, "id", "f", '{"a":1}')]


def test_another_call_is_another_event():
    events = [ToolCallDelta(0, "a", "f"), ToolCallDelta(0, "b", "f"), ToolCallDelta(1, "b", "f")]
    assert joined(events) == events

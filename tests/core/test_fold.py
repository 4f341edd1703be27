"""Events to answer, and the grammar of a run."""

from __future__ import annotations

import pytest
from hypothesis import given

from runs import FAILURE, FINISHED, RUNS, STARTED, texts
from streamcell.core.fold import Fold, total
from streamcell.core.response import StreamingResponse
from streamcell.events import (
    Citation,
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
from streamcell.messages import ReasoningPart

RETRYING = Retrying(1, 0.1, FAILURE)


def folded(*events):
    response = StreamingResponse()
    fold = Fold(response)
    for event in events:
        fold.add(event)
    return response


@given(RUNS)
def test_every_run_of_the_grammar_folds(run):
    assert folded(*run).stop_reason == run[-1].reason


@pytest.mark.parametrize(
    "events",
    [
        texts("a"),
        [UsageReport(Usage(1))],
        [RETRYING, *texts("a")],
        [STARTED, RETRYING, *texts("a")],
        [STARTED, *texts("a"), RETRYING, *texts("b")],
        [STARTED, FINISHED, *texts("a")],
        [STARTED, FINISHED, FINISHED],
        [FINISHED, STARTED],
    ],
    ids=lambda events: " ".join(type(event).__name__ for event in events),
)
def test_a_run_out_of_order_is_a_defect_of_the_producer(events):
    with pytest.raises(AssertionError):
        folded(*events)


def test_a_later_turn_may_be_retried_before_it_starts():
    response = folded(STARTED, *texts("a"), RETRYING, STARTED, *texts("b"), FINISHED)
    assert response.text == "ab"


def test_text_thinking_and_refusal_are_told_apart():
    response = folded(
        STARTED, ReasoningDelta("hm"), *texts("a", "b"), Notice("refusal", "n"), Notice("refusal", "o")
    )
    assert (response.text, response.thinking, response.refusal) == ("ab", "hm", "no")


def test_calls_results_and_citations_are_kept_as_they_are():
    call, result, source = ToolCall(0, "i", "f", {}), ToolResult("i", "f", "7"), Citation("https://a.example")
    response = folded(STARTED, ToolCallDelta(0, "i", "f"), call, result, source)
    assert (response.tool_calls, response.tool_results, response.citations) == ([call], [result], [source])


def test_the_start_names_provider_model_and_request():
    response = folded(Started("p", "m", "r-1", scripted=True))
    assert response.metadata == {"provider": "p", "model": "m", "request_id": "r-1", "scripted": True}


def test_the_end_sets_reason_error_and_the_providers_own_word():
    response = folded(STARTED, Finished("error", FAILURE, stop="boom"))
    assert (response.stop_reason, response.error, response.metadata["stop"]) == ("error", FAILURE, "boom")


def test_a_later_usage_report_replaces_an_earlier_one_of_its_turn():
    response = folded(STARTED, UsageReport(Usage(1, 2)), UsageReport(Usage(1, 5)))
    assert (response.usage.input_tokens, response.usage.output_tokens) == (1, 5)


def test_usage_adds_up_over_turns():
    response = folded(
        STARTED, UsageReport(Usage(1, 2)), STARTED, UsageReport(Usage(10, 3)), UsageReport(Usage(10, 20))
    )
    assert (response.usage.input_tokens, response.usage.output_tokens) == (11, 22)


def test_a_count_that_nobody_gave_stays_unknown():
    assert total(Usage(1, None), Usage(2, None)) == Usage(3, None)
    assert total(Usage(None, 4), Usage(2, None)) == Usage(2, 4)


def test_signed_thinking_is_handed_back_piece_by_piece():
    response = folded(
        Started("p", "m"),
        ReasoningDelta("a"),
        ReasoningDelta("b", signature="s1"),
        ReasoningDelta("c", signature="s2"),
        ReasoningDelta("unsigned"),
    )
    assert response.reasoning_parts == [ReasoningPart("ab", "s1", "p"), ReasoningPart("c", "s2", "p")]
    assert response.thinking == "abcunsigned"


def test_a_fallback_begins_the_answer_anew_and_keeps_what_was_shown():
    response = folded(
        STARTED,
        ReasoningDelta("old", signature="s"),
        *texts("old"),
        Notice("refusal", "old"),
        ToolCall(0, "i", "f", {}),
        Citation("https://a.example"),
        STARTED,
        Notice("fallback", "it broke"),
        ReasoningDelta("new", signature="t"),
        TextDelta("new"),
        FINISHED,
    )
    assert (response.text, response.thinking, response.refusal) == ("new", "new", "")
    assert response.reasoning_parts == [ReasoningPart("new", "t", "scripted")]
    assert (response.tool_calls, response.citations) == ([], [])
    assert response.metadata["before_fallback"] == "old"


def test_a_fallback_of_nothing_shown_keeps_nothing():
    response = folded(STARTED, Notice("fallback", "it broke"), TextDelta("new"), FINISHED)
    assert "before_fallback" not in response.metadata
    assert response.streamed


def test_other_notices_are_kept_in_the_metadata():
    response = folded(STARTED, Notice("dropped", "an image"), Notice("moderation", "flagged"))
    assert response.metadata["notices"] == ["an image", "flagged"]

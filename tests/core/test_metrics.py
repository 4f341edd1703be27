"""The figures of a run, on hand-written times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs import FAILURE, FINISHED, STARTED, texts
from streamcell.core.metrics import STALL_SECONDS, Gaps, Meter
from streamcell.events import (
    ApprovalRequest,
    ApprovalResult,
    Finished,
    ReasoningDelta,
    Retrying,
    Started,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
    UsageReport,
)

CALL = ToolCall(0, "a", "f", {})
RESULT = ToolResult("a", "f", "4")
CONSENT = (ApprovalRequest("a", "f", "d"), ApprovalResult("a", "f", approved=True))


def cent_a_token(_, model):
    """The price list of these tests: a cent for each token that the provider counted, of one model."""
    if model == "dear":
        return lambda usage: 1.0 * usage.output_tokens
    return (lambda usage: usage.output_tokens and usage.output_tokens / 100) if model == "m" else None


def test_before_the_request_no_time_passes():
    meter = Meter()
    assert meter.figures(1234.5).elapsed == 0
    assert meter.metrics(1234.5).duration == 0


def test_times_are_counted_from_the_request():
    meter = Meter(100.0)
    meter.add([STARTED, *texts("a")], 100.5)
    meter.add(texts("b"), 101.0)
    meter.add([FINISHED], 102.0)
    metrics = meter.metrics(999.0)
    assert (metrics.time_to_first_token, metrics.duration) == (0.5, 2.0)


def test_an_end_at_time_zero_is_an_end():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("a"), FINISHED], 0.0)
    assert meter.metrics(50.0).duration == 0


def test_chunks_are_text_deltas_and_characters_code_points():
    meter = Meter(0.0)
    meter.add([STARTED, ReasoningDelta("hm"), *texts("a", "é👩")], 1.0)
    assert (meter.chunks, meter.characters) == (2, 3)


def test_thinking_is_a_first_token_and_a_start_is_none():
    meter = Meter(0.0)
    meter.add([STARTED], 1.0)
    assert meter.time_to_first_token is None
    meter.add([ReasoningDelta("hm")], 2.0)
    assert meter.time_to_first_token == 2.0


def test_without_the_providers_count_tokens_are_an_estimate_and_say_so():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("abcd" * 5), ReasoningDelta("abcd"), ToolCallDelta(0, arguments="abcd")], 1.0)
    metrics = meter.metrics(1.0)
    assert (metrics.output_tokens, metrics.tokens_estimated) == (7, True)


def test_the_providers_count_replaces_the_estimate():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("abcd" * 5), UsageReport(Usage(1, 3))], 1.0)
    meter.add([UsageReport(Usage(2, None))], 1.0)
    metrics = meter.metrics(1.0)
    assert (metrics.output_tokens, metrics.tokens_estimated) == (3, False)


def test_unknown_stays_unknown():
    metrics = Meter(0.0).metrics(1.0)
    unknown = (metrics.output_tokens, metrics.time_to_first_token, metrics.tokens_per_second, metrics.cost)
    assert unknown == (None, None, None, None)
    assert (metrics.gap_p50, metrics.tokens_estimated) == (None, False)


def test_the_tokens_of_several_turns_add_up():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("abcd"), UsageReport(Usage(1, 10))], 1.0)
    meter.add([STARTED, *texts("abcdefgh")], 2.0)
    assert (meter.tokens, meter.tokens_estimated) == (12, True)
    meter.add([UsageReport(Usage(1, 5))], 3.0)
    assert (meter.tokens, meter.tokens_estimated) == (15, False)


def test_a_turn_without_a_count_leaves_the_total_an_estimate():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("abcd")], 1.0)
    meter.add([STARTED, *texts("abcd"), UsageReport(Usage(1, 5))], 2.0)
    assert (meter.tokens, meter.tokens_estimated) == (6, True)


def test_the_rate_is_measured_from_the_first_token_to_the_last():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("a")], 10.0)
    meter.add([*texts("b"), UsageReport(Usage(1, 8))], 12.0)
    meter.add([FINISHED], 20.0)
    assert meter.metrics(20.0).tokens_per_second == 4.0


def test_an_answer_in_one_piece_is_rated_over_the_whole_run():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("a"), UsageReport(Usage(1, 8))], 2.0)
    assert meter.metrics(2.0).tokens_per_second is None
    meter.add([FINISHED], 4.0)
    assert meter.metrics(4.0).tokens_per_second == 2.0


def test_a_long_silence_between_content_is_a_stall():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("a")], 5.0)
    meter.add(texts("b"), 5.0 + STALL_SECONDS)
    meter.add([UsageReport(Usage())], 50.0)
    meter.add([FINISHED], 60.0)
    assert meter.stalls == 1


def test_retries_are_counted():
    meter = Meter(0.0)
    meter.add([Retrying(1, 0.1, FAILURE)], 0.0)
    meter.add([Retrying(2, 0.1, FAILURE)], 0.0)
    assert meter.metrics(0.0).retries == 2


def test_what_comes_behind_a_count_is_estimated_and_says_so():
    meter = Meter(0.0)
    meter.add([STARTED, UsageReport(Usage(100, 1)), *texts("abcd" * 5)], 1.0)
    assert (meter.tokens, meter.tokens_estimated) == (6, True)
    meter.add([UsageReport(Usage(100, 7))], 2.0)
    assert (meter.tokens, meter.tokens_estimated) == (7, False)


@pytest.mark.parametrize("asked", [(), CONSENT])
def test_the_silence_while_a_tool_runs_is_no_gap_and_no_stall(asked):
    meter = Meter(0.0)
    meter.add([STARTED, *texts("a")], 1.0)
    meter.add([CALL], 1.5)
    for at, event in enumerate((*asked, RESULT), 10):
        meter.add([event], float(at))
    meter.add([STARTED, *texts("b")], 60.0)
    meter.add(texts("c"), 60.5)
    metrics = meter.metrics(61.0)
    assert metrics.stalls == 0
    assert metrics.gap_p99 == pytest.approx(0.5, rel=0.05)


def test_the_rate_leaves_out_the_time_between_turns():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("a")], 1.0)
    meter.add([CALL, UsageReport(Usage(1, 6))], 2.0)
    meter.add([RESULT], 30.0)
    meter.add([STARTED, *texts("b")], 60.0)
    meter.add([*texts("c"), UsageReport(Usage(1, 4)), FINISHED], 61.0)
    assert meter.metrics(61.0).tokens_per_second == 5.0


def test_the_rate_of_answers_in_one_piece_leaves_out_the_time_of_the_tools():
    meter = Meter(0.0)
    meter.add([STARTED, CALL, UsageReport(Usage(1, 6))], 2.0)
    meter.add([RESULT], 32.0)
    meter.add([STARTED, *texts("b"), UsageReport(Usage(1, 4)), FINISHED], 35.0)
    assert meter.metrics(35.0).tokens_per_second == 2.0


def test_a_tool_that_the_provider_runs_is_the_providers_silence():
    meter = Meter(0.0)
    meter.add([STARTED, ToolCall(0, "a", "search", {}, server=True)], 1.0)
    meter.add([ToolResult("a", "search", "found", server=True)], 1.0 + STALL_SECONDS)
    assert meter.stalls == 1


def test_a_stall_within_a_later_turn_counts():
    meter = Meter(0.0)
    meter.add([STARTED, CALL], 1.0)
    meter.add([RESULT, STARTED, *texts("a")], 20.0)
    meter.add(texts("b"), 20.0 + STALL_SECONDS)
    assert meter.stalls == 1


def test_a_run_costs_what_all_its_turns_cost():
    meter = Meter(0.0, pricing=cent_a_token)
    meter.add([STARTED, CALL, UsageReport(Usage(1, 10))], 1.0)
    meter.add([RESULT, STARTED, *texts("a"), UsageReport(Usage(1, 5)), FINISHED], 2.0)
    assert meter.metrics(2.0).cost == pytest.approx(0.15)


def test_each_turn_has_the_price_of_the_model_that_answers():
    meter = Meter(0.0, pricing=cent_a_token)
    meter.add([STARTED, *texts("a"), UsageReport(Usage(1, 10))], 1.0)
    meter.add([Started("scripted", "dear"), *texts("a"), UsageReport(Usage(1, 1)), FINISHED], 2.0)
    assert meter.cost == pytest.approx(1.1)


def test_while_it_goes_a_run_shows_the_cost_of_the_turns_that_are_over():
    meter = Meter(0.0, pricing=cent_a_token)
    meter.add([STARTED, CALL, UsageReport(Usage(1, 10))], 1.0)
    assert meter.figures(1.0).cost is None
    meter.add([RESULT, STARTED, *texts("a")], 2.0)
    assert meter.figures(2.0).cost == pytest.approx(0.1)


@pytest.mark.parametrize(
    "turn",
    [
        [STARTED, *texts("a")],
        [STARTED, *texts("a"), UsageReport(Usage(7, None))],
        [STARTED, UsageReport(Usage(7, 1)), *texts("a")],
        [Started("scripted", "unlisted"), *texts("a"), UsageReport(Usage(7, 1))],
    ],
    ids=["no usage", "half of it", "text behind the last count", "no price"],
)
@pytest.mark.parametrize("first", [True, False])
def test_one_turn_of_unknown_cost_makes_the_cost_unknown(turn, first):
    known = [STARTED, *texts("a"), UsageReport(Usage(1, 5))]
    meter = Meter(0.0, pricing=cent_a_token)
    meter.add([*turn, *known] if first else [*known, *turn], 1.0)
    meter.add([FINISHED], 2.0)
    assert meter.metrics(2.0).cost is None


def test_no_price_is_looked_up_for_a_turn_without_a_count():
    asked = []
    meter = Meter(0.0, pricing=lambda *names: asked.append(names))
    meter.add([STARTED, *texts("a"), Finished("cancelled")], 1.0)
    assert asked == []


def test_without_a_price_list_the_cost_is_unknown():
    meter = Meter(0.0)
    meter.add([STARTED, *texts("a"), UsageReport(Usage(1, 5)), FINISHED], 1.0)
    assert meter.cost is None


@given(st.lists(st.floats(1e-5, 1e4), min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.99, 1.0]))
def test_quantiles_of_gaps_are_good_to_five_percent(durations, share):
    gaps = Gaps()
    for seconds in durations:
        gaps.add(seconds)
    ordered = sorted(durations)
    rank = max(1, -(-int(share * 100 * len(ordered)) // 100)) - 1
    assert gaps.quantile(share) == pytest.approx(ordered[min(rank, len(ordered) - 1)], rel=0.05)


def test_gaps_take_constant_memory():
    gaps = Gaps()
    for count in range(10_000):
        gaps.add(0.001 + count % 7 / 1000)
    assert len(gaps._buckets) <= 7

"""What a run may cost: before it is sent, while it streams, and from turn to turn."""

import asyncio

import pytest

from runs import FINISHED, source, texts
from streamcell.budget import Budget, dollars, estimated_prompt
from streamcell.errors import LimitExceeded, StreamInterruptedError, UsageError
from streamcell.events import (
    Notice,
    ReasoningDelta,
    Started,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
    UsageReport,
)
from streamcell.handle import Stream
from streamcell.messages import ImagePart, Message, Request, TextPart, ToolSpec

STARTED = Started("vendor", "m")
CALL = ToolCall(0, "a", "f", {})
PROMPT = 4 + 10
"""Tokens of the prompt of these tests, by our estimate."""


def pricing(_, model):
    """One dollar for a token of the prompt, ten for one of the answer; `cheap` is a tenth of that."""
    if model not in ("m", "cheap"):
        return None

    def price(usage):
        known = usage.input_tokens is not None and usage.output_tokens is not None
        scale = 1.0 if model == "m" else 0.1
        return scale * (usage.input_tokens + 10 * usage.output_tokens) if known else None

    return price


def request(model="m", content="x" * 40, **fields):
    return Request(provider="vendor", model=model, messages=(Message("user", content),), **fields)


def budget(limit, *groups, **options):
    asked = options.pop("request", request())
    run = options.pop("source", None) or source(*groups)
    return Budget(run, limit=limit, pricing=pricing, request=asked, reason="no price is known", **options)


def read(limit, *groups):
    """The events that got through, and what the run raised."""
    received, raised = [], None

    async def deliver(events):
        received.extend(events)

    async def run():
        await budget(limit, *groups)(deliver)

    try:
        asyncio.run(run())
    except LimitExceeded as error:
        raised = error
    return received, raised


def test_a_model_without_a_price_is_refused_and_told_why():
    with pytest.raises(UsageError, match="max_cost cannot be kept: no price is known; leave max_cost out"):
        budget(1.0, request=request("unheard-of"))


def test_a_prompt_that_costs_too_much_is_refused_before_it_is_sent():
    with pytest.raises(UsageError, match=r"the prompt alone costs about \$14.00, more than max_cost=13"):
        budget(PROMPT - 1)
    assert budget(PROMPT).cost == 0


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(UsageError, match="max_cost must be a number of dollars"):
        budget(limit)


@pytest.mark.parametrize(
    "more",
    [
        {"system": "x" * 40},
        {"tools": (ToolSpec("f", "x" * 40, {}),)},
        {"schema": {"description": "x" * 40}},
        {"content": [TextPart("x" * 40), ImagePart(b"", "image/png")]},
    ],
    ids=["system", "tools", "schema", "image"],
)
def test_all_that_is_sent_counts_as_the_prompt(more):
    assert estimated_prompt(request()) == PROMPT
    assert estimated_prompt(request(**more)) >= PROMPT + 10


def test_an_answer_within_the_limit_passes_untouched():
    events = [STARTED, *texts("abcd"), UsageReport(Usage(14, 1)), FINISHED]
    assert read(PROMPT + 10, events) == (events, None)


@pytest.mark.parametrize(
    "growing", [texts("abcd")[0], ReasoningDelta("abcd"), ToolCallDelta(0, arguments="abcd")]
)
def test_an_answer_that_gets_too_dear_is_cut_behind_what_passed_the_limit(growing):
    received, raised = read(PROMPT + 20, [STARTED], *([growing] for _ in range(9)), [FINISHED])
    assert received == [STARTED, growing, growing, growing]
    assert raised.kind == "limit"
    assert "cost about $44.00 when it was cut, more than max_cost=34" in str(raised)


def test_the_providers_count_replaces_our_estimate():
    dear = [[STARTED, UsageReport(Usage(30, 0))], texts("abcd"), texts("abcd"), [FINISHED]]
    assert read(PROMPT + 20, *dear)[1] is not None
    cheap = [[STARTED, UsageReport(Usage(3, 0))], texts("abcd"), texts("abcd"), [FINISHED]]
    assert read(PROMPT + 20, *cheap)[1] is None


def test_a_count_in_the_middle_is_gone_on_from():
    counted = [[STARTED, *texts("abcd" * 5), UsageReport(Usage(14, 1))], texts("abcd"), [FINISHED]]
    assert read(PROMPT + 60, *counted)[1] is None
    assert read(PROMPT + 19, *counted)[1] is not None


def test_an_answer_that_is_whole_is_not_refused_for_what_it_cost():
    late = [[STARTED, *texts("abcd")], [UsageReport(Usage(500, 500))], [FINISHED]]
    assert read(PROMPT + 10, *late)[1] is None
    whole = [[Started("vendor", "m", streamed=False), *texts("abcd" * 99), UsageReport(Usage(500, 500))]]
    assert read(PROMPT, *whole, [FINISHED])[1] is None


TURN = [STARTED, ToolCallDelta(0, "a", "f", "{}"), CALL, UsageReport(Usage(14, 2))]
"""A turn that costs 34 dollars."""
RESULT = ToolResult("a", "f", "x" * 16)
"""A result of 8 tokens: the next prompt costs 14 + 2 + 8."""


def test_the_costs_of_the_turns_add_up():
    spent = 34 + 24
    two_turns = [TURN, [RESULT], [STARTED, *texts("abcd")], texts("abcd"), [FINISHED]]
    assert read(spent + 20, *two_turns)[1] is None
    received, raised = read(spent + 10, *two_turns)
    assert received[-1] == texts("abcd")[0]
    assert "$78.00" in str(raised)


def test_a_turn_that_cannot_fit_is_not_asked_for():
    asked = []

    async def two_turns(deliver):
        await deliver(TURN)
        await deliver([RESULT])
        asked.append("the second turn")

    async def deliver(events):
        pass

    with pytest.raises(LimitExceeded, match=r"next turn was not asked for.*\$58.00, more than max_cost=57"):
        asyncio.run(budget(57, source=two_turns)(deliver))
    assert asked == []
    asyncio.run(budget(58, source=two_turns)(deliver))
    assert asked == ["the second turn"]


def test_a_result_of_the_providers_own_tool_begins_no_turn():
    served = ToolResult("a", "search", "x" * 4000, server=True)
    assert read(PROMPT + 10, [STARTED, served], texts("abcd"), [FINISHED])[1] is None


def test_another_model_answers_at_its_own_price():
    fallback = [Started("vendor", "cheap"), Notice("fallback", "")]
    groups = [[STARTED, *texts("abcd")], fallback, *(texts("abcd") for _ in range(9)), [FINISHED]]
    spent = PROMPT + 10 + PROMPT / 10
    assert read(spent + 9.01, *groups)[1] is None
    assert read(spent + 8.5, *groups)[1] is not None


def test_an_answer_of_a_model_without_a_price_is_cut():
    _, raised = read(100, [STARTED, *texts("a")], [Started("vendor", "unheard-of")], texts("b"), [FINISHED])
    assert "no price is known for vendor:unheard-of" in str(raised)


def test_a_failure_of_the_run_is_passed_on():
    async def deliver(events):
        pass

    failing = source([STARTED], error=LimitExceeded("too many turns"))
    with pytest.raises(LimitExceeded, match="too many turns"):
        asyncio.run(budget(99, source=failing)(deliver))


def test_the_reader_is_left_with_the_partial_answer():
    run = budget(PROMPT + 20, [STARTED], *(texts("abcd") for _ in range(9)), [FINISHED])
    with pytest.raises(StreamInterruptedError) as caught:
        Stream(run).result()
    error = caught.value
    assert (error.kind, error.partial.text, error.partial.stop_reason) == ("limit", "abcd" * 3, "error")
    assert isinstance(error.__cause__, LimitExceeded)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "$0.00"), (1.239, "$1.24"), (0.01, "$0.01"), (0.0012, "$0.0012"), (0.00000301, "$0.000003")],
)
def test_amounts_are_shown_as_far_as_they_matter(amount, shown):
    assert dollars(amount) == shown

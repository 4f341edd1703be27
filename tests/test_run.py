"""One run: attempts, clocks, grammar, and what is told of a failure."""

from __future__ import annotations

import asyncio
from itertools import chain

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from links import DONE, LINE, PING, Body, Played, Silence, line, run_of, timeouts
from runs import FAILURE, FINISHED, STARTED, texts
from streamcell import run as module
from streamcell.core.fold import Fold
from streamcell.core.response import StreamingResponse
from streamcell.errors import (
    BackpressureTimeout,
    LimitExceeded,
    ProtocolError,
    ProviderError,
    StreamcellError,
    TransportError,
    UsageError,
)
from streamcell.events import (
    ErrorInfo,
    Finished,
    Notice,
    ReasoningDelta,
    Retrying,
    Started,
    TextDelta,
    Usage,
    UsageReport,
)
from streamcell.fallback import Fallback
from streamcell.testing import VirtualClock

SOON = 0.02
LIMITED = ErrorInfo("rate_limit", "slow down", retryable=True)
WHOLE = Body(line(STARTED, *texts("a", "b"), FINISHED))


def said(run, *, deliver=None):
    """The groups of events that the run delivers, and the error it ends with."""
    groups, failure = [], None

    async def main():
        nonlocal failure

        async def take(events):
            groups.append(events)
            if deliver is not None:
                await deliver(events)

        try:
            await run(take)
        except StreamcellError as error:
            failure = error

    asyncio.run(main())
    return groups, failure


def events_of(run):
    groups, failure = said(run)
    assert failure is None
    return list(chain(*groups))


# An answer


def test_events_come_in_order_and_end_with_finished():
    assert events_of(run_of(Played(WHOLE))) == [STARTED, *texts("a", "b"), FINISHED]


def test_what_comes_in_one_block_is_delivered_together():
    body = Body(line(STARTED, *texts("a", "b")), line(*texts("c")), line(FINISHED))
    groups, _ = said(run_of(Played(body)))
    assert groups == [[STARTED, *texts("a", "b")], texts("c"), [FINISHED]]


def test_the_start_is_held_back_until_there_is_content():
    body = Body(line(STARTED), line(UsageReport(Usage(3))), line(*texts("a"), FINISHED))
    groups, _ = said(run_of(Played(body)))
    assert groups[0] == [STARTED, UsageReport(Usage(3)), TextDelta("a")]


def test_an_answer_without_content_is_delivered_at_its_end():
    assert events_of(run_of(Played(Body(line(STARTED), line(FINISHED))))) == [STARTED, FINISHED]


def test_what_the_decoder_says_at_the_end_comes_before_finished():
    report = UsageReport(Usage(1, 2))
    assert events_of(run_of(Played(WHOLE), report))[-2:] == [report, FINISHED]


def test_the_network_is_read_no_further_than_is_delivered():
    seen, order = asyncio.Event(), []

    class Watched(Body):
        async def blocks(self):
            for piece in "abc":
                order.append(f"read {piece}")
                yield line(*([STARTED] if piece == "a" else []), *texts(piece))
            yield line(FINISHED)

    async def deliver(events):
        await asyncio.sleep(0)
        order.extend(f"took {event.text}" for event in events if isinstance(event, TextDelta))
        seen.set()

    said(run_of(Played(Watched())), deliver=deliver)
    assert order == ["read a", "took a", "read b", "took b", "read c", "took c"]


@given(st.lists(st.sampled_from(["text", "thinking", "ping", "usage"]), max_size=12), st.data())
def test_whatever_the_cut_of_the_body_the_events_obey_the_grammar(kinds, data):
    lines = {
        "text": line(*texts("x")),
        "thinking": line(ReasoningDelta("hm")),
        "ping": PING,
        "usage": line(UsageReport(Usage(1))),
    }
    body = line(STARTED) + b"".join(lines[kind] for kind in kinds) + line(FINISHED)
    body = body[: data.draw(st.integers(0, len(body)), "cut")]
    size = data.draw(st.integers(1, 60), "block")
    blocks = [body[start : start + size] for start in range(0, len(body), size)]
    groups, failure = said(run_of(Played(Body(*blocks)), retries=0))
    fold = Fold(StreamingResponse())
    for event in chain(*groups):
        fold.add(event)
    assert (failure is None) == (fold.response.stop_reason is not None)
    assert failure is None or failure.kind == "truncated"


def test_a_connection_is_closed_whatever_happens():
    for answer in (WHOLE, Body(line(STARTED)), Body(line(STARTED), FAILURE_IN_BODY), Body(status=500)):
        link = Played(answer)
        said(run_of(link, retries=0))
        assert link.open_now == 0


FAILURE_IN_BODY = ProtocolError("the connection broke", kind="truncated", retryable=True)


# Failing and trying again


def test_a_failure_before_any_content_is_tried_again_and_said():
    link = Played(TransportError("no connection", retryable=True), WHOLE)
    first, *rest = events_of(run_of(link))
    assert (type(first), first.attempt, first.error.kind) == (Retrying, 1, "connect")
    assert 0 < first.delay <= 0.5
    assert rest == [STARTED, *texts("a", "b"), FINISHED]


def test_what_a_failed_attempt_began_with_leaves_no_trace():
    link = Played(Body(line(Started("lines", "old"))), WHOLE)
    events = events_of(run_of(link))
    assert [event.model for event in events if isinstance(event, Started)] == ["m"]


def test_waiting_takes_the_time_that_was_said():
    clock = VirtualClock()
    link = Played(*[TransportError("no", retryable=True)] * 2, WHOLE)
    events = events_of(run_of(link, clock=clock))
    delays = [event.delay for event in events if isinstance(event, Retrying)]
    assert len(delays) == 2
    assert clock.monotonic() == pytest.approx(sum(delays))


def test_a_failure_after_content_is_never_tried_again():
    link = Played(Body(line(STARTED, *texts("a")), FAILURE_IN_BODY), WHOLE)
    groups, failure = said(run_of(link))
    assert groups == [[STARTED, *texts("a")]]
    assert (failure.kind, failure.attempts) == ("truncated", 1)
    assert len(link.calls) == 1


@pytest.mark.parametrize("content", [ReasoningDelta("hm"), Notice("refusal", "no")])
def test_thinking_and_refusing_are_content_too(content):
    link = Played(Body(line(STARTED, content)), WHOLE)
    _, failure = said(run_of(link))
    assert failure.kind == "truncated"


def test_the_last_attempts_error_is_raised_with_their_number():
    link = Played(*[TransportError("no", retryable=True)] * 3)
    groups, failure = said(run_of(link, retries=2))
    assert failure.attempts == 3
    assert [event.attempt for event in chain(*groups)] == [1, 2]


def test_what_cannot_succeed_later_is_not_tried_again():
    link = Played(Body(status=401), WHOLE)
    groups, failure = said(run_of(link))
    assert (failure.kind, failure.attempts, groups) == ("auth", 1, [])


def test_a_pause_the_server_asks_for_is_kept():
    clock = VirtualClock()
    link = Played(Body(status=429, retry_after="7"), WHOLE)
    events = events_of(run_of(link, clock=clock))
    assert events[0].delay == 7.0
    assert clock.monotonic() == pytest.approx(7.0)


def test_a_pause_of_more_than_a_minute_fails_at_once():
    clock = VirtualClock()
    _, failure = said(run_of(Played(Body(status=429, retry_after="61")), clock=clock))
    assert (failure.kind, failure.retry_after, failure.attempts) == ("rate_limit", 61.0, 1)
    assert clock.monotonic() == 0


def test_no_attempt_begins_behind_the_total_time():
    clock = VirtualClock()
    link = Played(Body(status=429, retry_after="7"), WHOLE)
    _, failure = said(run_of(link, clock=clock, **timeouts(total=5)))
    assert failure.kind == "rate_limit"
    assert clock.monotonic() == 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "bad_request"),
        (401, "auth"),
        (402, "payment"),
        (403, "permission"),
        (404, "not_found"),
        (409, "conflict"),
        (413, "too_large"),
        (429, "rate_limit"),
        (500, "server"),
        (503, "overloaded"),
        (529, "overloaded"),
    ],
)
def test_an_error_status_has_its_kind(status, kind):
    body = Body(b'{"error": {"message": "said so"}}', status=status, x_request_id="r-1")
    _, failure = said(run_of(Played(body), retries=0))
    assert isinstance(failure, ProviderError)
    assert (failure.kind, failure.status, failure.request_id) == (kind, status, "r-1")
    assert "said so" in str(failure)


def test_an_error_inside_a_good_answer_is_an_error():
    _, failure = said(run_of(Played(Body(line(LIMITED))), retries=0))
    assert (failure.kind, failure.partial) == ("rate_limit", None)


@pytest.mark.parametrize("name", ["x_request_id", "request_id"])
@pytest.mark.parametrize("rest", [[], [Silence()]], ids=["cut", "silent"])
def test_a_failure_behind_a_good_status_names_the_request(name, rest):
    body = Body(line(STARTED, *texts("a")), *rest, **{name: "req_abc"})
    _, failure = said(run_of(Played(body), **timeouts(idle=SOON)))
    assert failure.request_id == "req_abc"


def test_what_came_before_an_error_in_the_same_block_is_delivered():
    groups, failure = said(run_of(Played(Body(line(STARTED, *texts("a"), LIMITED)))))
    assert groups == [[STARTED, *texts("a")]]
    assert failure.kind == "rate_limit"


def test_a_body_that_ends_early_is_no_answer_but_its_last_words_are_kept():
    body = Body(line(STARTED, *texts("a")))
    groups, failure = said(run_of(Played(body), TextDelta("held back")))
    assert list(chain(*groups)) == [STARTED, *texts("a", "held back")]
    assert (type(failure), failure.kind) == (ProtocolError, "truncated")


def test_a_connection_that_breaks_after_the_answer_is_complete_has_done_its_work():
    body = Body(line(STARTED, *texts("a"), FINISHED), FAILURE_IN_BODY)
    assert events_of(run_of(Played(body)))[-1] == FINISHED


# The four clocks


def test_the_clock_for_connecting_is_the_links_own():
    link = Played(WHOLE)
    said(run_of(link, **timeouts(connect=3.5)))
    assert link.connect_limits == [3.5]


@pytest.mark.parametrize(
    "silent",
    [Silence(), Body(Silence()), Body(line(STARTED), Silence()), Body(*[PING] * 5, Silence())],
    ids=["no head", "no body", "a start", "heartbeats"],
)
def test_nothing_of_an_answer_in_time_is_timeout_first(silent):
    _, failure = said(run_of(Played(silent), retries=0, **timeouts(first=SOON)))
    assert (type(failure), failure.kind) == (TransportError, "timeout_first")


def test_silence_between_content_is_timeout_idle():
    body = Body(line(STARTED, *texts("a")), Silence())
    groups, failure = said(run_of(Played(body), **timeouts(idle=SOON)))
    assert failure.kind == "timeout_idle"
    assert groups == [[STARTED, *texts("a")]]


class Beating(Body):
    """Content, then heartbeats for ever."""

    async def blocks(self):
        async for block in super().blocks():
            yield block
        while True:
            await asyncio.sleep(SOON / 10)
            yield PING


def test_heartbeats_do_not_feed_the_idle_clock():
    _, failure = said(run_of(Played(Beating(line(STARTED, *texts("a")))), **timeouts(idle=SOON)))
    assert failure.kind == "timeout_idle"


def test_heartbeats_after_the_finish_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(module, "LINGER_SECONDS", SOON)
    events = events_of(run_of(Played(Beating(line(STARTED, *texts("a"), FINISHED)))))
    assert events[-1] == FINISHED


def test_usage_behind_the_finish_is_waited_for():
    report = UsageReport(Usage(1, 2))
    body = Body(line(STARTED, *texts("a"), FINISHED), PING, line(report), DONE, Silence())
    assert events_of(run_of(Played(body)))[-2:] == [report, FINISHED]


class Steady(Body):
    """Content for ever."""

    async def blocks(self):
        yield line(STARTED)
        while True:
            await asyncio.sleep(SOON / 10)
            yield line(*texts("a"))


def test_steady_content_ends_at_the_total_time():
    link = Played(Steady())
    groups, failure = said(run_of(link, **timeouts(total=5 * SOON, idle=3600), clock=None))
    assert (failure.kind, failure.retryable) == ("timeout_total", False)
    assert groups[0] == [STARTED, TextDelta("a")]


def test_the_idle_clock_stands_still_while_the_reader_is_slow():
    async def slow(_events):
        await asyncio.sleep(3 * SOON)

    groups, failure = said(run_of(Played(WHOLE), **timeouts(idle=SOON)), deliver=slow)
    assert failure is None
    assert groups[-1] == [FINISHED]


def test_a_clock_that_is_never_is_never():
    link = Played(WHOLE)
    said(run_of(link, **timeouts(connect=None, first=None, idle=None)))
    assert link.connect_limits == [float("inf")]


# A budget of chunks


def test_a_budget_ends_the_answer_well_and_closes_the_connection():
    link = Played(Body(line(STARTED, *texts("a", "b", "c")), Silence()))
    events = events_of(run_of(link, max_output_chunks=2))
    assert events == [STARTED, *texts("a", "b"), Finished("length", stop="max_output_chunks")]
    assert link.open_now == 0


def test_an_error_behind_the_budget_is_not_told():
    body = Body(line(STARTED, *texts("a", "b"), LIMITED))
    assert events_of(run_of(Played(body), max_output_chunks=2))[-1].reason == "length"


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(UsageError, match="max_output_chunks must be 1 or more, not 0"):
        run_of(Played(), max_output_chunks=0)


# A blocking call


def test_a_blocking_call_is_read_whole():
    link = Played(Body(line(STARTED, *texts("ab"), FINISHED)))
    whole = msgspec.structs.replace(STARTED, streamed=False)
    assert events_of(run_of(link, stream=False)) == [whole, *texts("ab"), FINISHED]
    assert link.calls[0].body == {"stream": False}


def test_a_blocking_answer_is_whole_whatever_the_budget_of_a_stream():
    body = Body(line(STARTED, *texts("a", "b"), FINISHED))
    assert events_of(run_of(Played(body), stream=False, max_output_chunks=1))[-1] == FINISHED


def test_a_blocking_call_that_fails_is_tried_again():
    link = Played(Body(status=500), Body(line(STARTED, *texts("a"), FINISHED)))
    events = events_of(run_of(link, stream=False))
    assert isinstance(events[0], Retrying)
    assert events[-1] == FINISHED


def test_a_blocking_call_that_was_too_slow_is_not_paid_twice():
    link = Played(Body(Silence()), WHOLE)
    _, failure = said(run_of(link, stream=False, **timeouts(first=SOON)))
    assert (failure.kind, failure.attempts, len(link.calls)) == ("timeout_first", 1, 1)


# Another to answer


def second(*answers, **options):
    return run_of(Played(*(answers or [WHOLE])), **options)


def folded(events):
    fold = Fold(StreamingResponse())
    for event in events:
        fold.add(event)
    return fold.response


def test_a_fallback_is_not_asked_while_all_is_well():
    spare = Played()
    assert events_of(Fallback(second(), run_of(spare), name="other"))[-1] == FINISHED
    assert spare.calls == []


def test_a_fallback_answers_anew_and_the_seam_is_seen():
    first = run_of(Played(Body(line(STARTED, *texts("half")), FAILURE_IN_BODY)))
    response = folded(events_of(Fallback(first, second(), name="other:m")))
    assert (response.text, response.metadata["before_fallback"]) == ("ab", "half")


def test_the_seam_says_what_failed_and_who_answers():
    first = run_of(Played(Body(status=401)), retries=0)
    events = events_of(Fallback(first, second(), name="other:m"))
    (seam,) = [event for event in events if isinstance(event, Notice)]
    assert seam.text.startswith("HTTP 401")
    assert seam.text.endswith(". Answered anew by other:m.")


def test_a_fallback_may_itself_be_tried_again():
    first = run_of(Played(Body(line(STARTED, *texts("half")), FAILURE_IN_BODY)))
    spare = second(Body(status=500), WHOLE)
    response = folded(events_of(Fallback(first, spare, name="other")))
    assert (response.text, response.stop_reason) == ("ab", "stop")


def test_when_both_fail_the_last_error_is_told():
    spare = run_of(Played(Body(status=404)), retries=0)
    _, failure = said(Fallback(run_of(Played(Body(status=401))), spare, name="other"))
    assert (failure.kind, failure.__context__) == ("not_found", None)


@pytest.mark.parametrize("kind", [LimitExceeded, BackpressureTimeout])
def test_a_limit_of_ours_is_no_reason_to_ask_another(kind):
    async def first(_deliver):
        raise kind("enough")

    spare = Played(WHOLE)
    _, failure = said(Fallback(first, run_of(spare), name="other"))
    assert isinstance(failure, kind)
    assert spare.calls == []


# What is told


def test_no_error_has_a_foreign_cause_or_shows_a_foreign_context():
    answers = [
        Body(status=500),
        Body(line(STARTED, *texts("a"))),
        Body(line(FAILURE)),
        Body(line(STARTED, *texts("a")), Silence()),
    ]
    for answer in answers:
        _, failure = said(run_of(Played(answer), retries=0, **timeouts(idle=SOON)))
        assert failure.__cause__ is None
        assert failure.__context__ is None or failure.__suppress_context__


def test_the_wire_of_these_tests_says_what_was_put_in():
    assert [LINE.decode(text) for text in line(STARTED, FINISHED).splitlines()] == [STARTED, FINISHED]

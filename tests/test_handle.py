"""The stream in its users' hands: every way to read it, to leave it, to stop it; and nothing stays behind.

Most tests give the stream a source that is a list of events; those about the network use a loopback server.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import signal
import threading
from contextlib import suppress

import msgspec
import pytest

import streamcell
from runs import FAILURE, FINISHED, STARTED, source, texts
from streamcell.errors import (
    BackpressureTimeout,
    ProtocolError,
    StreamcellError,
    StreamInterruptedError,
    TransportError,
    UsageError,
    from_info,
)
from streamcell.events import Finished, Notice, ReasoningDelta, Started, TextDelta, Usage, UsageReport
from streamcell.handle import Stream
from streamcell.io import portal as portal_module
from streamcell.io.portal import portal
from streamcell.producer import WINDOW
from streamcell.testing import Fault, Script, VirtualClock, WireServer

PATIENCE = 30.0
SOON = 0.05
WHOLE = ([STARTED, *texts("a", "b")], texts("c"), [FINISHED])
MANY = 4 * WINDOW
STORM = 200


def whole(**options):
    return Stream(source(*WHOLE), **options)


def endless(*groups):
    return Stream(source(*(groups or WHOLE[:2]), never_ends=True))


def failing(*groups, error=None, **options):
    error = error or TransportError("the line is dead", kind="timeout_idle", retryable=True)
    return Stream(source(*groups, error=error), **options)


class Long:
    """A source of `count` pieces, a group each, that tells how many it could deliver."""

    def __init__(self, count=MANY):
        self.count = count
        self.delivered = 0

    async def __call__(self, deliver):
        await deliver([STARTED])
        for number in range(self.count):
            await deliver(texts(f"{number} "))
            self.delivered = number + 1
        await deliver([FINISHED])


LONG_TEXT = "".join(f"{number} " for number in range(MANY))


async def collect(stream):
    return [chunk async for chunk in stream]


async def until(condition):
    """Let others go on until it is so; a condition that never comes is the timeout's to tell."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for here tells nobody
            await asyncio.sleep(0.001)


def wait_until(condition):
    asyncio.run(until(condition))


def contents(chunks):
    return [chunk.content for chunk in chunks]


# Reading


def test_async_for_gives_chunks_and_a_final_one():
    chunks = asyncio.run(collect(whole()))
    assert contents(chunks) == ["a", "b", "c", ""]
    assert [chunk.is_final for chunk in chunks] == [False, False, False, True]


def test_for_gives_the_same_in_a_plain_cell():
    stream = whole()
    assert contents(stream) == ["a", "b", "c", ""]
    assert (stream.response.chunk_count, len(stream.response.chunks)) == (3, 3)


def test_for_works_while_a_loop_runs_in_this_thread():
    async def cell():
        return contents(whole())

    assert asyncio.run(cell()) == ["a", "b", "c", ""]


def test_await_gives_the_answer():
    async def main():
        stream = whole()
        response = await stream
        assert response is stream.response
        return response

    response = asyncio.run(main())
    assert (response.text, response.stop_reason, response.metadata["stop"]) == ("abc", "stop", "end")


def test_result_gives_the_answer_with_and_without_a_running_loop():
    async def cell():
        return whole().result()

    assert whole().result().text == asyncio.run(cell()).text == "abc"


def test_events_are_given_in_both_colours():
    async def main():
        return [event async for event in whole().events()]

    expected = [event for group in WHOLE for event in group]
    assert list(whole().events()) == asyncio.run(main()) == expected


def test_chunks_can_be_larger():
    assert contents(whole(chunk_size=2)) == ["ab", "c", ""]


def test_the_final_chunk_says_usage_and_reason():
    stream = Stream(
        source([STARTED, ReasoningDelta("hm"), *texts("a")], [UsageReport(Usage(3, 4)), FINISHED])
    )
    *_, final = stream
    said = {name: final.metadata[name] for name in ("usage", "stop_reason", "stop", "thinking")}
    usage = {"input_tokens": 3, "output_tokens": 4}
    assert said == {"usage": usage, "stop_reason": "stop", "stop": "end", "thinking": "hm"}


def test_every_chunk_says_who_answers():
    chunk = next(iter(whole(metadata={"event_type": "e"})))
    assert chunk.metadata == {"event_type": "e", "provider": "scripted", "model": "m"}


def test_timestamps_are_wall_clock():
    clock = VirtualClock(start=1000.0)
    response = whole(clock=clock).result()
    assert {chunk.timestamp for chunk in response.chunks} == {1000.0}
    assert (response.start_time, response.end_time, response.duration) == (1000.0, 1000.0, 0.0)


def test_nothing_is_begun_before_somebody_reads():
    long = Long()
    stream = Stream(long)
    stream.events()
    stream.subscribe(lambda _: None)
    assert (long.delivered, repr(stream)) == (0, "<Stream not started, 0 chunks>")
    assert stream.figures().elapsed == 0


def test_the_repr_tells_the_state():
    stream = endless()
    reader = iter(stream)
    next(reader)
    wait_until(lambda: stream.response.chunk_count == 3)
    assert repr(stream) == "<Stream running, 3 chunks>"
    stream.cancel()
    stream.result()
    assert repr(stream) == "<Stream finished, 3 chunks>"


def test_a_size_of_no_chunk_is_refused():
    with pytest.raises(UsageError, match="chunk_size must be 1 or more, not 0"):
        whole(chunk_size=0)


# Reading again, and by several


def test_a_second_read_replays_in_any_colour():
    stream = whole()
    assert contents(stream) == contents(stream) == contents(asyncio.run(collect(stream)))
    assert stream.result().text == "abc"


def test_a_stream_that_is_finished_can_be_read_anywhere():
    stream = whole()

    async def main():
        await stream
        return contents(stream), stream.result().text, len(list(stream.events()))

    assert asyncio.run(main()) == (["a", "b", "c", ""], "abc", 5)


def test_two_loops_read_one_run():
    stream = whole()
    stream.start()
    assert contents(asyncio.run(collect(stream))) == ["a", "b", "c", ""]


def test_many_readers_see_the_same_run_once():
    long = Long()
    stream = Stream(long)
    results = []

    def read():
        results.append(stream.result().text)

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(PATIENCE)
    assert results == [LONG_TEXT] * 8
    assert long.delivered == MANY


# What would never end


def test_a_synchronous_read_on_the_feeding_loop_is_a_usage_error():
    async def main():
        stream = whole()
        waiting = aiter(stream)
        for read in (stream.result, lambda: next(iter(stream)), lambda: next(iter(stream.events()))):
            with pytest.raises(UsageError, match="use `async for` or `await`"):
                read()
        return contents([chunk async for chunk in waiting])

    assert asyncio.run(main()) == ["a", "b", "c", ""]


def test_a_synchronous_read_from_a_sink_is_a_usage_error():
    failures = []

    def sink(_event):
        with pytest.raises(UsageError) as caught:
            endless().result()
        failures.append(caught.value.kind)

    stream = whole()
    stream.subscribe(sink)
    stream.result()
    assert failures == ["usage"] * 5


def test_starting_another_stream_from_a_sink_is_allowed():
    other = whole()
    stream = whole()
    stream.subscribe(lambda event: other.start() if isinstance(event, Finished) else None)
    stream.result()
    assert other.result().text == "abc"


# Sinks


def test_a_sink_gets_every_event_in_order():
    seen = []
    stream = whole()
    stream.subscribe(seen.append)
    stream.result()
    assert seen == [event for group in WHOLE for event in group]


def test_a_late_sink_gets_all():
    stream, seen = whole(), []
    stream.result()
    stream.subscribe(seen.append)
    assert seen == [event for group in WHOLE for event in group]


def test_sinks_that_come_in_the_middle_miss_nothing_and_get_nothing_twice():
    stream, collected = Stream(Long(2000)), []
    stream.start()
    for _ in range(40):
        collected.append([])
        stream.subscribe(collected[-1].append)
    stream.result()
    expected = list(stream.ledger.events.items)
    assert all(seen == expected for seen in collected)


def test_a_sink_that_is_still_told_the_past_is_not_told_the_present_beside_it():
    hold, begun, went_on = threading.Event(), threading.Event(), threading.Event()
    seen = []

    async def held(deliver):
        await deliver([STARTED])
        begun.set()
        await asyncio.to_thread(hold.wait)
        await deliver(texts("a"))
        await deliver([FINISHED])
        went_on.set()

    def late(event):
        if event == STARTED:
            hold.set()
            went_on.wait(SOON)  # in vain: the run waits for this very sink
        seen.append(event)

    stream = Stream(held)
    stream.start()
    assert begun.wait(PATIENCE)
    stream.subscribe(late)
    stream.result()
    assert seen == [STARTED, TextDelta("a"), FINISHED]


def test_a_sink_that_subscribes_another_gives_it_all_as_well():
    stream, seen = whole(), []

    def first(event):
        if event == TextDelta("a"):
            stream.subscribe(seen.append)

    stream.subscribe(first)
    stream.result()
    assert seen == [event for group in WHOLE for event in group]


def test_a_sink_that_ended_gets_no_more():
    stream, seen = whole(), []

    def sink(event):
        seen.append(event)
        end()

    end = stream.subscribe(sink)
    stream.result()
    end()
    assert seen == [STARTED]


def test_a_broken_sink_is_reported_once_and_the_run_goes_on(caplog):
    calls = []

    def broken(event):
        calls.append(event)
        raise RuntimeError("my own bug")

    stream = whole()
    stream.subscribe(broken)
    assert stream.result().text == "abc"
    assert calls == [STARTED]
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        f"a sink raised and was detached: {broken!r}"
    ]


def test_a_late_sink_that_is_broken_hurts_nobody_either(caplog):
    stream = whole()
    stream.result()
    stream.subscribe(lambda _: 1 / 0)
    assert "detached" in caplog.text


# Failing


def test_a_failure_after_content_is_an_interruption_with_the_exact_partial():
    stream = failing([STARTED, *texts("so ", "fa")], texts("r"))
    with pytest.raises(StreamInterruptedError) as caught:
        stream.result()
    error = caught.value
    assert (error.kind, error.retryable, error.partial.text) == ("timeout_idle", True, "so far")
    assert error.partial is error.partial_response is stream.response
    assert (type(error.__cause__), str(error.__cause__)) == (TransportError, "the line is dead")
    assert error.__cause__.__context__ is None
    assert stream.response.stop_reason == "error"


def test_a_failure_before_content_is_itself_and_has_no_partial():
    with pytest.raises(TransportError, match="the line is dead") as caught:
        failing().result()
    assert (caught.value.partial, caught.value.__cause__, caught.value.__context__) == (None, None, None)


def test_chunks_come_before_the_failure():
    stream, seen = failing([STARTED, *texts("a", "b", "c")], chunk_size=2), []
    with pytest.raises(StreamInterruptedError):
        seen.extend(chunk.content for chunk in stream)
    assert seen == ["ab", "c"]


@pytest.mark.parametrize("read", [lambda s: s.result(), list, lambda s: asyncio.run(collect(s))])
def test_every_read_of_a_failed_stream_raises(read):
    stream = failing([STARTED, *texts("a")])
    for _ in range(2):
        with pytest.raises(StreamInterruptedError) as caught:
            read(stream)
        assert caught.value.partial.text == "a"


def test_sinks_and_views_are_told_a_failure_as_an_event():
    stream = failing([STARTED, *texts("a")])
    *_, last = stream.events()
    assert (last.reason, last.error.kind, last.error.message) == ("error", "timeout_idle", "the line is dead")


def test_a_body_cut_short_is_truncated():
    stream = failing([STARTED, *texts("a")], error=ProtocolError("cut", kind="truncated"))
    with pytest.raises(StreamInterruptedError) as caught:
        stream.result()
    assert (caught.value.kind, stream.response.stop_reason) == ("truncated", "truncated")


def test_an_end_with_an_error_inside_is_raised():
    stream = Stream(source([STARTED, Finished("error", FAILURE)]))
    with pytest.raises(type(from_info(FAILURE)), match="it broke"):
        stream.result()


def test_kept_errors_are_not_raised():
    stream = failing([STARTED, *texts("a")], on_error="keep")
    response = stream.result()
    assert (response.text, response.error.kind) == ("a", "timeout_idle")
    assert contents(stream) == ["a", ""]


def test_figures_that_cannot_be_made_keep_nobody_waiting(caplog):
    def broken(_provider, _model):
        raise LookupError("no price list")

    events = [STARTED, *texts("a"), UsageReport(Usage(1, 1)), FINISHED]
    stream = Stream(source(events), pricing=broken)
    with pytest.raises(StreamcellError, match="internal error, please report it: LookupError: no price list"):
        stream.result()
    assert stream.finished
    assert stream.response.stop_reason == "error"
    assert "it ends without them" in caplog.text


def test_a_defect_of_ours_is_told_as_one_and_never_hangs(caplog):
    stream = Stream(source(error=LookupError("lost")))
    with pytest.raises(ProtocolError, match="internal error, please report it: LookupError: lost") as caught:
        stream.result()
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "for a reason of our own" in caplog.text


def test_a_source_that_ends_without_an_end_is_ended():
    assert Stream(source([STARTED, *texts("a")])).result().stop_reason == "unknown"


# Stopping


def test_cancel_is_no_error_and_keeps_the_partial():
    async def main():
        stream = endless()
        reader = aiter(stream)
        await anext(reader)
        await until(lambda: stream.response.text == "abc")
        stream.cancel()
        rest = [chunk async for chunk in reader]
        return stream, contents(rest)

    stream, rest = asyncio.run(main())
    assert rest == ["b", "c", ""]
    assert (stream.response.stop_reason, stream.response.text, stream.response.error) == (
        "cancelled",
        "abc",
        None,
    )


def test_cancel_before_the_start_is_an_end():
    stream = whole()
    stream.cancel()
    assert (stream.result().stop_reason, stream.result().text) == ("cancelled", "")
    assert stream.response.duration < PATIENCE
    assert contents(stream) == [""]


def test_cancel_right_after_the_start_is_an_end_in_both_colours():
    async def main():
        stream = endless()
        reader = aiter(stream)
        stream.cancel()
        return contents([chunk async for chunk in reader])

    assert asyncio.run(main()) == [""]
    stream = endless()
    stream.start()
    stream.cancel()
    assert stream.result().stop_reason == "cancelled"


def test_a_cancelled_stream_is_finished_at_once_and_takes_no_more():
    said, gate = threading.Event(), threading.Event()

    async def stubborn(deliver):
        await deliver([STARTED, *texts("a")])
        said.set()
        gate.wait(PATIENCE)
        await deliver([*texts("b"), FINISHED])

    stream = Stream(stubborn)
    stream.start()
    assert said.wait(PATIENCE)
    stream.cancel()
    state = (stream.finished, stream.response.stop_reason, stream.response.text)
    gate.set()
    assert state == (True, "cancelled", "a")
    assert (stream.result().text, stream.response.stop_reason) == ("a", "cancelled")


def test_after_a_break_the_response_says_that_it_was_cancelled():
    stream = endless()
    for _ in stream:
        break
    assert (stream.finished, stream.response.stop_reason) == (True, "cancelled")


class BrokenClock(VirtualClock):
    def monotonic(self):
        raise RuntimeError("no time")


def test_a_broken_clock_leaves_nobody_waiting():
    stream = whole(clock=BrokenClock())
    with pytest.raises(ProtocolError, match="no time"):
        stream.result()


def test_chunks_tell_of_a_fallback_and_agree_with_the_text():
    seam = Notice("fallback", "it broke. Answered anew by the same model without streaming.")
    anew = msgspec.structs.replace(STARTED, streamed=False)
    stream = Stream(
        source([STARTED, *texts("a", "b", "c")], [anew, seam, *texts("d", "e", "f"), FINISHED]),
        chunk_size=2,
    )
    chunks = list(stream)
    assert contents(chunks) == ["ab", "c", "de", "f", ""]
    assert [chunk.metadata.get("fallback") for chunk in chunks] == [None, None, seam.text, None, None]
    response = stream.response
    assert (contents(response.chunks), response.chunk_count) == (["de", "f"], 2)
    assert (response.text, response.streamed) == ("def", False)


def test_cancel_after_the_end_changes_nothing():
    stream = whole()
    stream.result()
    stream.cancel()
    assert stream.response.stop_reason == "stop"


def test_a_second_cancel_does_not_disturb_the_closing():
    closed = []

    async def closing(deliver):
        try:
            await deliver([STARTED, *texts("a")])
            await asyncio.Event().wait()
        finally:
            for _ in range(3):
                await asyncio.sleep(0.001)
            closed.append(True)

    stream = Stream(closing)
    next(iter(stream.events()))
    for _ in range(5):
        stream.cancel()
    wait_until(lambda: closed)
    assert closed == [True]


def test_a_sink_may_cancel():
    stream = endless()
    stream.subscribe(lambda event: stream.cancel() if event == TextDelta("b") else None)
    assert (stream.result().stop_reason, stream.response.text) == ("cancelled", "ab")


def interrupt():
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


@pytest.mark.parametrize("read", [list, lambda stream: stream.result()], ids=["for", "result"])
def test_ctrl_c_while_the_run_begins_stops_it(read):
    stream = endless()
    stream.subscribe(lambda event: interrupt() if event == STARTED else None)
    with pytest.raises(KeyboardInterrupt):
        read(stream)
    assert stream.result().stop_reason == "cancelled"


@pytest.mark.parametrize("read", [list, lambda stream: stream.result()], ids=["for", "result"])
def test_ctrl_c_while_somebody_waits_stops_the_run_though_its_traceback_is_kept(read):
    async def silent(deliver):
        await deliver([STARTED, *texts("a")])
        logs = (stream.ledger.events, stream.ledger.chunks)
        await until(lambda: stream.response.chunk_count and any(log._wakes for log in logs))
        interrupt()
        await asyncio.Event().wait()

    stream = Stream(silent)
    with pytest.raises(KeyboardInterrupt) as kept:
        read(stream)
    assert kept.tb is not None
    assert stream.result().stop_reason == "cancelled"


@pytest.mark.parametrize("read", [collect, lambda stream: stream._wait()], ids=["async for", "await"])
def test_a_task_that_is_cancelled_while_it_reads_stops_the_run(read):
    async def main():
        stream = endless()
        task = asyncio.create_task(read(stream))
        await until(lambda: stream.response.text == "abc")
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as kept:
            await task
        # The exception holds the frames of the reader.
        await until(lambda: stream.finished)
        return stream.response.stop_reason, kept

    assert asyncio.run(main())[0] == "cancelled"


def test_a_task_cancelled_before_its_first_step_stops_the_run():
    async def main():
        stream = endless()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream, 0)
        with suppress(asyncio.CancelledError):
            async with asyncio.timeout(0):
                await stream
        await until(lambda: stream.finished)
        return stream.response.stop_reason

    with suppress(TimeoutError):
        assert asyncio.run(main()) == "cancelled"


def test_the_end_of_the_loop_ends_the_run_and_wakes_those_who_wait_elsewhere():
    stream = endless()
    got = []
    reader = threading.Thread(target=lambda: got.extend(stream.events()))

    async def main():
        chunks = aiter(stream)
        await anext(chunks)
        reader.start()
        return chunks

    chunks = asyncio.run(main())
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert got[-1] == Finished("cancelled")
    assert chunks is not None


def test_a_loop_that_cancels_its_tasks_before_the_runs_first_step_ends_the_run():
    stream = endless()

    async def main():
        reader = aiter(stream)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return reader

    reader = asyncio.run(main())
    assert stream.result().stop_reason == "cancelled"
    assert contents(asyncio.run(collect(reader))) == [""]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed_under_the_run_leaves_nobody_waiting():
    stream = endless()
    loop = asyncio.new_event_loop()

    async def main():
        stream._producer.start_here()
        await until(lambda: stream.response.text == "abc")

    loop.run_until_complete(main())
    loop.set_exception_handler(lambda *_: None)
    loop.close()
    stream._producer._task = None
    del loop
    gc.collect()
    wait_until(lambda: stream.finished)
    assert stream.response.stop_reason == "cancelled"


# Leaving


def test_a_break_stops_the_run_in_both_colours():
    async def main():
        stream = endless()
        async for _ in stream:
            break
        await until(lambda: stream.finished)
        return stream

    for _ in (stream := endless()):
        break
    assert stream.result().stop_reason == asyncio.run(main()).response.stop_reason == "cancelled"


def test_an_exception_in_the_body_of_the_loop_stops_the_run():
    stream = endless()

    def fail():
        for _ in stream:
            raise LookupError("my own bug")

    with pytest.raises(LookupError, match="my own bug"):
        fail()
    assert stream.result().stop_reason == "cancelled"


def test_a_reader_that_never_read_stops_the_run_when_it_is_dropped():
    stream = Stream(Long(), keep=False)
    iter(stream)
    wait_until(lambda: stream.finished)
    assert stream.response.stop_reason == "cancelled"


def test_leaving_the_events_or_a_replay_stops_nothing():
    long = Long()
    stream = Stream(long)
    for _ in stream.events():
        break
    for _ in stream:
        break
    stream.subscribe(lambda _: None)()
    assert stream.result().text == LONG_TEXT


def test_leaving_the_only_view_of_a_stream_that_keeps_nothing_stops_nothing_either():
    long = Long()
    stream = Stream(long, keep=False)
    for _ in stream.events():
        break
    wait_until(lambda: stream.finished)
    assert (stream.response.stop_reason, long.delivered) == ("stop", MANY)


def test_a_break_behind_the_end_leaves_no_task():
    async def main():
        stream = Stream(source([STARTED, *texts(*"x" * MANY), FINISHED]))
        async for _ in stream:
            break
        await asyncio.sleep(0)
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        return stream.response.stop_reason

    assert asyncio.run(main()) == "stop"


# Keeping nothing


def test_without_keeping_every_chunk_is_read_once_and_no_more_than_a_window_is_held():
    long = Long()
    stream, held, seen = Stream(long, keep=False), 0, []
    for chunk in stream:
        seen.append(chunk.content)
        held = max(held, len(stream.ledger.chunks.items) + len(stream.ledger.events.items))
    assert "".join(seen) == LONG_TEXT
    assert held <= WINDOW + 2
    assert (stream.response.text, stream.response.chunks, stream.response.chunk_count) == ("", [], MANY)


def test_without_keeping_what_only_sinks_hear_is_held_by_nobody():
    stream, held = Stream(Long(), keep=False), []
    stream.subscribe(lambda _: held.append(len(stream.ledger.events.items)))
    stream.result()
    assert len(held) == MANY + 2
    assert max(held) == 1


@pytest.mark.parametrize("second", [list, lambda s: asyncio.run(collect(s)), lambda s: list(s.events())])
def test_without_keeping_a_second_read_is_an_error(second):
    stream = Stream(Long(3), keep=False)
    list(stream)
    with pytest.raises(UsageError, match="use keep=True to read it twice"):
        second(stream)


def test_without_keeping_events_can_be_read_once():
    stream = Stream(Long(), keep=False)
    assert len(list(stream.events())) == MANY + 2


# Slow readers


def test_the_run_waits_for_a_slow_reader():
    async def main():
        long = Long()
        stream = Stream(long)
        reader = aiter(stream)
        await anext(reader)
        await until(lambda: stream._producer._drained is not None)
        assert long.delivered <= WINDOW + 1
        rest = [chunk.content async for chunk in reader]
        return "0 " + "".join(rest)

    assert asyncio.run(main()) == LONG_TEXT


def test_the_run_waits_for_a_slow_thread_too():
    long = Long()
    stream = Stream(long)
    reader = iter(stream)
    next(reader)
    wait_until(lambda: stream._producer._drained is not None)
    assert long.delivered <= WINDOW + 1
    assert "0 " + "".join(contents(reader)) == LONG_TEXT


def test_somebody_who_wants_the_whole_answer_waits_for_no_reader():
    async def main():
        stream = Stream(Long())
        reader = aiter(stream)
        await anext(reader)
        await until(lambda: stream._producer._drained is not None)
        return (await stream).text, reader

    assert asyncio.run(main())[0] == LONG_TEXT


def test_a_reader_that_stays_away_too_long_is_told_so():
    async def main():
        stream = Stream(Long(), backpressure=SOON)
        reader = aiter(stream)
        await anext(reader)
        await until(lambda: stream.finished)
        with pytest.raises(StreamInterruptedError) as caught:
            await collect(reader)
        return caught.value

    error = asyncio.run(main())
    assert error.kind == "backpressure"
    assert isinstance(error.__cause__, BackpressureTimeout)
    assert "nobody read the stream for" in str(error)


def test_a_reader_that_is_slow_but_reads_is_waited_for():
    async def main():
        stream = Stream(Long(), backpressure=SOON)
        reader, got = aiter(stream), 0
        async for _ in reader:
            got += 1
            if got < 8:
                await asyncio.sleep(SOON / 2)
        return got

    assert asyncio.run(main()) == MANY + 1


# Against a server


def ask(server, **options):
    return streamcell.stream("Hi", "openai:m", base_url=f"{server.base_url}/v1", **{"retries": 0, **options})


STALLED = Script.of("one two three four", fault=Fault("stall", after=3))
ENDLESS = Script.of("one two three four", fault=Fault("endless", after=2), pace=0.001)


async def nothing_left():
    """Return when no task but the caller's and the server's is left on this loop."""
    await until(
        lambda: not [task for task in asyncio.all_tasks() if task.get_name().startswith("streamcell")]
    )


def test_a_break_closes_the_connection():
    async def main():
        async with WireServer(ENDLESS) as server:
            stream = ask(server)
            async for _ in stream:
                break
            await asyncio.wait_for(server.closed(0), PATIENCE)
            assert stream.finished
            assert server.open_connections == 0
            await nothing_left()

    asyncio.run(main())


def test_cancel_from_another_thread_closes_the_connection_of_an_endless_answer():
    with WireServer(ENDLESS) as server:
        stream = ask(server)
        stopper = threading.Thread(target=stream.cancel)
        stream.subscribe(lambda event: stopper.start() if event == TextDelta("one") else None)
        response = stream.result()
        stopper.join()
        assert response.stop_reason == "cancelled"
        assert response.text.startswith("one")
        asyncio.run_coroutine_threadsafe(server.closed(0), server._loop).result(PATIENCE)


def test_cancel_reaches_a_run_that_waits_for_a_silent_server():
    with WireServer(STALLED) as server:
        stream = ask(server)
        reader = iter(stream)
        assert next(reader).content == "one"
        stream.cancel()
        assert contents(reader)[-1] == ""
        asyncio.run_coroutine_threadsafe(server.closed(0), server._loop).result(PATIENCE)


def test_a_slow_reader_stops_the_server_from_sending():
    async def main():
        piece = "x" * 4096
        big = Script(pieces=tuple(TextDelta(piece) for _ in range(3000)))
        async with WireServer(big) as server:
            stream = ask(server)
            reader = aiter(stream)
            await anext(reader)
            (writer,) = server._connections.values()
            # Its buffers are full: the server waits in `drain` while nobody reads.
            await until(lambda: writer.transport.get_write_buffer_size() > 0)
            await until(lambda: stream._producer._drained is not None)
            received = stream.response.chunk_count
            assert received < 3000 // 2
            total = 1
            async for chunk in reader:
                total += not chunk.is_final
            assert total == 3000
        await nothing_left()

    asyncio.run(main())


def test_a_stream_that_is_dropped_leaves_no_task_and_no_socket():
    async def main():
        async with WireServer(ENDLESS) as server:
            reader = aiter(ask(server))
            await anext(reader)
            del reader
            await asyncio.wait_for(server.closed(0), PATIENCE)
            await nothing_left()

    asyncio.run(main())


def test_a_stream_that_is_never_read_sends_nothing():
    async def main():
        async with WireServer(ENDLESS) as server:
            ask(server)
            await asyncio.sleep(0)
            assert server.requests == []

    asyncio.run(main())


def test_an_answer_cut_short_keeps_what_came():
    async def main():
        async with WireServer(Script.of("one two three", fault=Fault("cut", after=2))) as server:
            with pytest.raises(StreamInterruptedError) as caught:
                await ask(server)
            return caught.value

    error = asyncio.run(main())
    assert (error.kind, error.partial.text, error.partial.stop_reason) == (
        "truncated",
        "one two",
        "truncated",
    )


def test_a_storm_of_cancels_leaves_nothing():
    """Cancelled before the start, while it connects, in the first bytes, in the middle, at the end."""
    chance = random.Random(20)  # noqa: S311 - reproducible, no secret
    script = Script.of("one two three four five six seven eight", pace=0.0005)
    reasons = set()

    async def one(server):
        stream = ask(server)
        task = asyncio.create_task(stream._wait() if chance.random() < 0.5 else collect(stream))
        stop = chance.choice([stream.cancel, task.cancel])
        asyncio.get_running_loop().call_later(chance.random() * chance.choice([0.01, 0.05, 0.5]), stop)
        with suppress(asyncio.CancelledError):
            await task
        await until(lambda: stream.finished)
        reasons.add(stream.response.stop_reason)

    async def main():
        async with WireServer(script) as server:
            for _ in range(STORM // 20):
                await asyncio.gather(*(one(server) for _ in range(20)))
            await nothing_left()
            await until(lambda: server.open_connections == 0)

    asyncio.run(main())
    assert reasons == {"cancelled", "stop"}


def test_a_storm_of_cancels_from_threads_leaves_nothing(monkeypatch):
    monkeypatch.setattr(portal_module, "IDLE_SECONDS", 0.01)
    chance = random.Random(21)  # noqa: S311 - reproducible, no secret
    script = Script.of("one two three four five six seven eight", pace=0.0005)
    with WireServer(script) as server:
        for _ in range(STORM // 10):
            streams = [ask(server) for _ in range(10)]
            timers = [threading.Timer(chance.random() * 0.02, stream.cancel) for stream in streams]
            for stream, timer in zip(streams, timers, strict=True):
                timer.start()
                stream.start()
            for stream, timer in zip(streams, timers, strict=True):
                assert stream.result().stop_reason in {"cancelled", "stop"}
                timer.join()
        wait_until(lambda: server.open_connections == 0)
    wait_until(lambda: not portal.running)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("streamcell")]


def test_use_on_a_loop_starts_no_portal():
    wait_until(lambda: not portal.running)

    async def main():
        async with WireServer(Script.of("one")) as server:
            await ask(server)
            return [thread.name for thread in threading.enumerate()]

    assert "streamcell-portal" not in asyncio.run(main())


def test_a_started_event_names_the_one_who_answers():
    async def main():
        async with WireServer(Script.of("one")) as server:
            return [event async for event in ask(server).events()]

    first, *_ = asyncio.run(main())
    assert isinstance(first, Started)
    assert (first.provider, first.model) == ("openai", "m")

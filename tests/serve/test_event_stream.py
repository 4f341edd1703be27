"""`sse`: a stream as bytes for any framework, with and without a loop."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, closing

import pytest

from runs import FINISHED, STARTED, source, texts
from serving import frames, said
from streamcell.errors import UsageError
from streamcell.events import Finished
from streamcell.handle import Stream
from streamcell.serve import sse

WORDS = ["one ", "two ", "three"]


def finite(**options):
    return Stream(source([STARTED], texts(*WORDS), [FINISHED]), **options)


def waiting():
    return Stream(source([STARTED], texts(*WORDS), never_ends=True))


async def read(events):
    return b"".join([piece async for piece in events]).decode()


def test_a_loop_and_a_thread_read_the_same_bytes():
    here = asyncio.run(read(sse(finite())))
    assert here == b"".join(sse(finite())).decode()
    assert said(frames(here)) == "one two three"


def test_an_event_is_its_number_its_tag_and_itself():
    first, second, *_ = b"".join(sse(finite())).split(b"\n\n")
    assert first == b'id: 0\nevent: started\ndata: {"type":"started","provider":"scripted","model":"m"}'
    assert second == b'id: 1\nevent: text\ndata: {"type":"text","text":"one "}'


@pytest.mark.parametrize("last", range(-1, 5))
def test_a_reader_goes_on_behind_the_last_event_it_has(last):
    stream = finite()
    everything = frames(asyncio.run(read(sse(stream))))
    last_event_id = str(last) if last >= 0 else None
    assert frames(asyncio.run(read(sse(stream, last_event_id=last_event_id)))) == everything[last + 1 :]
    assert frames(b"".join(sse(stream, last_event_id=last_event_id)).decode()) == everything[last + 1 :]


def test_two_readers_of_one_stream_each_get_all_of_it():
    async def both():
        stream = finite()
        return await asyncio.gather(read(sse(stream)), read(sse(stream)))

    first, second = asyncio.run(both())
    assert said(frames(first)) == said(frames(second)) == "one two three"


def test_silence_is_filled_with_comments_on_a_loop():
    async def beats():
        stream = waiting()
        async with aclosing(aiter(sse(stream, heartbeat=0.001))) as pieces:
            while await anext(pieces) != b": heartbeat\n\n":
                pass
        stream.cancel()
        return stream.response.text

    assert asyncio.run(beats()) == "one two three"


def test_silence_is_filled_with_comments_in_a_thread():
    stream = waiting()
    with closing(iter(sse(stream, heartbeat=0.001))) as pieces:
        assert b": heartbeat\n\n" in pieces
    stream.cancel()


def test_a_stream_goes_on_without_its_reader_unless_told_to_stop():
    async def leave(**options):
        stream = waiting()
        async with aclosing(aiter(sse(stream, **options))) as pieces:
            await anext(pieces)
        finished = stream.finished
        stream.cancel()
        return finished

    assert asyncio.run(leave()) is False
    assert asyncio.run(leave(on_leave="stop")) is True


def test_a_wsgi_server_that_closes_stops_the_run_if_told_to():
    stream = waiting()
    events = sse(stream, on_leave="stop")
    pieces = iter(events)
    next(pieces)
    events.close()
    assert frames(b"".join(pieces).decode())[-1].data == Finished("cancelled")


def test_a_stream_on_a_loop_starts_no_thread():
    async def names():
        await read(sse(finite()))
        return {task.get_name() for task in asyncio.all_tasks()}

    import threading  # noqa: PLC0415

    before = set(threading.enumerate())
    asyncio.run(names())
    assert set(threading.enumerate()) <= before


def test_a_failure_is_the_last_event():
    stream = Stream(source([STARTED], texts("one "), error=UsageError("wrong")))
    last = frames(asyncio.run(read(sse(stream))))[-1]
    assert (last.event, last.data.reason, last.data.error.message) == ("finished", "error", "wrong")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"last_event_id": "x"}, "Last-Event-ID is the number of an event, not 'x'"),
        ({"on_leave": "explode"}, 'on_leave is "go_on" or "stop"'),
    ],
)
def test_wrong_options_are_told_at_once(options, reason):
    with pytest.raises(UsageError, match=reason):
        sse(finite(), **options)


def test_a_stream_that_keeps_nothing_cannot_be_served():
    with pytest.raises(UsageError, match="keep=False cannot be served"):
        sse(finite(keep=False))

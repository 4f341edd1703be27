"""What is written of a stream and what is read of it: the same, whatever gets lost on the way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from redis_server import redis_server
from runs import FINISHED, RUNS, STARTED, texts
from streamcell.core.log import Log
from streamcell.errors import TransportError
from streamcell.events import Finished
from streamcell.io.clock import SystemClock
from streamcell.serve.event_stream import frames
from streamcell.serve.feed import Numbered
from streamcell.serve.shared.entries import GONE, Entry, Facts, Write
from streamcell.serve.shared.scribe import Scribe
from streamcell.serve.shared.store import Store
from streamcell.serve.shared.tail import Mirror

FACTS = Facts("me", "m", "w")
EVENTS = [STARTED, *texts("a", "b", "c", "d"), FINISHED]


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@asynccontextmanager
async def writing(address):
    """A store with a stream that has begun, the log it is written from, and the scribe that writes it."""
    store, log = Store(address, kept=60), Log()
    scribe = Scribe(store, clock=SystemClock())
    try:
        await store.begin("s", FACTS)
        scribe.open("s", FACTS, log)
        yield store, log, scribe
    finally:
        await store.close()


async def written(store):
    """What is there to be read of the stream."""
    _, entries = await store.read("s")
    mirror = Mirror("s", FACTS, None)
    for entry in entries:
        mirror.take(entry)
    assert mirror.lost is None
    return mirror.events.items


def flush(server):
    with redis.Redis.from_url(server.address) as client:
        client.flushall()


ROUNDS = st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.booleans()), max_size=8)
"""How many events come, whether the reply to their writing gets lost, and whether Redis loses everything."""


@settings(max_examples=25)
@given(run=RUNS, rounds=ROUNDS)
def test_any_run_is_read_as_it_was_said_even_if_replies_and_all_data_get_lost(own_redis, run, rounds):
    flush(own_redis)

    async def main():
        async with writing(own_redis.address) as (store, log, scribe):
            left = list(run)
            for count, reply_lost, all_lost in rounds:
                log.extend(left[:count])
                del left[:count]
                await scribe.write()
                for page in scribe._pages.values():
                    page.sure = page.sure and not reply_lost
                    if all_lost:
                        flush(own_redis)
            log.extend(left)
            await scribe.finish()
            return await written(store), scribe.writing

    assert asyncio.run(main()) == (run, [])


def test_a_log_that_redis_lost_is_written_anew_from_its_beginning(tmp_path):
    async def main():
        async with writing(server.address) as (store, log, scribe):
            log.extend(EVENTS[:2])
            await scribe.write()
            server.stop()
            log.extend(EVENTS[2:4])
            with pytest.raises(TransportError, match="does not answer"):
                await scribe.write()
            server.start()
            log.extend(EVENTS[4:])
            await scribe.write()
            return await written(store), scribe.writing

    with redis_server(tmp_path) as server:
        assert asyncio.run(main()) == (EVENTS, [])


def test_only_one_of_two_writers_writes_what_follows(own_redis):
    flush(own_redis)

    async def main():
        async with writing(own_redis.address) as (store, log, scribe):
            log.extend(EVENTS[:3])
            await scribe.write()
            ends = [
                Write("s", Entry(3, [GONE])),
                Write("s", Entry(3, EVENTS[3:5])),
                Write("s", Entry(2, [GONE])),
            ]
            taken = await store.append(ends)
            log.extend(EVENTS[3:])
            assert not await scribe.write()
            await scribe.write()
            return taken, await written(store), scribe.writing

    taken, found, left = asyncio.run(main())
    assert taken == [True, False, False]
    assert found == [*EVENTS[:3], GONE]
    assert left == []


def test_nothing_is_written_behind_a_stream_that_is_gone(own_redis):
    flush(own_redis)

    async def main():
        store = Store(own_redis.address, kept=60)
        taken = await store.append([Write("s", Entry(0, [GONE]))])
        found = await store.read("s")
        await store.close()
        return taken, found

    assert asyncio.run(main()) == ([False], None)


@given(run=RUNS, entries=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))))
def test_entries_that_repeat_what_is_known_change_nothing(run, entries):
    mirror = Mirror("s", FACTS, None)
    for start, end in [*entries, (0, len(run))]:
        first = min(start, mirror.events.next)
        mirror.take(Entry(first, run[first:end]))
    assert (mirror.events.items, mirror.lost) == (run, None)


def test_after_a_gap_the_rest_is_lost_and_not_shown():
    mirror = Mirror("s", FACTS, None)
    mirror.take(Entry(0, EVENTS[:2]))
    mirror.take(Entry(3, EVENTS[3:]))
    assert mirror.events.items == EVENTS[:2]
    assert mirror.finished
    assert mirror.lost.retryable


def test_what_another_version_wrote_ends_the_stream_with_an_error(own_redis):
    flush(own_redis)

    async def main():
        async with writing(own_redis.address) as (store, _, _):
            with redis.Redis.from_url(own_redis.address) as client:
                client.xadd("streamcell:stream:s", {"events": '[{"type": "of the future"}]'}, id="1-0")
            return await written(store)

    (found,) = asyncio.run(main())
    assert isinstance(found, Finished)
    assert "of one version" in found.error.message


def test_what_is_not_in_the_log_is_sent_without_an_id():
    assert frames([Numbered(None, FINISHED)]).startswith(b"event: finished\ndata: ")

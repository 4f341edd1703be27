"""Workers that keep one book: each finds, reads and stops the streams of the others, limits hold for all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing, asynccontextmanager

import pytest
import redis
from starlette.exceptions import HTTPException

from redis_server import redis_server
from serving import frames, heard
from streamcell.errors import UsageError
from streamcell.events import Finished, TextDelta
from streamcell.io.clock import SystemClock
from streamcell.serve import Limits, create_app
from streamcell.serve.guard import Tokens
from streamcell.serve.models import Models
from streamcell.serve.shared.book import SharedBook
from streamcell.serve.shared.tail import GRACE
from streamcell.serve.streams import Streams
from stubs import PATIENCE

TOKEN, OTHER = "correct-horse-battery", "staple-of-another-caller"

WITHOUT = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "redis":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import streamcell
from streamcell.serve import create_app
create_app(["demo"])
try:
    create_app(["demo"], log="redis://127.0.0.1:1")
except streamcell.UsageError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def log(own_redis):
    with redis.Redis.from_url(own_redis.address) as client:
        client.flushall()
    return own_redis.address


class MovableClock(SystemClock):
    """The machine's clock, put forward by a test."""

    ahead = 0.0

    def monotonic(self):
        return super().monotonic() + MovableClock.ahead


@pytest.fixture
def movable():
    MovableClock.ahead = 0.0
    return MovableClock()


@asynccontextmanager
async def workers(log, model, *, limits=None, clock=None):
    """Two workers of one server."""
    limits, clock = limits or Limits(), clock or SystemClock()
    pair = [
        Streams(Models([model]), limits=limits, clock=clock, book=SharedBook(log, limits, clock=clock))
        for _ in range(2)
    ]
    try:
        async with asyncio.timeout(PATIENCE):
            for one in pair:
                await one.open()
            yield pair
    finally:
        for one in pair:
            await one.close()


async def read(held, after=-1, until=None):
    """The numbered events of a stream to its end, or so many."""
    found = []
    async with aclosing(held.follow(after=after, beat=None)) as news:
        async for events in news:
            found += events
            if until is not None and len(found) >= until:
                return found[:until]
    return found


async def die(one):
    """What is left of a worker that was killed, when its lease has run out."""
    for task in one._book._tasks:
        task.cancel()
    await asyncio.gather(*one._book._tasks, return_exceptions=True)
    await one._book._store.leave(one._book._worker)


def test_what_one_worker_runs_another_reads_from_anywhere(log, scripted, text):
    async def main():
        async with workers(log, scripted(text)) as (one, other):
            held = await one.start("hi", None, {}, "me")
            there = await other.find(held.id, "me")
            whole = await read(held)
            assert (there.model, there.owner) == ("scripted", "me")
            assert await read(there) == whole
            for after in range(0, len(whole), 7):
                assert await read(await other.find(held.id, "me"), after) == whole[after + 1 :]
            return whole

    whole = asyncio.run(main())
    assert [number for number, _ in whole] == list(range(len(whole)))
    assert "".join(event.text for _, event in whole if isinstance(event, TextDelta)) == text


def test_readers_of_one_stream_share_what_was_read_of_it(log, endless):
    async def main():
        async with workers(log, endless) as (one, other):
            held = await one.start("hi", None, {}, "me")
            mirrors = await asyncio.gather(*(other.find(held.id, "me") for _ in range(3)))
            return {id(mirror) for mirror in mirrors}

    assert len(asyncio.run(main())) == 1


@pytest.mark.parametrize("identity", ["x", "A" * 32, "a:b", "*", "é", "", "x" * 65])
def test_a_guessed_id_and_a_stranger_find_nothing_on_any_worker(log, endless, identity):
    async def main():
        async with workers(log, endless) as (one, other):
            held = await one.start("hi", None, {}, "me")
            for wrong, owner in ((identity, "me"), (held.id, "you")):
                with pytest.raises(HTTPException, match="there is no such stream"):
                    await other.find(wrong, owner)

    asyncio.run(main())


def test_a_stop_is_heard_by_the_worker_that_runs_the_stream(log, endless):
    async def main():
        async with workers(log, endless) as (one, other):
            held = await one.start("hi", None, {}, "me")
            there = await other.find(held.id, "me")
            reason = await there.stop()
            again = await there.stop()
            return reason, again, held.stream.response.stop_reason, await read(there) == await read(held)

    assert asyncio.run(main()) == ("cancelled", "cancelled", "cancelled", True)


def test_a_caller_has_only_so_many_streams_on_all_workers_together(log, endless):
    async def main():
        async with workers(log, endless, limits=Limits(streams=2)) as (one, other):
            first = await one.start("hi", None, {}, "me")
            await other.start("hi", None, {}, "me")
            for worker in (one, other):
                with pytest.raises(HTTPException, match="2 streams are running already") as refusal:
                    await worker.start("hi", None, {}, "me")
                assert refusal.value.status_code == 429
            await other.start("hi", None, {}, "you")
            await (await other.find(first.id, "me")).stop()
            await other.start("hi", None, {}, "me")

    asyncio.run(main())


def test_the_streams_of_a_worker_that_is_gone_count_no_more(log, endless):
    async def main():
        async with workers(log, endless, limits=Limits(streams=1)) as (one, other):
            await one.start("hi", None, {}, "me")
            await die(one)
            await other.start("hi", None, {}, "me")

    asyncio.run(main())


def test_a_caller_begins_only_so_many_streams_a_minute_on_all_workers_together(log, scripted):
    async def main():
        async with workers(log, scripted("x"), limits=Limits(starts_per_minute=2)) as (one, other):
            await one.start("hi", None, {}, "me")
            await other.start("hi", None, {}, "me")
            await other.start("hi", None, {}, "you")
            with pytest.raises(HTTPException, match="too many requests") as refusal:
                await one.start("hi", None, {}, "me")
            return refusal.value

    refusal = asyncio.run(main())
    assert refusal.status_code == 429
    assert 0 < int(refusal.headers["retry-after"]) <= 60


def test_the_streams_of_a_worker_that_is_gone_end_for_every_reader_alike(log, endless, movable):
    async def main():
        async with workers(log, endless, clock=movable) as (one, other):
            held = await one.start("hi", None, {}, "me")
            there = await other.find(held.id, "me")
            had = await read(there, until=5)
            await die(one)
            await other._book._tail.check()
            assert not there.finished  # it may be Redis that was away
            MovableClock.ahead += GRACE
            await other._book._tail.check()
            rest = await read(there, after=had[-1].number)
            return had + rest, await read(await other.find(held.id, "me")), await there.stop()

    found, again, stopped = asyncio.run(main())
    assert found == again
    assert [number for number, _ in found] == list(range(len(found)))
    assert (stopped, found[-1].event.reason, found[-1].event.error.kind) == ("truncated",) * 3


def test_a_reader_that_heard_more_than_was_written_is_told_of_the_end_all_the_same(log, endless, movable):
    async def main():
        async with workers(log, endless, clock=movable) as (one, other):
            await die(one)
            held = await one.start("hi", None, {}, "me")
            had = await read(held, until=5)
            there = await other.find(held.id, "me")
            await other._book._tail.check()
            MovableClock.ahead += GRACE
            await other._book._tail.check()
            return await read(there, after=had[-1].number), await read(there), there.is_whole_at(4)

    told, written, whole = asyncio.run(main())
    assert [number for number, _ in written] == [0]
    assert told == [(None, written[0].event)]
    assert written[0].event.reason == "truncated"
    assert not whole


def test_without_redis_the_own_readers_go_on_and_the_others_are_told(tmp_path, endless):
    async def main():
        async with workers(server.address, endless) as (one, other):
            held = await one.start("hi", None, {}, "me")
            there = await other.find(held.id, "me")
            had = await read(there, until=5)
            server.stop()
            told = (await read(there, after=had[-1].number))[-1]
            for refused in (
                one.start("hi", None, {}, "me"),
                other.find(held.id, "me"),
                other.start("hi", None, {}, "me"),
            ):
                with pytest.raises(HTTPException, match="does not answer") as refusal:
                    await refused
                assert refusal.value.status_code == 503
            await held.stop()
            own = await read(await one.find(held.id, "me"))
            server.start()
            return told, own

    with redis_server(tmp_path) as server:
        told, own = asyncio.run(main())
    assert (told.number, told.event.error.kind, told.event.error.retryable) == (None, "connect", True)
    assert own[-1].event == Finished("cancelled")


def test_a_redis_that_hangs_is_as_one_that_is_away(own_redis, log, endless):
    async def main():
        async with workers(log, endless) as (one, other):
            held = await one.start("hi", None, {}, "me")
            there = await other.find(held.id, "me")
            had = await read(there, until=5)
            with own_redis.hanging():
                told = (await read(there, after=had[-1].number))[-1]
                with pytest.raises(HTTPException, match="does not answer"):
                    await other.find(held.id, "me")
                await held.stop()
                own = await read(held)
            return told, own

    told, own = asyncio.run(main())
    assert (told.number, told.event.error.kind) == (None, "connect")
    assert own[-1].event == Finished("cancelled")


def test_a_server_that_ends_writes_the_ends_of_its_streams(log, endless):
    async def main():
        async with workers(log, endless) as (one, other):
            held = await one.start("hi", None, {}, "me")
            await one.close()
            return await read(await other.find(held.id, "me")) == await read(held)

    assert asyncio.run(main())


def test_what_has_ended_is_kept_for_its_time(log, scripted):
    async def main():
        async with workers(log, scripted("x"), limits=Limits(kept_seconds=60)) as (one, other):
            held = await one.start("hi", None, {}, "me")
            await read(await other.find(held.id, "me"))
            return held.id

    identity = asyncio.run(main())
    with redis.Redis.from_url(log) as client:
        assert 0 < client.pttl(f"streamcell:stream:{identity}") <= 60_000


def test_a_token_has_one_name_on_all_workers_and_is_not_in_it():
    names = {Tokens([TOKEN], shared=True).caller([TOKEN]) for _ in range(2)}
    assert len(names) == 1
    assert TOKEN not in names.pop()
    assert Tokens([TOKEN]).caller([TOKEN]) != Tokens([TOKEN]).caller([TOKEN])


@pytest.mark.parametrize(
    "address",
    ["", "redis", "http://127.0.0.1", "unix:///tmp/x", "redis://:a-password@h:port", "redis://h:99999"],
)
def test_a_log_that_is_no_address_is_refused_without_being_repeated(address):
    with pytest.raises(UsageError, match="like redis://host:6379") as refusal:
        create_app(["demo"], log=address)
    assert "a-password" not in str(refusal.value)


def test_a_stream_that_stops_when_it_is_left_is_no_shared_one():
    with pytest.raises(UsageError, match='on_leave="stop" is for one worker'):
        create_app(["demo"], log="redis://127.0.0.1:1", on_leave="stop")


def test_without_the_extra_only_the_log_is_refused_and_its_library_named():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout == "log= needs redis; install it with pip install 'streamcell[redis]'\n"


def test_over_http_and_a_socket_any_worker_serves_the_owner_and_nobody_else(client, scripted, log, text):
    one, other = (client([scripted(text)], tokens=[TOKEN, OTHER], log=log) for _ in range(2))
    mine, yours = ({"authorization": f"Bearer {token}"} for token in (TOKEN, OTHER))
    answer = one.post("/v1/streams", json={"prompt": "hi"}, headers=mine)
    whole, place = frames(answer.text), answer.headers["location"]
    assert frames(other.get(place, headers=mine).text) == whole
    assert frames(other.get(place, headers={**mine, "last-event-id": "5"}).text) == whole[6:]
    last = {**mine, "last-event-id": str(whole[-1].id)}
    assert other.get(place, headers=last).status_code == 204
    for method in ("GET", "DELETE"):
        assert other.request(method, place, headers=yours).status_code == 404
    assert other.delete(place, headers=mine).json()["stop_reason"] == "stop"
    with other.websocket_connect("/v1/ws", headers=mine) as line:
        line.send_json({"type": "resume", "stream": place.rpartition("/")[2], "last_event_id": 5})
        assert line.receive_json()["model"] == "scripted"
        assert [heard(line.receive_text()) for _ in whole[6:]] == whole[6:]


def test_neither_tokens_nor_prompts_get_into_redis(client, scripted, log):
    one, other = (client([scripted("x")], tokens=[TOKEN], log=log) for _ in range(2))
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = one.post("/v1/streams", json={"prompt": "a question of mine"}, headers=headers)
    other.get(answer.headers["location"], headers=headers)  # then all of it is there
    with redis.Redis.from_url(log) as web:
        readers = {b"stream": web.xrange, b"hash": web.hgetall, b"string": web.get, b"list": _whole_list(web)}
        kept = repr([(key, readers[web.type(key)](key)) for key in web.scan_iter()])
    assert "streamcell:stream:" in kept
    assert "started" in kept
    assert TOKEN not in kept
    assert "a question" not in kept


def _whole_list(web):
    return lambda key: web.lrange(key, 0, -1)

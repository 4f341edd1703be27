"""What the workers of one server keep in Redis, and every command they give it. Knows no policy.

For each stream a Redis Stream: entry 0-1 says whose it is, and an entry n-0 holds the events from number
n-1 on. Redis takes only ids that grow, so two workers can never both write what follows: the second is
refused, and the log stays as the first one wrote it. For each worker a key that expires unless it is
renewed, and a Redis Stream of what the others ask of it; for each caller the streams that run.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from streamcell.errors import TransportError, UsageError
from streamcell.serve.shared.entries import Entry, Facts, Write, read_entry, written

LEASE: Final = 3.0
"""Seconds for which a worker counts as alive after its last beat."""
START: Final = "0"
"""Where a worker begins to read what is asked of it."""
_PATIENCE = 3.0
"""Seconds for a command: a Redis that hangs is as good as one that is gone."""
_CONNECTIONS = 32
_FACTS_ID = "0-1"
_MOST_ASKED = 1000


class News(NamedTuple):
    """What was written behind the places that were asked about."""

    entries: Mapping[str, list[Entry]]
    stops: list[str]
    """Streams of this worker that somebody wants stopped."""
    place: str
    """How far that was read."""


class Store:
    """One Redis; every command raises `TransportError` when it does not answer.

    Streams that have ended are kept for `kept` seconds. Belongs to one loop. Raises `UsageError` for an
    address that is none.
    """

    def __init__(self, address: str, *, kept: float) -> None:
        if address.partition("://")[0] not in {"redis", "rediss"}:
            raise UsageError("the log that workers share is the address of a Redis, like redis://host:6379")
        try:
            pool = BlockingConnectionPool.from_url(
                address,
                max_connections=_CONNECTIONS,
                timeout=_PATIENCE,
                socket_timeout=_PATIENCE,
                socket_connect_timeout=_PATIENCE,
                # A connection that was closed while it lay idle is worth another try, silence is not.
                retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
                protocol=2,  # answers in the shape that every version of the client gives
            )
        except ValueError:  # it may repeat the address, which may hold a password
            raise UsageError(
                "the address of the log is not understood; it is like redis://host:6379"
            ) from None
        # Any: how its commands are annotated differs from version to version.
        self._redis: Any = Redis(connection_pool=pool)
        self._kept = math.ceil(kept * 1000)
        self._lease = math.ceil(LEASE * 1000)

    # Streams

    async def begin(self, identity: str, facts: Facts) -> None:
        """Let the others find the stream."""
        pipe = self._pipe()
        pipe.xadd(_stream(identity), facts._asdict(), id=_FACTS_ID)
        pipe.pexpire(_stream(identity), self._kept + self._lease)
        pipe.hset(_running(facts.owner), identity, facts.worker)
        await self._all(pipe)

    async def append(self, writes: Iterable[Write]) -> list[bool]:
        """Write each entry behind its stream, in one go; False where that is not its end, or it is gone."""
        pipe = self._pipe()
        places = []
        for identity, entry, facts in writes:
            places.append(len(pipe))
            events = {"events": written(entry)}
            pipe.xadd(_stream(identity), events, id=f"{entry.first + 1}-0", nomkstream=True)
            if entry.last:
                pipe.pexpire(_stream(identity), self._kept)
                if facts is not None:
                    pipe.hdel(_running(facts.owner), identity)
        results = await self._all(pipe, refusals=True)
        return [isinstance(results[place], bytes) for place in places]

    async def read(self, identity: str) -> tuple[Facts, list[Entry]] | None:
        """The stream so far; None when there is none."""
        pipe = self._pipe()
        pipe.xrange(_stream(identity))
        (found,) = await self._all(pipe)
        if not found or found[0][0] != _FACTS_ID.encode():
            return None
        facts = {name.decode(): value.decode() for name, value in found[0][1].items()}
        return Facts(**facts), [_entry(*item) for item in found[1:]]

    async def end_of(self, identity: str) -> Entry | None:
        """The last entry, which is empty before the first event; None when there is no such stream."""
        pipe = self._pipe()
        pipe.xrevrange(_stream(identity), count=1)
        (found,) = await self._all(pipe)
        return _entry(*found[0]) if found else None

    async def news(self, reached: Mapping[str, int], *, worker: str, place: str, seconds: float) -> News:
        """What follows the first `reached` events of each stream, and what is asked of `worker`.

        Waits for it, but no longer than `seconds`, which is less than a command may take.
        """
        places = {_asked(worker): place}
        places |= {_stream(identity): _after(count) for identity, count in reached.items()}
        try:
            answer = await self._redis.xread(places, block=math.ceil(seconds * 1000))
        except (RedisError, OSError) as error:
            failure = away(error)
        else:
            found = {key.decode(): items for key, items in answer or ()}
            asked = found.pop(_asked(worker), [])
            news = {
                _identity(key): [_entry(*item) for item in items if item[0] != _FACTS_ID.encode()]
                for key, items in found.items()
            }
            stops = [fields[b"stop"].decode() for _, fields in asked if b"stop" in fields]
            return News(news, stops, asked[-1][0].decode() if asked else place)
        raise failure

    # Workers

    async def beat(self, worker: str, streams: Iterable[str]) -> None:
        """Renew that this worker lives, and that what it runs is kept."""
        pipe = self._pipe()
        pipe.set(_worker(worker), 1, px=self._lease)
        pipe.pexpire(_asked(worker), self._kept + self._lease)
        for identity in streams:
            pipe.pexpire(_stream(identity), self._kept + self._lease)
        await self._all(pipe)

    async def alive(self, workers: Collection[str]) -> set[str]:
        """Those of them that live."""
        pipe = self._pipe()
        for worker in workers:
            pipe.exists(_worker(worker))
        return {worker for worker, found in zip(workers, await self._all(pipe), strict=True) if found}

    async def kept(self, streams: Collection[str]) -> set[str]:
        """Those of them that are still there."""
        pipe = self._pipe()
        for identity in streams:
            pipe.exists(_stream(identity))
        return {name for name, found in zip(streams, await self._all(pipe), strict=True) if found}

    async def ask(self, worker: str, **what: str) -> None:
        """Tell `worker` something; ``look=""`` only makes it look up from its waiting."""
        pipe = self._pipe()
        pipe.xadd(_asked(worker), what, maxlen=_MOST_ASKED)
        pipe.pexpire(_asked(worker), self._kept + self._lease)
        await self._all(pipe)

    async def leave(self, worker: str) -> None:
        """Say that this worker is gone."""
        pipe = self._pipe()
        pipe.delete(_worker(worker), _asked(worker))
        await self._all(pipe)

    # Callers

    async def count(self, identity: str, facts: Facts) -> dict[str, str]:
        """Count this stream as running; the workers of all that run for its owner, by their ids."""
        pipe = self._pipe()
        pipe.hset(_running(facts.owner), identity, facts.worker)
        pipe.hgetall(_running(facts.owner))
        _, found = await self._all(pipe)
        return {name.decode(): worker.decode() for name, worker in found.items()}

    async def uncount(self, owner: str, streams: Collection[str]) -> None:
        """They run no more."""
        pipe = self._pipe()
        pipe.hdel(_running(owner), *streams)
        await self._all(pipe)

    async def ping(self) -> None:
        """Raise `TransportError` unless there is a Redis."""
        pipe = self._pipe()
        pipe.ping()
        await self._all(pipe)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.connection_pool.disconnect()

    def _pipe(self) -> Any:
        return self._redis.pipeline(transaction=False)

    async def _all(self, pipe: Any, *, refusals: bool = False) -> list[Any]:
        """What the commands answered; with `refusals` those that failed answer with their exception."""
        if not len(pipe):
            return []
        try:
            results: list[Any] = await pipe.execute(raise_on_error=not refusals)
        except (RedisError, OSError) as error:
            failure = away(error)
        else:
            return results
        raise failure


def away(error: Exception) -> TransportError:
    """The error that everybody is told; the client's own may hold the address with its password."""
    reason = type(error).__name__
    return TransportError(
        f"the log that the workers share does not answer ({reason}); ask again later", retryable=True
    )


def _entry(place: bytes, fields: Mapping[bytes, bytes]) -> Entry:
    first = max(int(place.partition(b"-")[0]) - 1, 0)
    return read_entry(first, fields.get(b"events", b"[]"))


def _after(count: int) -> str:
    """The place behind so many events; every entry that follows has a higher id."""
    return f"{count}-0" if count else _FACTS_ID


def _stream(identity: str) -> str:
    return f"streamcell:stream:{identity}"


def _identity(key: str) -> str:
    return key.rpartition(":")[2]


def _worker(name: str) -> str:
    return f"streamcell:worker:{name}"


def _asked(worker: str) -> str:
    return f"streamcell:asked:{worker}"


def _running(owner: str) -> str:
    return f"streamcell:running:{owner}"

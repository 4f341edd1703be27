"""A model for crowds: a process of its own that answers many at once, fails when told to, and counts.

The name of the model says what it answers, as in ``n40-p50-d3-f10``: 40 pieces at 50 a second after 3 seconds
of silence, and of every hundred questions ten fail. A question is its number, so that both sides know which
ones and how (`trouble_of`). Prints its address first; then, for each line it is given, one line of JSON with
`Counts`.
"""

from __future__ import annotations

import asyncio
import functools
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import msgspec

from answer import pieces
from streamcell.core.script import Fault, Script
from streamcell.events import TextDelta, Usage
from streamcell.io.wire_server import WireServer

_NAME = re.compile(r"n(\d+)-p(\d+)-d(\d+)-f(\d+)")


class Trouble(NamedTuple):
    """What a server does wrong, and the kind of the error that it is to become."""

    fault: Fault
    kind: str


_TROUBLES = (
    Trouble(Fault("reset", after=2), "truncated"),
    Trouble(Fault("cut", after=2), "truncated"),
    Trouble(Fault("error", after=1, status=500), "server"),
    Trouble(Fault("status", status=503), "overloaded"),
    Trouble(Fault("status", status=401), "auth"),
)
_HUNDRED = 100
_SCATTER = 37
"""Prime to a hundred: the failing questions do not come in a row."""


class Counts(msgspec.Struct):
    """What a model has seen since it was asked last: requests, and the most that were under way at once."""

    requests: int = 0
    peak: int = 0


class Saying(NamedTuple):
    """What the name of a model says."""

    count: int
    pace: int
    delay: int
    percent: int

    @classmethod
    def of(cls, name: str) -> Self:
        return cls(*map(int, _NAME.fullmatch(name).groups()))


def trouble_of(number: int, percent: int) -> Trouble | None:
    """What happens to the question of that number when `percent` of all fail."""
    if number * _SCATTER % _HUNDRED >= percent:
        return None
    return _TROUBLES[number % len(_TROUBLES)]


@functools.cache
def deltas(count: int) -> tuple[TextDelta, ...]:
    """The pieces of an answer."""
    return tuple(map(TextDelta, pieces(count)))


class Crowd:
    """Answers, and counts from the arrival of a question to the last piece of its answer."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._inside = 0

    def answer(self, _path: str, _headers: Mapping[str, str], body: dict[str, Any]) -> Script:
        """What the server answers, by the names of the model and of the question."""
        said = Saying.of(body["model"])
        trouble = trouble_of(int(body["messages"][-1]["content"]), said.percent)
        self._counts.requests += 1
        if trouble is None or trouble.fault.kind != "status":
            self._inside += 1
            self._counts.peak = max(self._counts.peak, self._inside)
        counted: Any = _Counted(deltas(said.count), self._leave)
        return Script(
            counted,
            usage=Usage(input_tokens=20, output_tokens=said.count),
            pace=1 / said.pace if said.pace else 0.0,
            delay=said.delay,
            fault=trouble and trouble.fault,
        )

    def take(self) -> Counts:
        """The counts so far, which begin anew."""
        counts, self._counts = self._counts, Counts(peak=self._inside)
        return counts

    def _leave(self) -> None:
        self._inside -= 1


class _Counted:
    """Pieces that tell when the last one was taken, or nobody wants more."""

    def __init__(self, given: tuple[TextDelta, ...], leave: Any) -> None:
        self._given = given
        self._leave = leave

    def __len__(self) -> int:
        return len(self._given)

    def __iter__(self) -> Iterator[TextDelta]:
        try:
            yield from self._given
        finally:
            self._leave()


async def serve() -> None:
    """Answer until standard input is closed."""
    crowd = Crowd()
    async with WireServer(crowd.answer) as server:
        print(server.base_url, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(msgspec.json.encode(crowd.take()).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())

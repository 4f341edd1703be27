"""The model behind the servers: a process whose every piece of text is the time at which it was sent.

The name of the model says what it answers: ``n200-p20`` is 200 pieces at 20 a second, ``p0`` is as fast as
the socket takes them. Prints its address with ``/v1`` first; answers until standard input is closed.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import TYPE_CHECKING, Any

from streamcell.core.script import Script
from streamcell.events import TextDelta
from streamcell.io.wire_server import WireServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"n(\d+)-p(\d+)")


class Times:
    """Text deltas made when they are sent: the server takes the next one once it has written the last."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[TextDelta]:
        for _ in range(self._count):
            yield TextDelta(f"{time.time():.6f};")


def answer(_path: str, _headers: Mapping[str, str], body: dict[str, Any]) -> Script:
    """What is said, by the name of the model."""
    count, pace = map(int, _NAME.fullmatch(str(body.get("model"))).groups())
    times: Any = Times(count)
    return Script(times, pace=1 / pace if pace else 0.0)


async def serve() -> None:
    async with WireServer(answer) as server:
        print(f"{server.base_url}/v1", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())

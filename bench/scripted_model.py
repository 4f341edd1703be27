"""The model: a process of its own that streams `answer.pieces` in any provider's wire format, at a pace.

The name of the model says what it answers: ``n8000-p1000`` is 8,000 pieces at 1,000 a second, ``p0`` is as
fast as the socket takes them; anything after a further hyphen makes the name unique. The time at which each
piece was sent goes into ``NAME.json`` in the folder given as argument. Prints its address first.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from answer import pieces
from streamcell.core.script import Script
from streamcell.events import TextDelta, Usage
from streamcell.io.wire_server import WireServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"n(\d+)-p(\d+)(-.*)?")


class TimedPieces:
    """Text deltas that note when they went: the server takes the next one once it has written the last."""

    def __init__(self, texts: list[str], path: Path) -> None:
        self._texts = texts
        self._path = path

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[TextDelta]:
        times = []
        for text in self._texts:
            yield TextDelta(text)
            times.append(time.time())
        self._path.write_text(json.dumps(times))


def choose(folder: Path) -> Any:
    """What the server answers, by the name of the model."""

    def answer(_path: str, _headers: Mapping[str, str], body: dict[str, Any]) -> Script:
        name = str(body.get("model"))
        count, pace = map(int, _NAME.fullmatch(name).group(1, 2))
        timed: Any = TimedPieces(pieces(count), folder / f"{name}.json")
        return Script(
            timed, usage=Usage(input_tokens=20, output_tokens=count), pace=1 / pace if pace else 0.0
        )

    return answer


async def serve(folder: Path) -> None:
    """Answer until standard input is closed."""
    async with WireServer(choose(folder)) as server:
        print(server.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))

"""Readers of one server in a process of their own: each asks once, and notes how late each piece comes.

    serving_readers.py PORT READERS MODEL

Prints one JSON object: the delays' percentiles in seconds, and how many pieces came.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time

_TIME = re.compile(rb"(\d{10}\.\d{6});")
_WARM = 10
"""Pieces of each reader that are not counted: by then all others have begun, too."""
_APART = 0.004
"""Seconds between two readers who begin."""


class Reader(asyncio.Protocol):
    """Asks, and notes the delay of each piece."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self.delays: list[float] = []
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        text = self._rest + data
        end = 0
        for found in _TIME.finditer(text):
            self.delays.append(now - float(found[1]))
            end = found.end()
        self._rest = text[max(end, len(text) - 20) :]

    def connection_lost(self, _error: Exception | None) -> None:
        self.ended.set_result(None)


async def read(port: int, readers: int, model: str) -> list[list[float]]:
    """The delays of each reader."""
    body = json.dumps({"prompt": "hi", "model": model}).encode()
    head = [
        "POST /v1/streams HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    request = "".join(f"{line}\r\n" for line in [*head, ""]).encode() + body
    begun = []
    for _ in range(readers):
        _, reader = await asyncio.get_running_loop().create_connection(
            lambda: Reader(request), "127.0.0.1", port
        )
        begun.append(reader)
        await asyncio.sleep(_APART)
    await asyncio.gather(*(reader.ended for reader in begun))
    return [reader.delays for reader in begun]


def main() -> None:
    port, readers, model = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    found = asyncio.run(read(port, readers, model))
    delays = [delay for each in found for delay in each[_WARM:]]
    shares = statistics.quantiles(delays, n=100)
    print(json.dumps({"p50": shares[49], "p99": shares[98], "pieces": sum(map(len, found))}))


if __name__ == "__main__":
    main()

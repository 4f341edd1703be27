"""A model whose mouth the test holds: what it says goes out when the test says it, and not before.

It speaks OpenAI's Chat Completions on 127.0.0.1. Answers that need no holding, recordings and faults are the
business of `streamcell.testing.WireServer`.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from dataclasses import dataclass, field
from typing import Self

SECONDS = 90
LOAD = "%load_ext streamcell"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@dataclass
class Flow:
    """One answer on its way."""

    request: dict
    _writer: asyncio.StreamWriter = field(repr=False)
    _loop: asyncio.AbstractEventLoop = field(repr=False)
    _left: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def prompt(self) -> str:
        return self.request["messages"][-1]["content"]

    def say(self, text: str) -> None:
        self._send({"content": text})

    def think(self, text: str) -> None:
        self._send({"reasoning_content": text})

    def end(self) -> None:
        """The answer is complete."""
        self._send({}, finish_reason="stop")
        self._write(b"data: [DONE]\n\n")
        self.cut()

    def cut(self) -> None:
        """The connection ends, the answer does not."""
        self._loop.call_soon_threadsafe(self._writer.close)

    def wait_until_left(self) -> None:
        """Waits until the client has closed the connection."""
        assert self._left.wait(SECONDS), "the client is still connected"

    def _send(self, delta: dict, finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {"id": "x", "object": "chat.completion.chunk", "model": "held", "choices": [choice]}
        self._write(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def _write(self, data: bytes) -> None:
        self._loop.call_soon_threadsafe(self._writer.write, data)


class Faucet:
    """The server, for the duration of a `with`. Every request is a `Flow` that the test gets by `next`."""

    def __init__(self) -> None:
        self._flows: queue.Queue[Flow] = queue.Queue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faucet")
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def cell(self, options: str = "", prompt: str = "Speak") -> str:
        """The source of a cell that asks this server and waits as long as the test does."""
        clocks = "--first-timeout 600 --idle-timeout 600"
        return f"%%stream openai:held --base-url {self.base_url} {clocks} {options}\n{prompt}"

    def next(self) -> Flow:
        """The next request, once it has come."""
        return self._flows.get(timeout=SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._connected, "127.0.0.1", 0))
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    async def _close(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            flow = Flow(await _read_request(reader), writer, self._loop)
            writer.write(_HEAD)
            self._flows.put(flow)
            await reader.read()
            flow._left.set()
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            return  # the test is over, or the client came without a request
        finally:
            writer.transport.abort()


async def _read_request(reader: asyncio.StreamReader) -> dict:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = head.partition("content-length:")[2].split()[0]
    return json.loads(await reader.readexactly(int(length)))

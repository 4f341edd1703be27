"""Decoding alone: the same bytes, one event a block as they come off a paced network, no socket."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import openai
from anthropic.types import RawMessageStreamEvent
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent

from answer import pieces
from rounds import Rounds
from streamcell.core import wire
from streamcell.core.script import Script
from streamcell.events import TextDelta, Usage
from streamcell.io.wire_formats.anthropic_messages import ANTHROPIC_MESSAGES
from streamcell.io.wire_formats.contract import Asked
from streamcell.io.wire_formats.gemini import GEMINI
from streamcell.io.wire_formats.ollama import OLLAMA
from streamcell.io.wire_formats.openai_chat import OPENAI_CHAT
from streamcell.io.wire_formats.openai_responses import OPENAI_RESPONSES
from streamcell.messages import Message, Request, TextPart
from streamcell.providers import registry
from table import Row, ratio_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamcell.io.wire_formats import Format

COUNT = 3000
SDK_BUDGET = 0.15
JSON_BUDGET = 1.2


def rows(*, rounds: int) -> list[Row]:
    """Cost per chunk of every wire format; where a client has no objects for one, against openai's."""
    chat = _sdk(openai.AsyncStream, openai.AsyncOpenAI(api_key="x"), ChatCompletionChunk, text=_chat_text)
    messages = _sdk(
        anthropic.AsyncStream,
        anthropic.AsyncAnthropic(api_key="x"),
        RawMessageStreamEvent,
        text=_messages_text,
    )
    responses = _sdk(
        openai.AsyncStream, openai.AsyncOpenAI(api_key="x"), ResponseStreamEvent, text=_responses_text
    )
    written = blocks(OPENAI_CHAT)

    def as_chat(_given: list[bytes]) -> float:
        return chat(written)

    return [
        *_rows_of("openai", written, sdk=chat, rounds=rounds),
        *_rows_of("openai-responses", blocks(OPENAI_RESPONSES), sdk=responses, rounds=rounds),
        *_rows_of("anthropic", blocks(ANTHROPIC_MESSAGES), sdk=messages, rounds=rounds),
        *_rows_of("gemini", blocks(GEMINI), sdk=as_chat, whose="openai's chat objects", rounds=rounds),
        *_rows_of("ollama", blocks(OLLAMA), sdk=as_chat, whose="openai's chat objects", rounds=rounds),
    ]


def blocks(written: Format) -> list[bytes]:
    """A streamed answer, one block an event."""
    script = Script(tuple(map(TextDelta, pieces(COUNT))), usage=Usage(input_tokens=20, output_tokens=COUNT))
    body = {"stream": True, "stream_options": {"include_usage": True}}
    return list(written.stream(script, Asked("/", body, "bench-model")))


def _rows_of(
    name: str,
    given: list[bytes],
    *,
    sdk: Callable[[list[bytes]], float],
    rounds: int,
    whose: str = "the client's objects",
) -> list[Row]:
    contestants = {
        "ours": lambda: _ours(name, given),
        "sdk": lambda: sdk(given),
        "json": lambda: _json(given),
    }
    measured = Rounds.of(contestants, rounds=rounds)
    return [
        ratio_row(
            f"decode a chunk, {name}, against {against}",
            _per_chunk(measured.median("ours")),
            control=_per_chunk(measured.median(control)),
            ratio=measured.ratio("ours", control),
            budget=budget,
        )
        for control, against, budget in (
            ("sdk", whose, SDK_BUDGET),
            ("json", "json.loads of the data", JSON_BUDGET),
        )
    ]


def _per_chunk(seconds: float) -> str:
    return f"{seconds / COUNT * 1e6:.2f} us"


def _ours(name: str, given: list[bytes]) -> float:
    provider, _ = registry.resolve(f"{name}:bench-model", environment={})
    request = Request(provider=name, model="bench-model", messages=(Message("user", (TextPart("Hi"),)),))
    begun = time.process_time()
    reader, decoder = wire.reader(provider.facts.framing), provider.decoder(request)
    characters = 0
    for block in given:
        for payload in reader.feed(block):
            for event in decoder.feed(payload):
                if type(event) is TextDelta:
                    characters += len(event.text)
    for event in decoder.close():
        assert event is not None  # noqa: S101 - the end is decoded as well
    return _checked(characters, time.process_time() - begun)


def _json(given: list[bytes]) -> float:
    begun = time.process_time()
    read = 0
    for block in given:
        for line in block.splitlines():
            data = line.removeprefix(b"data: ")
            if data.startswith(b"{"):
                read += bool(json.loads(data))
    taken = time.process_time() - begun
    assert read >= COUNT  # noqa: S101 - a contestant that read less has not run
    return taken


def _sdk(
    stream: Any, client: Any, cast_to: Any, *, text: Callable[[Any], str]
) -> Callable[[list[bytes]], float]:
    async def read(given: list[bytes]) -> float:
        response = httpx2.Response(
            200, content=_blocks(given), request=httpx2.Request("POST", "http://127.0.0.1/")
        )
        begun = time.process_time()
        characters = 0
        async for chunk in stream(cast_to=cast_to, response=response, client=client):
            characters += len(text(chunk))
        return _checked(characters, time.process_time() - begun)

    return lambda given: asyncio.run(read(given))


async def _blocks(given: list[bytes]) -> AsyncIterator[bytes]:
    for block in given:
        yield block


def _chat_text(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


def _responses_text(event: Any) -> str:
    return event.delta if event.type == "response.output_text.delta" else ""


def _messages_text(event: Any) -> str:
    return event.delta.text if event.type == "content_block_delta" else ""


def _checked(characters: int, seconds: float) -> float:
    expected = sum(map(len, pieces(COUNT)))
    if characters != expected:
        raise RuntimeError(f"a contestant read {characters} characters instead of {expected}")
    return seconds

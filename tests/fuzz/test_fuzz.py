"""Bytes nobody planned for, through readers and decoders: only our errors come out, cuts change nothing."""

from __future__ import annotations

import copy
import functools
import importlib
import json
import os
import re
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from answers import ask, events_of
from corpus import FOLDER
from streamcell.core.fold import Fold
from streamcell.core.response import StreamingResponse
from streamcell.core.script import Script, text_pieces, thinking_pieces, tool_pieces
from streamcell.errors import StreamcellError
from streamcell.events import Citation, Event, Finished, Usage
from wires import WIRES

EXAMPLES = 500
"""For each test, unless a profile asks for more: 10,000 in all."""
LONGEST = 20_000
ODD = (None, True, -1, 1.5, "x", [], {}, [[]], [None, 7, "x"], {"type": 7}, {"a": {"b": []}})
ENDPOINTS = {
    "openai": "openai.chat",
    "openai-responses": "openai.responses",
    "anthropic": "anthropic.messages",
    "gemini": "gemini.generate",
    "ollama": "ollama.chat",
}
TOKENS = (
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x1b", b" ", b","),
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b":", b"null", b"true", b"-0", b"1e999", b"NaN", b"{}", b"[]"),
    *(b"\\ud83d", b"\\udc4b", b"\\u0000", b"[" * 2000, b'{"a":' * 2000, b"9" * 5000),
    *(
        b"data:",
        b"data: ",
        b"data: [DONE]\n\n",
        b"event: error\n",
        b"event: ping\n",
        b"error: ",
        b": hi\n",
        b"id: 1\n",
    ),
    *(
        b'{"error": {"message": "no"}}',
        b'"type": "error"',
        b"<html>",
        b'"finish_reason": "stop"',
        b'"done": true',
    ),
)
SCRIPT = Script(
    pieces=(
        *thinking_pieces("Let me think."),
        *text_pieces("Grüße 👋 aus Köln", part=1),
        *tool_pieces(2, "look", arguments={"city": "Köln", "days": [1, 2]}, identity="c1"),
        *tool_pieces(3, "add", arguments={}, identity="c2"),
        Citation("https://example.org/a", "A source", "a quote", part=1),
    ),
    usage=Usage(7, 9, 3, 2),
)

fuzzed = settings(
    max_examples=max(EXAMPLES, settings.default.max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
every_provider = pytest.mark.parametrize("name", WIRES)


@functools.cache
def provider(name):
    module = {"openai-responses": "responses"}.get(name, name)
    return getattr(importlib.import_module(f"streamcell.providers.{module}"), module)


@functools.cache
def bodies(name) -> tuple[bytes, ...]:
    """Answers to begin with: one of our own with everything in it, and the recorded ones where they are."""
    own = b"".join(WIRES[name].blocks(SCRIPT))
    return own, *recorded(ENDPOINTS[name])


def recorded(endpoint: str) -> list[bytes]:
    path = FOLDER / "cases.jsonl"
    if not path.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no recordings at {FOLDER}: set STREAMCELL_CORPUS", pytrace=False)
        return []
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    ids = sorted(line["id"] for line in lines if line["endpoint"] == endpoint and line["bytes"] < LONGEST)
    return [(FOLDER / "bodies" / f"{name}.bin").read_bytes() for name in ids]


@st.composite
def mutated(draw, name):
    """A body with a few pieces taken out, put in, repeated or exchanged."""
    body = draw(st.sampled_from(bodies(name)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.integers(0, 200)))
        piece = body[start:end]
        other = draw(st.sampled_from(TOKENS) | st.binary(max_size=8))
        change = draw(st.sampled_from(("take", "put", "repeat", "replace", "swap", "end")))
        match change:
            case "take":
                body = body[:start] + body[end:]
            case "put":
                body = body[:start] + other + body[start:]
            case "repeat":
                body = body[:end] + piece + body[end:]
            case "replace":
                body = body[:start] + other + body[end:]
            case "swap":
                body = body[:start] + b"\n".join(reversed(piece.split(b"\n"))) + body[end:]
            case "end":
                body = body[:start]
    return body


@st.composite
def cut(draw, body):
    edges = draw(st.lists(st.integers(0, len(body)), max_size=12))
    return [body[start:end] for start, end in pairwise(sorted({0, *edges, len(body)}))]


def outcome(name, blocks):
    """Events and error of a body; raises what a user would see as a foreign exception."""
    events, error = events_of(provider(name), blocks)
    assert (error is None) == (bool(events) and isinstance(events[-1], Finished))
    assert error is None or (type(error).__module__ == "streamcell.errors" and str(error).isprintable())
    return events, type(error), str(error), folded(events).text


def folded(events: list[Event]) -> StreamingResponse:
    """The answer the events make; a fold refuses an order that is not the grammar's."""
    response = StreamingResponse()
    fold = Fold(response)
    for event in events:
        fold.add(event)
    return response


@every_provider
@fuzzed
@given(data=st.data())
def test_any_bytes_end_in_events_or_in_our_own_error_however_they_are_cut(name, data):
    body = data.draw(st.binary(max_size=200) | st.lists(st.sampled_from(TOKENS), max_size=30).map(b"".join))
    assert outcome(name, data.draw(cut(body))) == outcome(name, [body])


@every_provider
@fuzzed
@given(data=st.data())
def test_a_damaged_answer_ends_in_events_or_in_our_own_error_however_it_is_cut(name, data):
    body = data.draw(mutated(name))
    assert outcome(name, data.draw(cut(body))) == outcome(name, [body])


def places(value, path=()):
    """The way to every value inside a JSON value, itself included."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


def replaced(value, path, odd):
    if not path:
        return odd
    changed = copy.deepcopy(value)
    owner = functools.reduce(lambda inner, key: inner[key], path[:-1], changed)
    owner[path[-1]] = odd
    return changed


def odd_blocks(block: bytes):
    """The block with every value of its JSON, one at a time, made one of another type."""
    for found in re.finditer(rb"\{.*\}", block):
        value = json.loads(found.group())
        for path in places(value):
            for odd in ODD:
                changed = json.dumps(replaced(value, path, odd)).encode()
                yield block[: found.start()] + changed + block[found.end() :]


@every_provider
def test_a_wrong_type_in_any_field_is_read_past_or_is_our_own_error(name):
    blocks = WIRES[name].blocks(SCRIPT)
    for at, block in enumerate(blocks):
        for odd in odd_blocks(block):
            outcome(name, [*blocks[:at], odd, *blocks[at + 1 :]])


HEADERS = ("retry-after", "date", "retry-after-ms", "x-request-id", "x-should-retry")


@every_provider
@fuzzed
@given(
    status=st.integers(300, 599),
    body=st.binary(max_size=300) | st.sampled_from(TOKENS),
    headers=st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=30)),
)
def test_any_refusal_is_told_in_one_short_line(name, status, body, headers):
    info = provider(name).decode_error(status, headers, body)
    assert info.message.isprintable()
    assert len(info.message.encode()) < 5000
    assert info.retry_after is None or info.retry_after >= 0


@st.composite
def damaged_whole(draw, name):
    """A blocking answer with one value of another type, or with a few bytes exchanged."""
    whole = WIRES[name].whole(SCRIPT)
    if draw(st.booleans()):
        value = json.loads(whole)
        path = draw(st.sampled_from(list(places(value))))
        return json.dumps(replaced(value, path, draw(st.sampled_from(ODD)))).encode()
    start = draw(st.integers(0, len(whole)))
    other = draw(st.sampled_from(TOKENS) | st.binary(max_size=8))
    return whole[:start] + other + whole[start + draw(st.integers(0, 50)) :]


@every_provider
@fuzzed
@given(data=st.data())
def test_any_blocking_answer_is_read_or_is_our_own_error(name, data):
    body = data.draw(damaged_whole(name))
    with suppress(StreamcellError):
        events = list(provider(name).decode_whole(ask(provider(name), stream=False), body))
        assert folded(events).stop_reason is not None

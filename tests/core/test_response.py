"""The answer as users hold it: grown from events or from chunks, read while it grows."""

from __future__ import annotations

import json
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs import FAILURE, FINISHED, STARTED, texts
from streamcell.core.fold import Fold
from streamcell.core.ledger import Ledger
from streamcell.core.pieces import Pieces
from streamcell.core.response import StreamingResponse
from streamcell.events import (
    Finished,
    Notice,
    ReasoningDelta,
    ToolCall,
    ToolResult,
    Usage,
    UsageReport,
)
from streamcell.messages import (
    Message,
    ReasoningPart,
    StreamChunk,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from streamcell.testing import create_mock_stream


def answered(*events):
    response = StreamingResponse()
    fold = Fold(response)
    for event in [STARTED, *events]:
        fold.add(event)
    return response


def saying(text):
    return answered(*texts(text))


# Chunks put together by hand


def test_an_empty_response_takes_chunks():
    response = StreamingResponse()
    for chunk in create_mock_stream("Hello world", chunk_size=4):
        response.add_chunk(chunk)
    assert response.complete_text == response.text == str(response) == "Hello world"
    assert response.chunk_count == len(response.chunks) == 3
    assert response.start_time <= response.end_time
    assert response.duration == response.end_time - response.start_time


def test_the_final_chunk_is_not_counted_and_brings_usage_and_reason():
    ledger = Ledger()
    ledger.begin(0.0, 100.0)
    ledger.append([STARTED, ReasoningDelta("hm"), *texts("a", "b")], 1.0, 101.0)
    ledger.append([UsageReport(Usage(3, 4)), FINISHED], 2.0, 102.0)
    copy = StreamingResponse()
    for chunk in [*ledger.chunks.items, ledger.final_chunk(102.0)]:
        copy.add_chunk(chunk)
    assert (copy.text, copy.thinking, copy.chunk_count) == ("ab", "hm", 2)
    assert (copy.usage, copy.total_tokens, copy.stop_reason) == (Usage(3, 4), 7, "stop")
    assert (copy.metadata["stop"], copy.metadata["model"], copy.end_time) == ("end", "m", 102.0)


def test_a_strangers_final_chunk_may_hold_text_and_other_usage():
    response = StreamingResponse()
    response.add_chunk(StreamChunk("a", metadata={"usage": {"input_tokens": "many"}}, is_final=True))
    assert (response.text, response.usage) == ("a", Usage())
    assert response.metadata["usage"] == {"input_tokens": "many"}


def test_without_an_end_there_is_no_duration():
    response = StreamingResponse()
    response.add_chunk(StreamChunk("a", timestamp=5.0))
    assert (response.start_time, response.end_time, response.duration) == (5.0, None, None)


# What is known


def test_total_tokens_are_what_the_provider_said():
    assert StreamingResponse().total_tokens is None
    assert answered(UsageReport(Usage(None, 4))).total_tokens == 4
    assert answered(UsageReport(Usage(3, 4))).total_tokens == 7


def test_messages_end_with_the_answer_and_leave_out_the_system_prompt():
    response = answered(
        ReasoningDelta("hm", signature="s"),
        *texts("Hi"),
        ToolCall(1, "i", "f", {"a": 1}),
        ToolResult("i", "f", "7"),
    )
    asked = Message("user", (TextPart("Hello"),))
    response.prompt_messages = (Message("system", (TextPart("be kind"),)), asked)
    assert response.messages == [
        asked,
        Message(
            "assistant",
            (ReasoningPart("hm", "s", "scripted"), TextPart("Hi"), ToolCallPart("i", "f", {"a": 1})),
        ),
        Message("tool", (ToolResultPart("i", "f", "7"),)),
    ]


def test_broken_calls_and_those_the_provider_ran_are_not_handed_back():
    response = answered(
        ToolCall(0, "i", "f", None, "{"),
        ToolCall(1, "j", "g", {}, server=True),
        ToolResult("j", "g", "7", server=True),
    )
    assert response.messages == []


# The text as JSON


def test_parsed_grows_with_the_text():
    pieces = ['{"name": "A', 'da", "age": 3', '6, "ok": tr', 'ue, "tags": ["x', '", "y"]}']
    response, seen = StreamingResponse(), []
    for piece in pieces:
        response.add_chunk(StreamChunk(piece))
        seen.append(response.parsed)
    assert seen == [
        {"name": "A"},
        {"name": "Ada"},
        {"name": "Ada", "age": 36},
        {"name": "Ada", "age": 36, "ok": True, "tags": ["x"]},
        {"name": "Ada", "age": 36, "ok": True, "tags": ["x", "y"]},
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans(), st.data())
def test_every_beginning_of_json_can_be_read_and_no_scalar_is_cut(value, indented, data):
    text = json.dumps(value, ensure_ascii=False, indent=2 if indented else None)
    cut = data.draw(st.integers(1, len(text)))
    assert grows_into(saying(text[:cut]).parsed, value)
    assert saying(text).parsed == value


def grows_into(part, whole):
    match part:
        case dict():
            return all(key in whole and grows_into(part[key], whole[key]) for key in part)
        case list():
            return len(part) <= len(whole) and all(map(grows_into, part, whole))
        case str():
            return isinstance(whole, str) and whole.startswith(part)
        case _:
            return part == whole and type(part) is type(whole)


@pytest.mark.parametrize("text", ["", "Hello", "12", '"x"', "```python\nx = {}\n```", "{nonsense}"])
def test_text_that_is_no_json_document_is_not_parsed(text):
    assert saying(text).parsed is None


def test_json_in_a_fence_is_read_while_it_grows_and_at_its_end():
    assert saying('```json\n{"a": [1, 2').parsed == {"a": [1]}
    assert saying('```json\n{"a": [1, 2]}\n```\n').parsed == {"a": [1, 2]}


# How it shows itself


def test_a_notebook_keeps_inert_html_and_text():
    bundle = saying("**bold** <script>alert(1)</script>")._repr_mimebundle_(include=None, exclude=None)
    assert sorted(bundle) == ["text/html", "text/plain"]
    assert "<strong>bold</strong>" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]


def test_the_repr_says_state_and_size_and_no_text():
    growing = saying("secret")
    assert repr(growing) == "<StreamingResponse growing, 6 characters, 0 chunks>"
    assert repr(answered(Finished("cancelled"))).startswith("<StreamingResponse cancelled, ")


def test_a_response_can_be_pickled():
    response = answered(*texts("a", "b"), Notice("refusal", "no"), Finished("error", FAILURE))
    copy = pickle.loads(pickle.dumps(response))  # noqa: S301 - our own bytes
    assert (copy.text, copy.refusal, copy.error) == ("ab", "no", FAILURE)


def test_without_keeping_neither_text_nor_chunks_are_held():
    ledger = Ledger(keep=False)
    ledger.append([STARTED, ReasoningDelta("hm"), *texts("a", "b"), FINISHED], 1.0, 1.0)
    response = ledger.response
    assert (response.text, response.thinking, response.chunks, response.chunk_count) == ("", "", [], 2)


# Threads


def test_text_read_by_others_while_it_grows_is_never_lost():
    pieces, done, wrong = Pieces(), threading.Event(), []

    def read():
        before = ""
        while not done.is_set():
            text = str(pieces)
            if not text.startswith(before):
                wrong.append((before, text))
            before = text

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(3000):
        pieces.add(f"{number},")
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert str(pieces) == "".join(f"{number}," for number in range(3000))


def test_what_a_reader_joined_before_a_cut_does_not_come_back():
    pieces = Pieces()
    pieces.add("old")
    before = pieces._joined
    assert str(pieces) == "old"
    pieces.cut(0)
    pieces._joined = before
    pieces.add("new")
    assert str(pieces) == "new"


def test_a_cut_keeps_what_stands_before_it():
    pieces = Pieces()
    pieces.add("kept")
    pieces.add("gone")
    pieces.cut(4)
    pieces.add("!")
    assert str(pieces) == "kept!"

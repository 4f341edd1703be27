from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answers import answer, ask, events_of, failed, streamed, told
from corpus import DELIVERIES, by_event, cases
from streamcell.errors import ProtocolError, ProviderError, StreamcellError, UsageError
from streamcell.events import (
    Citation,
    Finished,
    Notice,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCall,
    ToolResult,
)
from streamcell.messages import (
    ImagePart,
    Message,
    ReasoningPart,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from streamcell.providers.anthropic import anthropic

FACTS = frozenset({"text", "thinking", "refusal", "tool_calls", "usage", "stop", "citations", "tool_results"})


def sse(*bodies: dict[str, object]) -> bytes:
    return b"".join(
        b"event: " + str(body["type"]).encode() + b"\ndata: " + json.dumps(body).encode() + b"\n\n"
        for body in bodies
    )


def start(**message: object) -> dict[str, object]:
    return {"type": "message_start", "message": {"id": "msg_1", "model": "c1", "content": [], **message}}


def opened(block: dict[str, object], index: int = 0) -> dict[str, object]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int = 0, **said: object) -> dict[str, object]:
    return {"type": "content_block_delta", "index": index, "delta": said}


def text(piece: str, index: int = 0) -> dict[str, object]:
    return delta(index, type="text_delta", text=piece)


def closed(index: int = 0) -> dict[str, object]:
    return {"type": "content_block_stop", "index": index}


def end(stop: str = "end_turn", **more: object) -> tuple[dict[str, object], ...]:
    return {"type": "message_delta", "delta": {"stop_reason": stop}, **more}, {"type": "message_stop"}


TEXT = {"type": "text", "text": ""}


# -- recordings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("anthropic.messages"))
def test_a_recording_says_what_was_recorded_however_it_is_delivered(case):
    expected = {name: case.expected[name] for name in FACTS}
    for delivery in DELIVERIES:
        events, error = events_of(anthropic, delivery(case.body))
        assert error is None, delivery.__name__
        assert told(answer(events)) == expected, delivery.__name__
        assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("case", cases("anthropic.messages")[::6])
def test_a_recording_cut_between_events_keeps_its_start_and_says_truncated(case):
    blocks = by_event(case.body)
    for length in range(len(blocks)):
        events, error = events_of(anthropic, blocks[:length])
        assert case.expected["text"].startswith(answer(events).text)
        finished = any(isinstance(event, Finished) for event in events)
        assert finished if error is None else (error.kind == "truncated" and not finished)


@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([b"data: ", b"\n\n", b"event: content_block_delta\n", b"{}"])
    )
)
def test_no_bytes_raise_a_foreign_error(blocks):
    events, error = events_of(anthropic, blocks)
    assert error is None or isinstance(error, StreamcellError)
    answer(events)


NAMES = [
    "type",
    "index",
    "delta",
    "content_block",
    "message",
    "content",
    "usage",
    "text",
    "thinking",
    "signature",
    "data",
    "input",
    "id",
    "name",
    "citations",
    "partial_json",
    "citation",
    "tool_use_id",
    "stop_reason",
    "stop_details",
    "is_error",
    "error",
]
TYPES = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "text",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "server_tool_use",
    "web_search_tool_result",
    "text_delta",
    "thinking_delta",
    "input_json_delta",
    "signature_delta",
    "citations_delta",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.text(max_size=3) | st.sampled_from(TYPES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=25,
)
BODIES = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={"index": JSON, "delta": JSON, "content_block": JSON, "message": JSON, "usage": JSON},
)


@given(st.lists(BODIES, max_size=6))
def test_no_json_raises_a_foreign_error(bodies):
    events, _ = events_of(anthropic, [sse(*bodies)])
    answer(events)


# -- blocks -----------------------------------------------------------------------------------------


def test_blocks_are_parts():
    thinking = opened({"type": "thinking", "thinking": "", "signature": ""})
    bodies = (
        start(),
        thinking,
        delta(0, type="thinking_delta", thinking="hm"),
        delta(0, type="signature_delta", signature="si"),
        delta(0, type="signature_delta", signature="g"),
        closed(),
        opened(TEXT, 1),
        text("Hi", 1),
        closed(1),
        *end(),
    )
    events, _ = events_of(anthropic, [sse(*bodies)])
    assert events == [
        Started("anthropic", "c1", "msg_1"),
        ReasoningDelta("hm", 0),
        ReasoningDelta("", 0, signature="sig"),
        TextDelta("Hi", 1),
        Finished("stop", stop="end_turn"),
    ]


def test_signed_and_redacted_thinking_go_back_as_they_came():
    bodies = (
        start(),
        opened({"type": "thinking", "thinking": "hm", "signature": "sig"}),
        closed(),
        opened({"type": "redacted_thinking", "data": "xyz"}, 1),
        closed(1),
        *end(),
    )
    parts = streamed(anthropic, sse(*bodies)).reasoning_parts
    foreign = ReasoningPart("no", "sig", "openai")
    request = Request(
        provider="anthropic", model="m", messages=(Message("assistant", (*parts, foreign, TextPart("x"))),)
    )
    assert anthropic.encode(request).body["messages"][0]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "x"},
    ]


def test_a_call_is_whole_when_its_block_closes():
    bodies = (
        start(),
        opened({"type": "tool_use", "id": "a", "name": "f", "input": {}}),
        delta(0, type="input_json_delta", partial_json=""),
        delta(0, type="input_json_delta", partial_json='{"x":'),
        delta(0, type="input_json_delta", partial_json="1}"),
    )
    events, error = events_of(anthropic, [sse(*bodies)])
    assert error.kind == "truncated"
    assert not any(isinstance(event, ToolCall) for event in events)
    response = streamed(anthropic, sse(*bodies, closed(), *end("tool_use")))
    assert response.tool_calls == [ToolCall(0, "a", "f", {"x": 1}, '{"x":1}')]
    assert response.stop_reason == "tool_calls"


def test_input_that_comes_with_the_opening_is_kept():
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    response = streamed(anthropic, sse(start(), opened(block), closed(), *end("tool_use")))
    assert response.tool_calls[0].arguments == {"x": 1}


def test_a_call_cut_by_the_limit_is_not_repaired():
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    piece = delta(0, type="input_json_delta", partial_json='{"x":')
    response = streamed(anthropic, sse(start(), opened(block), piece, *end("max_tokens")))
    assert (response.tool_calls[0].arguments, response.tool_calls[0].raw_arguments) == (None, '{"x":')
    assert response.stop_reason == "length"


@pytest.mark.parametrize("kind", ["server_tool_use", "mcp_tool_use"])
def test_a_server_tool_is_the_providers_own(kind):
    bodies = (
        start(),
        opened({"type": kind, "id": "s", "name": "web_search", "input": {}}),
        delta(0, type="input_json_delta", partial_json="{}"),
        closed(),
        opened({"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]}, 1),
        closed(1),
        opened({"type": "x_tool_result", "tool_use_id": "?", "content": {"type": "x_tool_result_error"}}, 2),
        closed(2),
        *end(),
    )
    response = streamed(anthropic, sse(*bodies))
    assert response.tool_calls[0].server
    assert response.tool_results == [
        ToolResult("s", "web_search", '[{"url": "u"}]', server=True),
        ToolResult("?", "x", '{"type": "x_tool_result_error"}', error=True, server=True),
    ]
    assert response.stop_reason == "stop"


def test_citations_come_with_their_block():
    said = {"type": "web_search_result_location", "url": "u", "title": "t", "cited_text": "q"}
    bodies = (
        start(),
        opened(TEXT),
        delta(0, type="citations_delta", citation=said),
        text("x"),
        closed(),
        *end(),
    )
    events, _ = events_of(anthropic, [sse(*bodies)])
    assert Citation(url="u", title="t", quote="q") in events


def test_content_and_a_stop_reason_may_come_in_message_start():
    block = {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}
    response = streamed(
        anthropic, sse(start(content=[block], stop_reason="tool_use"), {"type": "message_stop"})
    )
    assert (response.tool_calls[0].id, response.stop_reason) == ("a", "tool_calls")


def test_a_second_message_start_goes_on_with_the_same_answer():
    bodies = (start(), opened(TEXT), text("a"), closed(), start(), opened(TEXT), text("b"), closed(), *end())
    events, _ = events_of(anthropic, [sse(*bodies)])
    assert [event for event in events if isinstance(event, TextDelta)] == [
        TextDelta("a", 0),
        TextDelta("b", 1),
    ]
    assert sum(isinstance(event, Started) for event in events) == 1


def test_blocks_that_were_never_opened_or_closed_are_read():
    assert streamed(anthropic, sse(text("a"), text("b"), *end())).text == "ab"


def test_what_is_unknown_passes_by():
    bodies = (
        {"type": "ping"},
        start(),
        opened({"type": "hologram", "text": "no"}),
        delta(0, type="hologram_delta", text="no"),
        closed(),
        {"type": "weather"},
        opened(TEXT, 1),
        text("x", 1),
        *end("newly_invented"),
    )
    response = streamed(anthropic, sse(*bodies))
    assert (response.text, response.stop_reason, response.metadata["stop"]) == (
        "x",
        "unknown",
        "newly_invented",
    )


def test_usage_is_the_sum_of_what_was_said():
    first = {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 2}
    last = {"input_tokens": None, "output_tokens": 7, "output_tokens_details": {"thinking_tokens": 3}}
    usage = streamed(anthropic, sse(start(usage=first), *end(usage=last))).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.reasoning_tokens) == (
        5,
        7,
        2,
        3,
    )
    assert streamed(anthropic, sse(start(), *end())).usage.raw is None


def test_why_it_was_refused_is_a_notice():
    said = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "Policy."}}
    events, _ = events_of(anthropic, [sse(start(), {"type": "message_delta", "delta": said})])
    assert Notice("moderation", "Policy.") in events
    assert events[-1] == Finished("refusal", stop="refusal")


def test_nothing_is_read_behind_the_end():
    assert streamed(anthropic, sse(start(), opened(TEXT), text("a"), *end(), text("b"))).text == "a"


def test_event_names_may_be_missing():
    body = sse(start(), opened(TEXT), text("a"), closed(), *end())
    lines = [line for line in body.split(b"\n") if not line.startswith(b"event:")]
    assert streamed(anthropic, b"\n".join(lines)).text == "a"


# -- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "kind", "retryable"),
    [
        ("overloaded_error", "overloaded", True),
        ("rate_limit_error", "rate_limit", True),
        ("api_error", "server", True),
        ("timeout_error", "server", True),
        ("authentication_error", "auth", False),
        ("permission_error", "permission", False),
        ("not_found_error", "not_found", False),
        ("invalid_request_error", "bad_request", False),
        ("request_too_large", "too_large", False),
        ("billing_error", "payment", False),
        ("brand_new_error", "provider", False),
    ],
)
def test_an_error_event_has_the_kind_of_its_type(type_, kind, retryable):
    body = {"type": "error", "error": {"type": type_, "message": "so it is"}, "request_id": "req_1"}
    events, error = events_of(anthropic, [sse(start(), opened(TEXT), text("x"), body)])
    assert answer(events).text == "x"
    assert isinstance(error, ProviderError)
    assert (error.kind, error.retryable, error.code, error.request_id) == (kind, retryable, type_, "req_1")
    assert "so it is" in str(error)


def test_a_body_that_is_no_stream_is_named():
    page = failed(anthropic, b"<html><h1>Welcome</h1></html>")
    assert isinstance(page, ProtocolError)
    assert "web page" in str(page)
    whole = failed(anthropic, json.dumps({"type": "message", "content": []}).encode())
    assert isinstance(whole, ProtocolError)
    assert "instead of a stream" in str(whole)
    refusal = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    assert failed(anthropic, json.dumps(refusal).encode()).kind == "overloaded"


def test_a_broken_event_in_the_middle_is_a_protocol_error():
    body = b"event: content_block_delta\ndata: {broken\n\n"
    assert failed(anthropic, sse(start(), opened(TEXT)), body, sse(text("x"), *end())).kind == "protocol"


def test_an_answer_that_said_how_it_ended_is_whole_without_its_end_mark():
    assert (
        streamed(anthropic, sse(start(), opened(TEXT), text("x"), closed(), end()[0])).stop_reason == "stop"
    )


# -- blocking answers and requests ------------------------------------------------------------------


def test_a_blocking_answer_says_the_same_as_a_stream():
    content = [{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "a", "name": "f", "input": {}}]
    body = {
        "type": "message",
        "model": "c2",
        "content": content,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 2},
    }
    response = answer(anthropic.decode_whole(ask(anthropic, stream=False), json.dumps(body).encode()))
    assert (response.text, response.stop_reason, response.usage.input_tokens) == ("Hi", "tool_calls", 2)
    assert response.tool_calls[0].arguments == {}


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"{}", b'{"type": "error", "error": {"message": "m"}}']
)
def test_a_blocking_answer_that_is_none_is_an_error(body):
    with pytest.raises(StreamcellError):
        anthropic.decode_whole(ask(anthropic, stream=False), body)


def test_a_request_is_written_in_the_dialect():
    spec = ToolSpec("f", "does f", {"type": "object"})
    call = anthropic.encode(
        ask(
            anthropic,
            system="Be brief.",
            stop=("END",),
            tools=(spec,),
            schema={"type": "object", "properties": {"a": {"type": "string"}}},
            extra={"top_k": None},
        )
    )
    assert (call.path, call.headers) == ("/v1/messages", {})
    assert call.body == {
        "model": "m",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "system": "Be brief.",
        "stop_sequences": ["END"],
        "tools": [{"name": "f", "description": "does f", "input_schema": {"type": "object"}}],
        "output_config": {
            "format": {
                "type": "json_schema",
                "schema": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}},
                    "additionalProperties": False,
                },
            }
        },
        "stream": True,
        "top_k": None,
    }


def test_sampling_is_asked_of_the_api_version_that_takes_it():
    call = anthropic.encode(ask(anthropic, temperature=0.5, max_tokens=9))
    assert (call.body["temperature"], call.body["max_tokens"]) == (0.5, 9)
    assert call.headers == {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty"])
def test_a_parameter_it_lacks_is_named(name):
    with pytest.raises(UsageError, match=name):
        anthropic.encode(ask(anthropic, **{name: 0.1}))


def test_a_conversation_is_written_with_joined_turns():
    messages = (
        Message("system", (TextPart("Rules."),)),
        Message("user", (TextPart("see"), ImagePart(b"\x00", "image/png"))),
        Message("assistant", (TextPart(""), ToolCallPart("a", "f", {"x": 1}), ToolCallPart("b", "f", {}))),
        Message("tool", (ToolResultPart("a", "f", "one"),)),
        Message("tool", (ToolResultPart("b", "f", "no", error=True),)),
        Message("user", (TextPart("go on"),)),
    )
    body = anthropic.encode(Request(provider="anthropic", model="m", messages=messages)).body
    assert body["system"] == "Rules."
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "one"},
                {"type": "tool_result", "tool_use_id": "b", "content": "no", "is_error": True},
                {"type": "text", "text": "go on"},
            ],
        },
    ]

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answers import answer, ask, events_of, failed, streamed, told
from corpus import DELIVERIES, by_event, cases
from streamcell.errors import ProtocolError, ProviderError, StreamcellError, UsageError
from streamcell.events import Citation, Finished, ReasoningDelta, Started, TextDelta, ToolCall
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
from streamcell.providers.contract import Facts
from streamcell.providers.openai import PARAMETERS, ChatCompletions, openai

DONE = b"data: [DONE]\n\n"
FACTS = frozenset({"text", "thinking", "refusal", "tool_calls", "usage", "stop", "citations", "tool_results"})


def sse(*bodies: object) -> bytes:
    return b"".join(b"data: " + json.dumps(body).encode() + b"\n\n" for body in bodies)


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    return {"id": "c1", "model": "m1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def call(index: int | None = None, id: str | None = None, name: str | None = None, arguments: object = ""):  # noqa: A002
    entry = {"id": id, "function": {"name": name, "arguments": arguments}}
    return chunk(tool_calls=[entry if index is None else {"index": index, **entry}])


def calls_of(*bodies: object) -> list[tuple[str, str, str]]:
    response = streamed(openai, sse(*bodies, chunk("tool_calls")), DONE)
    return [(made.id, made.name, made.raw_arguments) for made in response.tool_calls]


# -- recordings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("openai.chat"))
def test_a_recording_says_what_was_recorded_however_it_is_delivered(case):
    if case.kind == "http-error":
        info = openai.decode_error(case.status, case.headers, case.body)
        said = case.expected["error"]
        assert (info.code, info.status) == (said["code"] or said["type"], case.status)
        assert said["message"] in info.message
        return
    expected = {name: case.expected[name] for name in FACTS}
    for delivery in DELIVERIES:
        events, error = events_of(openai, delivery(case.body))
        assert told(answer(events)) == expected, delivery.__name__
        if expected["stop"] is None:
            assert isinstance(error, ProtocolError)
            assert error.kind == "truncated"
        else:
            assert error is None
            assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("case", cases("openai.chat")[:60:5])
def test_a_recording_cut_between_events_keeps_its_start_and_says_truncated(case):
    blocks = by_event(case.body)
    for length in range(len(blocks)):
        events, error = events_of(openai, blocks[:length])
        assert case.expected["text"].startswith(answer(events).text)
        if error is None:
            assert any(isinstance(event, Finished) for event in events)
        else:
            assert error.kind == "truncated"
            assert not any(isinstance(event, ToolCall) for event in events)


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([b"data: ", b"\n\n", b'{"choices":[', b"{}", b"]}"]))
)
def test_no_bytes_raise_a_foreign_error(blocks):
    events, error = events_of(openai, blocks)
    assert error is None or isinstance(error, StreamcellError)
    answer(events)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "index",
                    "id",
                    "finish_reason",
                    "usage",
                    "error",
                    "reasoning",
                    "reasoning_details",
                    "annotations",
                    "url_citation",
                    "citations",
                    "type",
                    "text",
                    "message",
                    "x_groq",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=4), JSON, JSON)
def test_no_json_raises_a_foreign_error(bodies, delta, usage):
    shaped = {"choices": [{"delta": delta, "finish_reason": "stop"}], "usage": usage}
    events, _ = events_of(openai, [sse(*bodies, shaped, chunk(content="x"))])
    answer(events)


# -- the look-alikes' ways --------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "reasoning_text"])
def test_thinking_is_read_from_each_field_in_use(field):
    response = streamed(openai, sse(chunk(**{field: "hm"}), chunk(content="ok"), chunk("stop")), DONE)
    assert (response.thinking, response.text) == ("hm", "ok")


def test_thinking_sent_in_two_fields_is_read_once():
    both = chunk(reasoning="a", reasoning_content="a", reasoning_details=[{"text": "a"}])
    assert streamed(openai, sse(both, chunk("stop"))).thinking == "a"


def test_signed_thinking_is_handed_back_in_one_piece():
    pieces = [
        {"type": "reasoning.text", "index": 0, "text": "one "},
        {"type": "reasoning.text", "index": 0, "text": "two", "signature": "sig"},
    ]
    bodies = [chunk(reasoning_details=[piece]) for piece in pieces]
    response = streamed(openai, sse(*bodies, chunk(content="x"), chunk("stop")), DONE)
    part = response.reasoning_parts[0]
    assert response.thinking == "one two"
    request = Request(provider="openai", model="m", messages=(Message("assistant", (part, TextPart("x"))),))
    assert openai.encode(request).body["messages"][0]["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "one two", "signature": "sig"}
    ]


@given(st.lists(st.integers(0, 60), max_size=8))
def test_inline_thinking_is_sorted_out_wherever_it_is_cut(cuts):
    text = "\n<think>a < b</thinker></think>the <think> tag"
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[start:end] for start, end in pairwise(edges)]
    response = streamed(openai, sse(*(chunk(content=piece) for piece in pieces), chunk("stop")))
    assert (response.thinking, response.text) == ("a < b</thinker>", "the <think> tag")


def test_content_in_a_list_of_parts_is_read():
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "ok"},
        {"type": "reference", "reference_ids": [3]},
        {"type": "hologram"},
    ]
    response = streamed(openai, sse(chunk(content=parts), chunk("stop")))
    assert (response.thinking, response.text, response.citations[0].title) == ("hm", "ok", "reference 3")


def test_parallel_calls_are_told_apart_by_index():
    assert calls_of(
        call(0, "a", "f"),
        call(1, "b", "g"),
        call(0, arguments='{"x":'),
        call(1, arguments="{}"),
        call(0, arguments="1}"),
    ) == [("a", "f", '{"x":1}'), ("b", "g", "{}")]


def test_calls_that_start_at_index_one_are_read():
    assert calls_of(call(1, "a", "f"), call(1, arguments="{}")) == [("a", "f", "{}")]


@pytest.mark.parametrize("index", [0, None])
def test_a_new_id_with_a_name_is_a_new_call_whatever_its_index(index):
    bodies = (call(index, "a", "f", "{}"), call(index, "b", "f", '{"y":'), call(index, None, None, "2}"))
    assert calls_of(*bodies) == [("a", "f", "{}"), ("b", "f", '{"y":2}')]


def test_whole_calls_without_index_and_id_are_told_apart():
    assert calls_of(call(None, "", "f", "{}"), call(None, "", "f", '{"a":1}')) == [
        ("", "f", "{}"),
        ("", "f", '{"a":1}'),
    ]


def test_an_id_and_a_name_repeated_in_each_delta_are_taken_once():
    assert calls_of(call(0, "a", "f", '{"x"'), call(0, "a", "f", ":1}")) == [("a", "f", '{"x":1}')]


def test_a_name_in_pieces_is_joined():
    assert calls_of(call(0, "a", "get_"), call(0, None, "time"), call(0, arguments="{}")) == [
        ("a", "get_time", "{}")
    ]


def test_arguments_that_are_null_or_an_object_are_read():
    assert calls_of(call(0, "a", "f", None), call(1, "b", "g", {"x": 1})) == [
        ("a", "f", ""),
        ("b", "g", '{"x": 1}'),
    ]


def test_empty_arguments_mean_none_and_broken_ones_are_not_repaired():
    response = streamed(openai, sse(call(0, "a", "f"), call(1, "b", "g", '{"x":'), chunk("length")))
    assert [made.arguments for made in response.tool_calls] == [{}, None]
    assert response.stop_reason == "length"


def test_the_calls_decide_what_stop_means():
    assert streamed(openai, sse(call(0, "a", "f", "{}"), chunk("stop"))).stop_reason == "tool_calls"
    assert streamed(openai, sse(chunk(content="x"), chunk("tool_calls"))).stop_reason == "stop"


def test_a_refusal_is_no_text():
    response = streamed(openai, sse(chunk(refusal="No."), chunk("stop")))
    assert (response.text, response.refusal, response.stop_reason) == ("", "No.", "refusal")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("length", "length"),
        ("content_filter", "filter"),
        ("eos", "stop"),
        ("weird", "unknown"),
        ("error", "error"),
    ],
)
def test_a_finish_reason_is_mapped_and_kept(word, reason):
    response = streamed(openai, sse(chunk(content="x"), chunk(word)))
    assert (response.stop_reason, response.metadata["stop"]) == (reason, word)


def test_an_empty_finish_reason_counts_only_before_the_end_mark():
    assert streamed(openai, sse(chunk("", content="x")), DONE).stop_reason == "unknown"
    assert failed(openai, sse(chunk("", content="x"))).kind == "truncated"


def test_the_end_mark_is_no_finish_but_ends_reading():
    events, error = events_of(openai, [sse(chunk(content="x")), DONE, sse(chunk("stop", content="y"))])
    assert answer(events).text == "x"
    assert error.kind == "truncated"


def test_content_after_the_finish_reason_is_kept():
    assert streamed(openai, sse(chunk("stop", content="a"), chunk(content="b")), DONE).text == "ab"


@pytest.mark.parametrize(
    "empty",
    [
        {"choices": []},
        {"choices": None},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [], "prompt_filter_results": [{}]},
        {"obj": 1},
    ],
)
def test_chunks_that_say_nothing_pass_by(empty):
    response = streamed(openai, sse(empty, chunk(content="x"), empty, chunk("stop"), empty))
    assert response.text == "x"


@pytest.mark.parametrize(
    "place",
    [
        lambda usage: {"choices": [], "usage": usage},
        lambda usage: {**chunk("stop"), "usage": usage},
        lambda usage: {"choices": [], "x_groq": {"usage": usage}},
        lambda usage: {"choices": [{"index": 0, "delta": {}, "usage": usage}]},
    ],
)
def test_usage_is_found_in_every_place_and_not_erased_later(place):
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 1}}
    response = streamed(openai, sse(chunk(content="x"), chunk("stop"), place(usage), {"choices": []}))
    assert response.usage.raw == usage
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.cached_tokens) == (
        3,
        4,
        1,
    )
    assert response.usage.reasoning_tokens is None


def test_sources_beside_the_choices_are_told_once():
    body = {**chunk(content="x"), "citations": ["https://a.example", "https://b.example"]}
    response = streamed(openai, sse(body, body, chunk("stop")))
    assert [source.url for source in response.citations] == ["https://a.example", "https://b.example"]


def test_an_annotation_is_a_citation():
    note = {
        "type": "url_citation",
        "url_citation": {"url": "https://a.example", "title": "A", "content": "q"},
    }
    events, _ = events_of(openai, [sse(chunk(content="x"), chunk(annotations=[note]), chunk("stop"))])
    assert Citation(url="https://a.example", title="A", quote="q") in events


def test_each_kind_of_content_has_its_part():
    events, _ = events_of(
        openai, [sse(chunk(reasoning="a"), chunk(content="b"), chunk(reasoning="c"), chunk("stop"))]
    )
    assert events == [
        Started("openai", "m1", "c1"),
        ReasoningDelta("a", 0),
        TextDelta("b", 1),
        ReasoningDelta("c", 2),
        Finished("stop", stop="stop"),
    ]


def test_broken_characters_are_replaced():
    body = b'data: {"choices":[{"delta":{"content":"a\xff"},"finish_reason":"stop"}]}\n\n'
    assert streamed(openai, sse(chunk(content="x")), body).text == "xa\ufffd"


def test_half_characters_and_not_numbers_are_read_as_far_as_they_go():
    body = (
        b'data: {"choices":[{"delta":{"content":"a\\ud83d\xff"},"logprobs":NaN,"finish_reason":"stop"}]}\n\n'
    )
    assert streamed(openai, body).text == "a\ufffd\ufffd"


# -- errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "slow down", "code": 429}}, "rate_limit"),
        (
            {"error": {"message": "no", "type": "server_error"}, "choices": [{"delta": {"content": ""}}]},
            "server",
        ),
        (
            {"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "x"}}]},
            "server",
        ),
        ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, "bad_request"),
        ({"error": "quota"}, "provider"),
        ({"error": {"message": "m", "code": "tool_use_failed", "failed_generation": "f"}}, "bad_request"),
    ],
)
def test_an_error_in_a_chunk_is_the_providers(body, kind):
    events, error = events_of(openai, [sse(chunk(content="x"), body)])
    assert answer(events).text == "x"
    assert isinstance(error, ProviderError)
    assert error.kind == kind


def test_an_error_field_and_an_error_event_are_errors():
    assert failed(openai, b'error: {"code": 500, "message": "boom"}\n\n').kind == "server"
    assert failed(openai, b'event: error\ndata: {"message": "boom", "code": 503}\n\n').kind == "overloaded"


def test_a_json_error_in_place_of_a_stream_is_the_providers():
    error = failed(openai, b'{\n  "error": {"message": "no credit", "code": "insufficient_quota"}\n}')
    assert isinstance(error, ProviderError)
    assert (error.kind, error.retryable) == ("payment", False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "web page instead of a stream"),
        (json.dumps({"choices": [{"message": {"content": "hi"}}]}).encode(), "instead of a stream"),
        (b"It works!", "It works!"),
    ],
)
def test_a_body_that_is_no_stream_is_named(body, says):
    error = failed(openai, body)
    assert (type(error), error.kind) == (ProtocolError, "protocol")
    assert says in str(error)
    assert "<" not in str(error)


def test_no_body_at_all_is_truncated():
    error = failed(openai, b"")
    assert (type(error), error.kind, error.retryable) == (ProtocolError, "truncated", True)


def test_a_broken_chunk_in_the_middle_is_a_protocol_error():
    error = failed(
        openai, sse(chunk(content="a")), b'data: {"choices": [\n\n', sse(chunk("stop", content="b"))
    )
    assert error.kind == "protocol"


def test_a_half_chunk_at_the_end_is_truncated():
    assert failed(openai, sse(chunk(content="a")), b'data: {"choices": [').kind == "truncated"


# -- blocking answers -------------------------------------------------------------------------------


def test_a_blocking_answer_says_the_same_as_a_stream():
    message = {
        "role": "assistant",
        "content": "Hi",
        "reasoning_content": "hm",
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    body = {
        "id": "c",
        "model": "m2",
        "choices": [{"message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1},
    }
    response = answer(openai.decode_whole(ask(openai, stream=False), json.dumps(body).encode()))
    assert (response.text, response.thinking, response.tool_calls[0].name) == ("Hi", "hm", "f")
    assert (response.usage.input_tokens, response.stop_reason) == (1, "tool_calls")


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b'{"choices": []}', b'{"error": {"message": "m"}}', b"\xff"]
)
def test_a_blocking_answer_that_is_none_is_an_error(body):
    with pytest.raises(StreamcellError):
        openai.decode_whole(ask(openai, stream=False), body)


# -- requests ---------------------------------------------------------------------------------------


def test_a_request_is_written_in_the_dialect():
    spec = ToolSpec("f", "does f", {"type": "object"})
    request = ask(
        openai,
        system="Be brief.",
        temperature=0.2,
        stop=("END",),
        tools=(spec,),
        schema={"title": "A b"},
        extra={"seed": 1},
    )
    call_ = openai.encode(request)
    assert call_.path == "/chat/completions"
    assert call_.body == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.2,
        "stop": ["END"],
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "does f", "parameters": {"type": "object"}},
            }
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "A_b", "schema": {"title": "A b"}},
        },
        "stream": True,
        "stream_options": {"include_usage": True},
        "seed": 1,
    }


def test_a_conversation_with_images_and_tools_is_written():
    messages = (
        Message("user", (TextPart("see"), ImagePart(b"\x00", "image/png"))),
        Message("assistant", (ReasoningPart("hm", "sig", "anthropic"), ToolCallPart("a", "f", {"x": 1}))),
        Message("tool", (ToolResultPart("a", "f", "one"), ToolResultPart("b", "f", "two"))),
    )
    request = Request(provider="openai", model="m", messages=messages, stream=False)
    assert openai.encode(request).body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "one"},
        {"role": "tool", "tool_call_id": "b", "content": "two"},
    ]
    assert "stream" not in openai.encode(request).body


def test_an_image_in_an_assistant_message_is_refused_by_name():
    message = Message("assistant", ["see", ImagePart(b"\x00", "image/png")])
    with pytest.raises(UsageError, match=r"openai takes no image \(image/png\) in an assistant message"):
        openai.encode(Request(provider="openai", model="m", messages=(message,)))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-5-mini", "max_completion_tokens"),
        ("o3", "max_completion_tokens"),
        ("gpt-oss:20b", "max_tokens"),
        ("qwen3", "max_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_model_knows(model, name):
    assert openai.encode(ask(openai, model=model, max_tokens=5)).body[name] == 5


def test_a_look_alike_has_facts_of_its_own():
    groq = ChatCompletions(Facts(name="groq", default_model="x", parameters=PARAMETERS), asks_usage=False)
    body = groq.encode(ask(groq, model="gpt-5", max_tokens=5)).body
    assert body["max_tokens"] == 5
    assert "stream_options" not in body
    narrow = ChatCompletions(Facts(name="narrow", default_model="x"))
    with pytest.raises(UsageError, match="temperature"):
        narrow.encode(ask(narrow, temperature=1.0))

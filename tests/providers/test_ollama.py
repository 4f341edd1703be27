from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answers import answer, ask, events_of, failed, streamed, told
from corpus import at_random, by_byte, cases, inside_characters, whole, with_mark, with_returns
from foreign_json import VALUES
from streamcell.errors import ProtocolError, ProviderError
from streamcell.events import Finished, Notice, ReasoningDelta, Started, TextDelta, ToolCall
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
from streamcell.providers.ollama import ollama


def line(*, done: bool = False, **fields) -> bytes:
    value = {"model": "llama", "created_at": "2026-11-20T10:00:00Z", "done": done, **fields}
    return json.dumps(value).encode() + b"\n"


def says(**message) -> bytes:
    return line(message={"role": "assistant", **message})


DONE = line(done=True, message={"role": "assistant", "content": ""}, done_reason="stop")


def with_blank_lines(body: bytes) -> list[bytes]:
    return at_random(b"\n \n" + body.replace(b"\n", b"\n\n\r\n"))


@pytest.mark.parametrize(
    "deliver",
    [whole, by_byte, at_random, inside_characters, with_returns, with_mark, with_blank_lines],
    ids=lambda deliver: deliver.__name__,
)
@pytest.mark.parametrize("case", cases("ollama.chat"))
def test_a_recorded_answer_says_what_it_says_however_it_is_delivered(case, deliver):
    response = streamed(ollama, *deliver(case.body))
    assert told(response) == {name: case.expected[name] for name in told(response)}


def test_thinking_and_text_are_parts_of_their_own():
    events, _ = events_of(
        ollama,
        [says(thinking="Hm"), says(thinking="m", content=""), says(content="He"), says(content="llo"), DONE],
    )
    assert events == [
        Started("ollama", "llama"),
        ReasoningDelta("Hm", 0),
        ReasoningDelta("m", 0),
        TextDelta("He", 1),
        TextDelta("llo", 1),
        Finished("stop", stop="stop"),
    ]


def test_calls_without_ids_get_stable_ones():
    function = {"name": "add", "arguments": {"a": 1}}
    body = says(tool_calls=[{"function": function}, {"function": function}]) + DONE
    response = streamed(ollama, body)
    first, second = response.tool_calls
    assert first.id != second.id
    assert [call.id for call in streamed(ollama, *by_byte(body)).tool_calls] == [first.id, second.id]
    assert (first.name, first.arguments, first.raw_arguments) == ("add", {"a": 1}, '{"a": 1}')
    assert response.stop_reason == "tool_calls"
    assert response.metadata["stop"] == "stop"


def test_a_call_keeps_the_id_and_the_text_of_arguments_it_came_with():
    body = says(tool_calls=[{"id": "c", "function": {"name": "add", "arguments": '{"a":1}'}}]) + DONE
    assert streamed(ollama, body).tool_calls == [ToolCall(0, "c", "add", {"a": 1}, '{"a":1}')]


def test_counts_and_durations_are_kept():
    end = line(
        done=True, done_reason="stop", total_duration=9, prompt_eval_count=3, eval_count=4, eval_duration=5
    )
    usage = streamed(ollama, says(content="x"), end).usage
    assert (usage.input_tokens, usage.output_tokens) == (3, 4)
    assert usage.raw == {"total_duration": 9, "prompt_eval_count": 3, "eval_count": 4, "eval_duration": 5}


def test_a_count_that_was_not_sent_is_unknown():
    end = line(done=True, done_reason="stop", eval_count=4)
    assert streamed(ollama, end).usage.input_tokens is None


@pytest.mark.parametrize(
    ("word", "reason"),
    [("stop", "stop"), ("length", "length"), ("load", "stop"), ("unload", "stop"), ("new", "unknown")],
)
def test_the_reason_says_how_the_answer_ended(word, reason):
    response = streamed(ollama, line(done=True, done_reason=word))
    assert (response.stop_reason, response.metadata["stop"]) == (reason, word)


def test_an_older_server_gives_no_reason():
    response = streamed(ollama, says(content="x"), line(done=True))
    assert (response.stop_reason, "stop" in response.metadata) == ("stop", False)


def test_the_lines_of_the_generate_endpoint_are_read_as_well():
    response = streamed(
        ollama, line(response="Hel", thinking="Hm"), line(response="lo"), line(done=True, response="")
    )
    assert (response.text, response.thinking) == ("Hello", "Hm")


def test_an_error_in_the_middle_keeps_what_came_before():
    events, error = events_of(ollama, [says(content="Hel"), b'{"error": "unexpected EOF"}\n'])
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hel"]
    assert isinstance(error, ProviderError)
    assert "unexpected EOF" in str(error)


def test_an_image_the_model_made_is_named_and_left_out():
    events, _ = events_of(ollama, [says(content="", images=["iVBOR"]), DONE])
    assert [event.kind for event in events if isinstance(event, Notice)] == ["dropped"]
    assert "iVBOR" not in str(events)


@pytest.mark.parametrize("body", [b"", says(content="Hel"), says(content="Hel") + DONE[:-20]])
def test_a_body_without_its_last_line_is_cut_short(body):
    assert failed(ollama, body).kind == "truncated"


def test_a_broken_line_in_the_middle_is_never_passed_over():
    assert failed(ollama, says(content="a") + b'{"message": {"con\n' + DONE).kind == "protocol"


def test_a_web_page_in_place_of_the_stream_is_said_to_be_one():
    error = failed(ollama, b"<html>\n<body>Sign in</body>\n</html>\n")
    assert isinstance(error, ProtocolError)
    assert "web page" in str(error)


def test_an_error_document_in_place_of_the_stream_is_an_error():
    error = failed(ollama, b'{\n  "error": "model \'x\' not found"\n}\n')
    assert isinstance(error, ProviderError)
    assert "not found" in str(error)


def test_an_http_error_is_told_in_the_server_s_words():
    info = ollama.decode_error(404, {}, b'{"error":"model \'x\' not found"}')
    assert info.kind == "not_found"
    assert "model 'x' not found" in info.message


def test_a_blocking_answer_says_the_same_as_a_streamed_one():
    body = line(done=True, done_reason="stop", message={"content": "Hello"}, eval_count=2)
    response = answer(ollama.decode_whole(ask(ollama, stream=False), body))
    assert (response.text, response.stop_reason, response.usage.output_tokens) == ("Hello", "stop", 2)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error": "no"}', b"\xff"])
def test_a_blocking_answer_that_is_none_is_an_error(body):
    with pytest.raises((ProtocolError, ProviderError)):
        list(ollama.decode_whole(ask(ollama, stream=False), body))


def test_a_request_is_written_in_the_words_of_the_api():
    request = ask(
        ollama,
        model="gpt-oss:120b",
        system="Be terse.",
        temperature=0.5,
        max_tokens=100,
        stop=("END",),
        tools=(ToolSpec("add", "Adds", {"type": "object"}),),
        schema={"type": "object"},
        extra={"think": True, "options": {"num_ctx": 8192}},
    )
    call = ollama.encode(request)
    assert call.path == "/api/chat"
    assert call.body == {
        "model": "gpt-oss:120b",
        "messages": [{"role": "system", "content": "Be terse."}, {"role": "user", "content": "Hi"}],
        "stream": True,
        "tools": [
            {
                "type": "function",
                "function": {"name": "add", "description": "Adds", "parameters": {"type": "object"}},
            }
        ],
        "format": {"type": "object"},
        "options": {"temperature": 0.5, "num_predict": 100, "stop": ["END"], "num_ctx": 8192},
        "think": True,
    }


def test_a_conversation_keeps_its_images_calls_and_results():
    turns = (
        Message("user", (TextPart("Look"), ImagePart(b"\x01", "image/png"))),
        Message("assistant", (ReasoningPart("Hm"), TextPart("I add."), ToolCallPart("c", "add", {"a": 1}))),
        Message("tool", (ToolResultPart("c", "add", "2"), ToolResultPart("d", "now", "3"))),
    )
    assert ollama.encode(Request(provider="ollama", model="m", messages=turns)).body["messages"] == [
        {"role": "user", "content": "Look", "images": ["AQ=="]},
        {
            "role": "assistant",
            "content": "I add.",
            "tool_calls": [{"function": {"name": "add", "arguments": {"a": 1}}}],
            "thinking": "Hm",
        },
        {"role": "tool", "tool_name": "add", "content": "2"},
        {"role": "tool", "tool_name": "now", "content": "3"},
    ]


CALLS = st.fixed_dictionaries(
    {},
    optional={
        "id": VALUES,
        "function": VALUES | st.fixed_dictionaries({"name": VALUES, "arguments": VALUES}),
    },
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "content": VALUES,
        "thinking": VALUES,
        "images": VALUES,
        "tool_calls": VALUES | st.lists(CALLS),
    },
)
LINES = st.fixed_dictionaries(
    {},
    optional={
        "message": VALUES | MESSAGES,
        "done": VALUES,
        "done_reason": VALUES,
        "error": VALUES,
        "eval_count": VALUES,
        "created_at": VALUES,
    },
)


@given(
    st.lists(LINES, max_size=5).map(lambda values: b"".join(json.dumps(v).encode() + b"\n" for v in values))
    | st.binary(max_size=200)
)
def test_no_bytes_raise_anything_but_errors_of_ours(body):
    events_of(ollama, [body])  # raises whatever is not a StreamcellError

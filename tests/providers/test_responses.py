from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answers import answer, ask, events_of, failed, streamed, told
from corpus import DELIVERIES, cases
from foreign_json import VALUES
from streamcell.errors import ProtocolError, ProviderError, UsageError
from streamcell.events import (
    Citation,
    Finished,
    Notice,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCall,
    ToolCallDelta,
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
from streamcell.providers.responses import responses

CREATED = {
    "type": "response.created",
    "response": {"id": "resp_1", "model": "gpt-x", "status": "in_progress"},
}


def wire(*events: dict) -> bytes:
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def ended(status: str = "completed", **fields) -> dict:
    return {"type": f"response.{status}", "response": {"id": "resp_1", "status": status, **fields}}


def item(kind: str, index: int = 0, **fields) -> dict:
    return {"type": f"response.output_item.{kind}", "output_index": index, "item": fields}


def said(*events: dict):
    return streamed(responses, wire(CREATED, *events, ended()))


@pytest.mark.parametrize("deliver", DELIVERIES, ids=lambda deliver: deliver.__name__)
@pytest.mark.parametrize("case", cases("openai.responses"))
def test_a_recorded_answer_says_what_it_says_however_it_is_delivered(case, deliver):
    if case.kind == "http-error":
        info = responses.decode_error(case.status, case.headers, case.body)
        assert info.status == case.status
        assert info.code == case.expected["error"]["code"]
        assert case.expected["error"]["message"] in info.message
        return
    response = streamed(responses, *deliver(case.body))
    assert told(response) == {name: case.expected[name] for name in told(response)}


def test_the_text_comes_in_the_deltas_of_its_part():
    events, _ = events_of(
        responses,
        [
            wire(
                CREATED,
                {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "a"},
                {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "b"},
                {
                    "type": "response.output_text.delta",
                    "item_id": "m",
                    "output_index": 0,
                    "content_index": 1,
                    "delta": "c",
                },
                ended(),
            )
        ],
    )
    assert events == [
        Started("openai-responses", "gpt-x", "resp_1"),
        TextDelta("a", 0),
        TextDelta("b", 0),
        TextDelta("c", 1),
        Finished("stop", stop="completed"),
    ]


def test_text_that_came_without_deltas_is_taken_from_the_event_that_repeats_it():
    done = {"type": "response.output_text.done", "item_id": "m", "output_index": 0, "text": "Hello"}
    whole = item("done", id="m", type="message", content=[{"type": "output_text", "text": "Hello"}])
    assert said(done).text == "Hello"
    assert said(whole).text == "Hello"
    assert said(done, whole).text == "Hello"


def test_text_is_not_doubled_when_a_server_changes_the_id_of_an_item():
    delta = {"type": "response.output_text.delta", "item_id": "m1", "output_index": 0, "delta": "Hello"}
    whole = item("done", id="m2", type="message", content=[{"type": "output_text", "text": "Hello"}])
    assert said(delta, whole).text == "Hello"


def test_an_answer_that_comes_only_at_the_end_is_read_from_there():
    output = [{"id": "m", "type": "message", "content": [{"type": "output_text", "text": "Hello"}]}]
    response = streamed(responses, wire(CREATED, ended(output=output, usage={"input_tokens": 3})))
    assert response.text == "Hello"
    assert response.usage.input_tokens == 3


def test_a_refusal_is_told_as_one():
    response = said(
        {"type": "response.refusal.delta", "item_id": "m", "output_index": 0, "delta": "I "},
        {"type": "response.refusal.delta", "item_id": "m", "output_index": 0, "delta": "won't"},
        {"type": "response.refusal.done", "item_id": "m", "output_index": 0, "refusal": "I won't"},
    )
    assert (response.refusal, response.text, response.stop_reason) == ("I won't", "", "refusal")


def test_each_summary_and_each_thought_is_a_part_of_the_thinking():
    events, _ = events_of(
        responses,
        [
            wire(
                CREATED,
                {
                    "type": "response.reasoning_summary_text.delta",
                    "item_id": "r",
                    "summary_index": 0,
                    "delta": "a",
                },
                {
                    "type": "response.reasoning_summary_text.delta",
                    "item_id": "r",
                    "summary_index": 1,
                    "delta": "b",
                },
                {"type": "response.reasoning_text.delta", "item_id": "r", "content_index": 0, "delta": "c"},
                ended(),
            )
        ],
    )
    assert [(e.text, e.part) for e in events if isinstance(e, ReasoningDelta)] == [
        ("a", 0),
        ("b", 1),
        ("c", 2),
    ]


def test_encrypted_thinking_is_handed_back_unchanged():
    response = said(
        {
            "type": "response.reasoning_summary_text.delta",
            "item_id": "rs_1",
            "summary_index": 0,
            "delta": "Hm",
        },
        item("done", id="rs_1", type="reasoning", summary=[], encrypted_content="gAAA:b"),
    )
    [part] = response.reasoning_parts
    body = responses.encode(_history(Message("assistant", (part,)))).body
    assert body["input"] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "encrypted_content": "gAAA:b",
        }
    ]


def test_a_function_call_grows_and_is_then_whole():
    events, _ = events_of(
        responses,
        [
            wire(
                CREATED,
                item("added", id="fc", type="function_call", call_id="call_1", name="add", arguments=""),
                {"type": "response.function_call_arguments.delta", "item_id": "fc", "delta": '{"a"'},
                {"type": "response.function_call_arguments.delta", "item_id": "fc", "delta": ":1}"},
                {"type": "response.function_call_arguments.done", "item_id": "fc", "arguments": '{"a":1}'},
                item(
                    "done", id="fc", type="function_call", call_id="call_1", name="add", arguments='{"a":1}'
                ),
                ended(),
            )
        ],
    )
    assert events[1:] == [
        ToolCallDelta(0, "call_1", "add"),
        ToolCallDelta(0, arguments='{"a"'),
        ToolCallDelta(0, arguments=":1}"),
        ToolCall(0, "call_1", "add", {"a": 1}, '{"a":1}'),
        Finished("tool_calls", stop="completed"),
    ]


@pytest.mark.parametrize(
    "late",
    [
        {"type": "response.function_call_arguments.done", "item_id": "fc", "arguments": '{"a":1}'},
        item("done", id="fc", type="function_call", call_id="c", name="add", arguments='{"a":1}'),
    ],
    ids=["in the done event", "in the item"],
)
def test_arguments_that_came_without_deltas_are_taken_from_where_they_are(late):
    response = said(item("added", id="fc", type="function_call", call_id="c", name="add", arguments=""), late)
    assert response.tool_calls == [ToolCall(0, "c", "add", {"a": 1}, '{"a":1}')]


def test_parallel_calls_that_share_an_index_are_kept_apart_by_their_ids():
    def call(n: int) -> list[dict]:
        name = f"fc{n}"
        return [
            item("added", id=name, type="function_call", call_id=name, name="f"),
            {
                "type": "response.function_call_arguments.delta",
                "item_id": name,
                "output_index": 0,
                "delta": f'{{"n": {n}}}',
            },
        ]

    response = said(*call(1), *call(2), item("done", id="fc2", type="function_call", call_id="fc2", name="f"))
    assert [call.arguments for call in response.tool_calls] == [{"n": 1}, {"n": 2}]


def test_a_call_without_arguments_has_none_and_can_be_called():
    response = said(item("done", id="fc", type="function_call", call_id="c", name="now", arguments=""))
    assert response.tool_calls == [ToolCall(0, "c", "now", {}, "")]


def test_a_custom_call_carries_its_text():
    response = said(
        item("added", id="ct", type="custom_tool_call", call_id="c", name="sql", input=""),
        {"type": "response.custom_tool_call_input.delta", "item_id": "ct", "delta": "select 1"},
        {"type": "response.custom_tool_call_input.done", "item_id": "ct", "input": "select 1"},
        item("done", id="ct", type="custom_tool_call", call_id="c", name="sql", input="select 1"),
    )
    assert response.tool_calls == [ToolCall(0, "c", "sql", None, "select 1")]


@pytest.mark.parametrize(
    ("fields", "call", "result"),
    [
        (
            {"type": "mcp_call", "name": "ask", "arguments": "{}", "output": "42", "error": None},
            ToolCall(0, "x", "ask", {}, "{}", server=True),
            ToolResult("x", "ask", "42", server=True),
        ),
        (
            {"type": "mcp_call", "name": "ask", "arguments": "{}", "error": "refused", "status": "failed"},
            ToolCall(0, "x", "ask", {}, "{}", server=True),
            ToolResult("x", "ask", "refused", error=True, server=True),
        ),
        (
            {"type": "code_interpreter_call", "code": "1+1", "outputs": [{"type": "logs", "logs": "2"}]},
            ToolCall(0, "x", "code_interpreter_call", None, "1+1", server=True),
            ToolResult("x", "code_interpreter_call", "2", server=True),
        ),
        (
            {"type": "web_search_call", "status": "completed", "action": {"query": "q"}},
            ToolCall(0, "x", "web_search_call", {}, "", server=True),
            ToolResult("x", "web_search_call", '{"query": "q"}', server=True),
        ),
        (
            {"type": "file_search_call", "queries": ["q"], "results": [{"text": "found"}]},
            ToolCall(0, "x", "file_search_call", {}, "", server=True),
            ToolResult("x", "file_search_call", '[{"text": "found"}]', server=True),
        ),
        (
            {"type": "some_new_call", "status": "completed"},
            ToolCall(0, "x", "some_new_call", {}, "", server=True),
            ToolResult("x", "some_new_call", "", server=True),
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else "",
)
def test_what_the_provider_ran_itself_is_told_with_its_result(fields, call, result):
    response = said(item("done", id="x", **fields))
    assert response.tool_calls == [call]
    assert response.tool_results == [result]
    assert response.stop_reason == "stop"


def test_shell_commands_come_a_line_each_and_their_output_as_the_result():
    response = said(
        item("added", id="sh", type="shell_call", call_id="c", action={"commands": []}),
        {"type": "response.shell_call_command.added", "output_index": 0, "command_index": 0, "command": ""},
        {"type": "response.shell_call_command.delta", "output_index": 0, "command_index": 0, "delta": "ls"},
        {"type": "response.shell_call_command.done", "output_index": 0, "command_index": 0, "command": "ls"},
        {"type": "response.shell_call_command.done", "output_index": 0, "command_index": 1, "command": "pwd"},
        item("done", id="sh", type="shell_call", call_id="c", action={"commands": ["ls", "pwd"]}),
        item("done", 1, id="so", type="shell_call_output", call_id="c", output=[{"stdout": "a"}]),
    )
    assert response.tool_calls == [ToolCall(0, "c", "shell_call", None, "ls\npwd", server=True)]
    assert response.tool_results == [ToolResult("c", "shell_call", '[{"stdout": "a"}]', server=True)]


def test_a_shell_on_this_computer_is_not_run_by_the_provider():
    response = said(
        item(
            "done",
            id="sh",
            type="shell_call",
            call_id="c",
            environment={"type": "local"},
            action={"commands": ["ls"]},
        )
    )
    assert [call.server for call in response.tool_calls] == [False]
    assert response.stop_reason == "tool_calls"


def test_sources_are_citations_of_their_text():
    note = {
        "type": "url_citation",
        "url": "https://a.example",
        "title": "A",
        "start_index": 0,
        "end_index": 1,
    }
    response = said(
        {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "x"},
        {
            "type": "response.output_text.annotation.added",
            "item_id": "m",
            "output_index": 0,
            "annotation": note,
        },
        item(
            "done",
            id="m",
            type="message",
            content=[
                {
                    "type": "output_text",
                    "text": "x",
                    "annotations": [note, {"type": "file_citation", "filename": "b.txt", "file_id": "f"}],
                }
            ],
        ),
    )
    assert response.citations == [Citation("https://a.example", "A", part=0), Citation(None, "b.txt", part=0)]


def test_what_has_no_place_in_a_text_answer_is_named():
    events, _ = events_of(
        responses,
        [
            wire(
                CREATED,
                item("done", id="i", type="image_generation_call", result="iVBOR"),
                item("done", 1, id="a", type="mcp_approval_request", name="delete", arguments="{}"),
                ended(),
            )
        ],
    )
    notices = [event for event in events if isinstance(event, Notice)]
    assert [notice.kind for notice in notices] == ["dropped", "dropped"]
    assert "delete" in notices[1].text
    assert not any("iVBOR" in str(event) for event in events)


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("max_output_tokens", "length"),
        ("content_filter", "filter"),
        ("steered", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_incomplete_answer_says_why(why, reason):
    end = ended("incomplete", incomplete_details={"reason": why} if why else None)
    response = streamed(responses, wire(CREATED, end))
    assert (response.stop_reason, response.metadata["stop"]) == (reason, "incomplete")


def test_a_call_cut_by_the_token_limit_is_told_and_cannot_be_run():
    response = streamed(
        responses,
        wire(
            CREATED,
            item("added", id="fc", type="function_call", call_id="c", name="add", arguments=""),
            {"type": "response.function_call_arguments.delta", "item_id": "fc", "delta": '{"a"'},
            ended("incomplete", incomplete_details={"reason": "max_output_tokens"}),
        ),
    )
    assert response.tool_calls == [ToolCall(0, "c", "add", None, '{"a"')]
    assert response.stop_reason == "length"


@pytest.mark.parametrize(
    ("event", "kind", "code"),
    [
        (
            ended("failed", error={"code": "rate_limit_exceeded", "message": "Slow down"}),
            "rate_limit",
            "rate_limit_exceeded",
        ),
        ({"type": "error", "code": "server_error", "message": "Slow down"}, "server", "server_error"),
        (
            {"type": "error", "error": {"type": "invalid_request_error", "message": "Slow down"}},
            "bad_request",
            "invalid_request_error",
        ),
    ],
    ids=["failed", "flat error", "nested error"],
)
def test_a_failure_inside_the_stream_is_an_error(event, kind, code):
    error = failed(responses, wire(CREATED, event))
    assert isinstance(error, ProviderError)
    assert (error.kind, error.code) == (kind, code)
    assert "Slow down" in str(error)


def test_an_error_in_place_of_the_stream_is_an_error():
    error = failed(responses, b'{"error": {"message": "No such model", "code": "model_not_found"}}')
    assert isinstance(error, ProviderError)
    assert error.kind == "not_found"


def test_a_whole_answer_in_place_of_the_stream_is_read():
    body = json.dumps(_document(), indent=1).encode()
    assert streamed(responses, body).text == "Hello"


def test_a_web_page_in_place_of_the_stream_is_said_to_be_one():
    error = failed(responses, b"<html><body>Sign in</body></html>")
    assert isinstance(error, ProtocolError)
    assert "web page" in str(error)


@pytest.mark.parametrize("body", [b"", wire(CREATED), wire(CREATED)[:-20]])
def test_a_body_without_its_end_is_cut_short(body):
    assert failed(responses, body).kind == "truncated"


def test_text_missing_in_the_middle_is_never_passed_over():
    error = failed(responses, wire(CREATED) + b'data: {"type": "response.output\n\n' + wire(ended()))
    assert error.kind == "protocol"


def test_unknown_events_and_deltas_pass_by():
    response = said(
        {"type": "response.something.new", "delta": {"a": 1}},
        {"type": "keepalive"},
        {"type": "response.output_text.delta", "item_id": 7, "output_index": "x", "delta": ["no text"]},
    )
    assert (response.text, response.stop_reason) == ("", "stop")


def test_a_document_that_is_no_answer_is_said_to_be_in_its_place():
    error = failed(responses, b'{"detail": "Welcome"}')
    assert isinstance(error, ProtocolError)
    assert (error.kind, "JSON document" in str(error)) == ("protocol", True)


def test_a_blocking_answer_says_the_same_as_a_streamed_one():
    response = answer(responses.decode_whole(ask(responses, stream=False), json.dumps(_document()).encode()))
    assert (response.text, response.stop_reason) == ("Hello", "tool_calls")
    assert response.tool_calls == [ToolCall(1, "c", "add", {"a": 1}, '{"a": 1}')]
    assert response.usage.reasoning_tokens == 5


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error": {"message": "no"}}', b"\xff"])
def test_a_blocking_answer_that_is_none_is_an_error(body):
    with pytest.raises((ProtocolError, ProviderError)):
        list(responses.decode_whole(ask(responses, stream=False), body))


def test_a_request_is_written_in_the_words_of_the_dialect():
    request = ask(
        responses,
        model="gpt-4.1",
        system="Be terse.",
        temperature=0.5,
        max_tokens=100,
        tools=(ToolSpec("add", "Adds", {"type": "object"}),),
        schema={"type": "object"},
    )
    call = responses.encode(request)
    assert call.path == "/responses"
    assert call.body == {
        "model": "gpt-4.1",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
        "stream": True,
        "store": False,
        "instructions": "Be terse.",
        "temperature": 0.5,
        "max_output_tokens": 100,
        "tools": [
            {
                "type": "function",
                "name": "add",
                "description": "Adds",
                "parameters": {"type": "object"},
                "strict": False,
            }
        ],
        "text": {
            "format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": False}
        },
    }


def test_a_conversation_keeps_its_order():
    request = _history(
        Message("user", (TextPart("Look"), ImagePart(b"\x01", "image/png"))),
        Message("assistant", (TextPart("I add."), ToolCallPart("c", "add", {"a": 1}))),
        Message("tool", (ToolResultPart("c", "add", "2"),)),
    )
    assert responses.encode(request).body["input"] == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look"},
                {"type": "input_image", "image_url": "data:image/png;base64,AQ=="},
            ],
        },
        {"role": "assistant", "content": [{"type": "output_text", "text": "I add."}]},
        {"type": "function_call", "call_id": "c", "name": "add", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c", "output": "2"},
    ]


def test_a_message_made_of_a_text_is_sent():
    body = responses.encode(_history(Message("user", "Hi"))).body
    assert body["input"] == [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]


def test_thinking_of_another_provider_is_not_sent():
    request = _history(Message("assistant", (ReasoningPart("hm", "a:b", "anthropic"), TextPart("x"))))
    assert [entry.get("type") for entry in responses.encode(request).body["input"]] == [None]


@pytest.mark.parametrize(
    ("model", "asked"), [("gpt-5-mini", True), ("o3", True), ("gpt-5-chat-latest", False), ("gpt-4.1", False)]
)
def test_encrypted_thinking_is_asked_of_models_that_have_it(model, asked):
    assert ("include" in responses.encode(ask(responses, model=model)).body) is asked


def test_extra_fields_reach_the_request_inside_what_is_there():
    body = responses.encode(
        ask(responses, schema={}, extra={"text": {"verbosity": "low"}, "store": True})
    ).body
    assert body["store"] is True
    assert body["text"].keys() == {"format", "verbosity"}


def test_a_parameter_the_dialect_does_not_have_is_refused_by_name():
    with pytest.raises(UsageError, match="stop"):
        responses.encode(ask(responses, stop=("\n",)))


TYPES = st.sampled_from(
    [
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_text.annotation.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.shell_call_command.delta",
        "response.reasoning_summary_text.delta",
        "response.refusal.delta",
        "response.completed",
        "response.failed",
        "error",
    ]
)
ITEMS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["message", "reasoning", "function_call", "mcp_call", "shell_call", "shell_call_output", "x_call"]
        )
    },
    optional=dict.fromkeys(
        ("id", "call_id", "name", "content", "summary", "arguments", "action", "output", "error"), VALUES
    ),
)
EVENTS = st.fixed_dictionaries(
    {"type": TYPES},
    optional={
        "item": ITEMS | VALUES,
        "part": VALUES,
        "response": st.fixed_dictionaries(
            {}, optional={"output": st.lists(ITEMS, max_size=2), "usage": VALUES}
        ),
        "annotation": VALUES,
        "item_id": VALUES,
        "output_index": VALUES,
        "content_index": VALUES,
        "command_index": VALUES,
        "delta": VALUES,
        "error": VALUES,
    },
)


@given(st.lists(EVENTS, max_size=6).map(lambda events: wire(*events)) | st.binary(max_size=200))
def test_no_bytes_raise_anything_but_errors_of_ours(body):
    events_of(responses, [body])  # raises whatever is not a StreamcellError


def _history(*messages: Message):
    return Request(provider="openai-responses", model="gpt-4.1", messages=messages)


def _document() -> dict:
    return {
        "id": "resp_1",
        "object": "response",
        "model": "gpt-x",
        "status": "completed",
        "error": None,
        "output": [
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hello"}]},
            {"type": "function_call", "id": "fc", "call_id": "c", "name": "add", "arguments": '{"a": 1}'},
        ],
        "usage": {
            "input_tokens": 1,
            "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 5},
        },
    }

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answers import answer, ask, events_of, failed, streamed, told
from corpus import DELIVERIES, at_random, by_byte, cases, inside_characters, whole, with_mark
from foreign_json import VALUES
from streamcell.core.wire import reader
from streamcell.errors import ProtocolError, ProviderError
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
from streamcell.io.route import route_for
from streamcell.messages import (
    ImagePart,
    Message,
    ReasoningPart,
    Request,
    TextPart,
    ToolResultPart,
    ToolSpec,
)
from streamcell.providers.gemini import gemini


def chunk(*parts: dict, stop: str = "", **fields) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, **fields}
    if stop:
        candidate["finishReason"] = stop
    return _wire({"candidates": [candidate], "responseId": "r1", "modelVersion": "gemini-x"})


def _wire(value: object) -> bytes:
    return f"data: {json.dumps(value)}\r\n\r\n".encode()


def _known(response) -> dict[str, object]:
    """The answer as the recordings tell it: they leave an id open where the API sent none."""
    said = told(response)
    for call in said["tool_calls"]:
        if call["id"].startswith("streamcell-"):
            call["id"] = None
    return said


def _expected(case) -> dict[str, object]:
    names = ("text", "thinking", "refusal", "tool_calls", "usage", "stop", "citations", "tool_results")
    return {name: case.expected[name] for name in names}


@pytest.mark.parametrize("deliver", DELIVERIES, ids=lambda deliver: deliver.__name__)
@pytest.mark.parametrize("case", cases("gemini.generate"))
def test_a_recorded_answer_says_what_it_says_however_it_is_delivered(case, deliver):
    if case.kind == "http-error":
        info = gemini.decode_error(case.status, case.headers, case.body)
        assert (info.status, info.code) == (case.status, case.expected["error"]["type"])
        assert case.expected["error"]["message"] in info.message
        return
    blocks = [case.body] if case.kind == "json-array" else deliver(case.body)
    assert _known(streamed(gemini, *blocks)) == _expected(case)


@pytest.mark.parametrize(
    "deliver",
    [whole, by_byte, at_random, inside_characters, with_mark],
    ids=lambda deliver: deliver.__name__,
)
@pytest.mark.parametrize("case", cases("gemini.generate"))
def test_the_same_answer_as_one_json_array_says_the_same(case, deliver):
    body = case.body
    if case.kind == "http-error":
        body = b"[" + body + b"]"
    if case.kind == "sse":
        lines = body.replace(b"\r", b"").split(b"\n")
        body = b"[" + b",\r\n".join(line[5:] for line in lines if line.startswith(b"data:")) + b"]"
    lines, decoder = reader("json-array"), gemini.decoder(ask(gemini))
    payloads = [payload for block in deliver(body) for payload in lines.feed(block)] + lines.close()
    if case.kind == "http-error":
        with pytest.raises(ProviderError, match=re.escape(case.expected["error"]["message"])):
            list(decoder.feed(payloads[0]))
        return
    events = [event for payload in payloads for event in decoder.feed(payload)]
    assert _known(answer([*events, *decoder.close()])) == _expected(case)


def test_text_and_thoughts_are_parts_of_their_own():
    events, _ = events_of(
        gemini,
        [
            chunk({"text": "Hm", "thought": True}),
            chunk({"text": "m", "thought": True}, {"text": "He"}),
            chunk({"text": "llo"}, stop="STOP"),
        ],
    )
    assert events == [
        Started("gemini", "gemini-x", "r1"),
        ReasoningDelta("Hm", 0),
        ReasoningDelta("m", 0),
        TextDelta("He", 1),
        TextDelta("llo", 1),
        Finished("stop", stop="STOP"),
    ]


def test_parallel_calls_without_ids_get_stable_ones():
    body = chunk(
        {"functionCall": {"name": "add", "args": {"a": 1}}, "thoughtSignature": "sig"},
        {"functionCall": {"name": "add", "args": {"a": 2}}},
        stop="STOP",
    )
    response = streamed(gemini, body)
    first, second = response.tool_calls
    assert first.id != second.id
    assert [call.id for call in streamed(gemini, *by_byte(body)).tool_calls] == [first.id, second.id]
    assert response.stop_reason == "tool_calls"


def test_a_call_comes_whole_with_its_own_id():
    events, _ = events_of(
        gemini, [chunk({"functionCall": {"id": "c", "name": "add", "args": {"a": "é"}}}, stop="STOP")]
    )
    assert events[1:-1] == [
        ToolCallDelta(0, "c", "add", '{"a": "é"}'),
        ToolCall(0, "c", "add", {"a": "é"}, '{"a": "é"}'),
    ]


def test_calls_and_their_signatures_are_handed_back_as_they_came():
    response = streamed(
        gemini,
        chunk({"text": "I add."}),
        chunk(
            {"functionCall": {"name": "add", "args": {"a": 1}}, "thoughtSignature": "sig"},
            {"functionCall": {"id": "own", "name": "add", "args": {"a": 2}}},
            stop="STOP",
        ),
    )
    results = tuple(ToolResultPart(call.id, "add", "3") for call in response.tool_calls)
    turns = (*response.messages, *(Message("tool", (result,)) for result in results))
    contents = gemini.encode(Request(provider="gemini", model="m", messages=turns)).body["contents"]
    assert contents == [
        {
            "role": "model",
            "parts": [
                {"text": "I add."},
                {"functionCall": {"name": "add", "args": {"a": 1}}, "thoughtSignature": "sig"},
                {"functionCall": {"id": "own", "name": "add", "args": {"a": 2}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "add", "response": {"result": "3"}}},
                {"functionResponse": {"id": "own", "name": "add", "response": {"result": "3"}}},
            ],
        },
    ]


def test_the_signature_of_a_text_is_handed_back_on_an_empty_part():
    response = streamed(
        gemini, chunk({"text": "Hello"}), chunk({"text": "", "thoughtSignature": "s g"}, stop="STOP")
    )
    [turn] = gemini.encode(Request(provider="gemini", model="m", messages=tuple(response.messages))).body[
        "contents"
    ]
    assert turn["parts"] == [{"text": "", "thoughtSignature": "s g"}, {"text": "Hello"}]


def test_thinking_of_another_provider_is_not_sent():
    message = Message("assistant", (ReasoningPart("hm", "c sig", "anthropic"), TextPart("x")))
    [turn] = gemini.encode(Request(provider="gemini", model="m", messages=(message,))).body["contents"]
    assert turn["parts"] == [{"text": "x"}]


def test_code_that_the_provider_ran_is_told_with_its_result():
    response = streamed(
        gemini,
        chunk({"executableCode": {"language": "PYTHON", "code": "1/0"}}),
        chunk(
            {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "ZeroDivisionError"}}, stop="STOP"
        ),
    )
    [call] = response.tool_calls
    assert (call.name, call.raw_arguments, call.server) == ("code_execution", "1/0", True)
    assert response.tool_results == [
        ToolResult(call.id, "code_execution", "ZeroDivisionError", error=True, server=True)
    ]
    assert response.stop_reason == "stop"


def test_a_search_that_the_provider_ran_is_told_with_its_result():
    response = streamed(
        gemini,
        chunk({"toolCall": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB", "args": {"queries": ["q"]}}}),
        chunk(
            {"toolResponse": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB", "response": {"n": 1}}}, stop="STOP"
        ),
    )
    assert [(call.id, call.arguments, call.server) for call in response.tool_calls] == [
        ("t", {"queries": ["q"]}, True)
    ]
    assert response.tool_results == [ToolResult("t", "GOOGLE_SEARCH_WEB", '{"n": 1}', server=True)]


def test_grounding_is_told_once_with_the_passage_it_supports():
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "a"}},
            {"retrievedContext": {"uri": "gs://b", "title": "b"}},
        ],
        "groundingSupports": [{"segment": {"text": "It is so."}, "groundingChunkIndices": [0]}],
    }
    response = streamed(
        gemini,
        chunk({"text": "It is so."}, groundingMetadata=grounding),
        chunk(stop="STOP", groundingMetadata=grounding),
    )
    assert response.citations == [
        Citation("https://a.example", "a", "It is so."),
        Citation("gs://b", "b"),
    ]


def test_recited_sources_are_citations():
    response = streamed(
        gemini,
        chunk(
            {"text": "x"}, citationMetadata={"citationSources": [{"uri": "https://a.example"}]}, stop="STOP"
        ),
    )
    assert response.citations == [Citation("https://a.example")]


def test_a_blocked_prompt_is_filtered_and_says_why():
    body = _wire({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 7}})
    events, error = events_of(gemini, [body])
    assert error is None
    assert [event.text for event in events if isinstance(event, Notice)] == ["the prompt was blocked: SAFETY"]
    assert events[-1] == Finished("filter", stop="SAFETY")


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "filter"),
        ("RECITATION", "filter"),
        ("NEW", "unknown"),
    ],
)
def test_the_finish_reason_says_how_the_answer_ended(stop, reason):
    response = streamed(gemini, chunk({"text": "x"}, stop=stop))
    assert (response.stop_reason, response.metadata["stop"]) == (reason, stop)


def test_a_call_that_came_out_broken_is_a_failure_worth_another_try():
    error = failed(gemini, chunk(stop="MALFORMED_FUNCTION_CALL", finishMessage="Malformed\ncall: add("))
    assert isinstance(error, ProviderError)
    assert (error.kind, error.code, error.retryable) == ("provider", "MALFORMED_FUNCTION_CALL", True)
    assert "Malformed call: add(" in str(error)


def test_the_end_of_the_body_without_a_finish_reason_is_a_cut():
    assert failed(gemini, chunk({"text": "Hel"})).kind == "truncated"
    assert (
        failed(gemini, chunk({"text": "Hel"}) + chunk({"text": "lo"}, stop="STOP")[:-30]).kind == "truncated"
    )


def test_an_answer_may_go_on_behind_its_finish_reason():
    tail = _wire({"usageMetadata": {"promptTokenCount": 3}})
    response = streamed(gemini, chunk({"text": "a"}, stop="STOP"), chunk({"text": "b"}), tail)
    assert response.text == "ab"
    assert response.usage.input_tokens == 3


def test_tokens_count_as_they_are_billed():
    usage = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 4,
        "cachedContentTokenCount": 2,
        "totalTokenCount": 22,
    }
    response = streamed(gemini, chunk({"text": "x"}, stop="STOP"), _wire({"usageMetadata": usage}))
    known = response.usage
    assert (known.input_tokens, known.output_tokens, known.reasoning_tokens, known.cached_tokens) == (
        15,
        7,
        4,
        2,
    )
    assert known.raw == usage
    assert response.total_tokens == usage["totalTokenCount"]


@pytest.mark.parametrize("form", ["event", "document", "array"])
def test_an_error_inside_the_stream_or_in_its_place_is_an_error(form):
    value = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
    body = {
        "event": _wire(value),
        "document": json.dumps(value, indent=2).encode(),
        "array": json.dumps([value], indent=2).encode(),
    }[form]
    error = failed(gemini, body)
    assert isinstance(error, ProviderError)
    assert (error.kind, error.retryable) == ("overloaded", True)


def test_a_bad_key_is_no_bad_request():
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    body = json.dumps({"error": {"code": 400, "message": "API key not valid.", "details": details}}).encode()
    assert gemini.decode_error(400, {}, body).kind == "auth"


def test_the_time_to_wait_is_read_from_the_details():
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}]
    body = json.dumps([{"error": {"code": 429, "message": "Slow down", "details": details}}]).encode()
    info = gemini.decode_error(429, {}, body)
    assert (info.kind, info.retry_after) == ("rate_limit", 34.5)


def test_media_the_model_made_are_named_and_left_out():
    events, _ = events_of(
        gemini, [chunk({"inlineData": {"mimeType": "image/png", "data": "iVBOR"}}, stop="STOP")]
    )
    assert [event.kind for event in events if isinstance(event, Notice)] == ["dropped"]
    assert "iVBOR" not in str(events)


def test_a_document_that_is_no_answer_is_said_to_be_in_its_place():
    error = failed(gemini, b'{"detail": "Welcome"}')
    assert isinstance(error, ProtocolError)
    assert (error.kind, "JSON document" in str(error)) == ("protocol", True)


def test_a_blocking_answer_says_the_same_as_a_streamed_one():
    body = chunk({"text": "Hello"}, stop="STOP").removeprefix(b"data: ")
    response = answer(gemini.decode_whole(ask(gemini, stream=False), body))
    assert (response.text, response.stop_reason) == ("Hello", "stop")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"error": {"message": "no"}}', b"\xff"])
def test_a_blocking_answer_that_is_none_is_an_error(body):
    with pytest.raises((ProtocolError, ProviderError)):
        list(gemini.decode_whole(ask(gemini, stream=False), body))


def test_a_request_is_written_in_the_words_of_the_api():
    request = ask(
        gemini,
        model="gemini-x",
        system="Be terse.",
        temperature=0.5,
        max_tokens=100,
        top_p=0.9,
        stop=("END",),
        tools=(
            ToolSpec("add", "Adds", {"type": "object", "properties": {"a": {"type": "integer"}}}),
            ToolSpec("now", "Time", {"type": "object", "properties": {}}),
        ),
        schema={"type": "object"},
        extra={"generationConfig": {"thinkingConfig": {"includeThoughts": True}}},
    )
    call = gemini.encode(request)
    assert call.path == "/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
    assert call.body == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "systemInstruction": {"parts": [{"text": "Be terse."}]},
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "add",
                        "description": "Adds",
                        "parametersJsonSchema": {"type": "object", "properties": {"a": {"type": "integer"}}},
                    },
                    {"name": "now", "description": "Time"},
                ]
            }
        ],
        "generationConfig": {
            "temperature": 0.5,
            "maxOutputTokens": 100,
            "topP": 0.9,
            "stopSequences": ["END"],
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object"},
            "thinkingConfig": {"includeThoughts": True},
        },
    }


def test_images_travel_inside_the_request():
    message = Message("user", (ImagePart(b"\x01", "image/png"),))
    [turn] = gemini.encode(Request(provider="gemini", model="m", messages=(message,))).body["contents"]
    assert turn["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AQ=="}}]


def test_the_key_travels_in_a_header_of_its_own_and_never_in_the_address():
    environment = {"GOOGLE_API_KEY": "a-key"}
    route = route_for(gemini.facts, base_url=None, api_key=None, environment=environment, allow_http=False)
    assert route.key_header == "x-goog-api-key"
    assert route.key is not None
    assert "a-key" not in f"{route} {gemini.encode(ask(gemini))}"


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("models/gemini-x", False, "/v1beta/models/gemini-x:generateContent"),
        ("tunedModels/mine", True, "/v1beta/tunedModels/mine:streamGenerateContent?alt=sse"),
        ("x?key=1#", False, "/v1beta/models/x%3Fkey%3D1%23:generateContent"),
    ],
)
def test_the_model_is_the_only_part_of_the_address_that_varies(model, stream, path):
    assert gemini.encode(ask(gemini, model=model, stream=stream)).path == path


PARTS = st.fixed_dictionaries(
    {},
    optional={
        name: VALUES
        | st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "name", "args", "code", "output"), VALUES))
        for name in (
            "text",
            "thought",
            "thoughtSignature",
            "functionCall",
            "executableCode",
            "codeExecutionResult",
            "toolCall",
            "inlineData",
        )
    },
)
GROUNDING = st.fixed_dictionaries(
    {"groundingChunks": VALUES | st.lists(st.dictionaries(st.just("web"), VALUES), max_size=2)},
    optional={
        "groundingSupports": VALUES | st.lists(st.fixed_dictionaries({"groundingChunkIndices": VALUES}))
    },
)
CANDIDATES = st.fixed_dictionaries(
    {},
    optional={
        "content": VALUES | st.fixed_dictionaries({"parts": VALUES | st.lists(PARTS, max_size=3)}),
        "finishReason": VALUES | st.sampled_from(["STOP", "SAFETY", "MALFORMED_FUNCTION_CALL"]),
        "finishMessage": VALUES,
        "groundingMetadata": VALUES | GROUNDING,
        "citationMetadata": VALUES,
    },
)
CHUNKS = st.fixed_dictionaries(
    {"candidates": VALUES | st.lists(CANDIDATES, max_size=2)},
    optional={"promptFeedback": VALUES, "usageMetadata": VALUES, "responseId": VALUES, "error": VALUES},
)


@given(
    st.lists(CHUNKS, max_size=4).map(lambda values: b"".join(map(_wire, values))) | st.binary(max_size=200)
)
def test_no_bytes_raise_anything_but_errors_of_ours(body):
    events_of(gemini, [body])  # raises whatever is not a StreamcellError

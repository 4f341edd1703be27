"""The scripted server, read over HTTP and by the official clients: its formats are what they expect."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import json
import socket

import anthropic
import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamcell.core.script import (
    Fault,
    Raw,
    Script,
    refusal_pieces,
    text_pieces,
    thinking_pieces,
    tool_pieces,
)
from streamcell.core.wire import reader
from streamcell.events import Citation, Usage
from streamcell.io.wire_plan import Drop, Hang, Send, plan
from streamcell.io.wire_server import WireServer

CHAT = "/v1/chat/completions"
PROMPT = [{"role": "user", "content": "Explain DNA"}]
ASKED = {"model": "m", "messages": PROMPT, "stream": True}
TEXT = "## Text\n\nEinige Wörter — 一二三 👩‍🔬\n"
FULL = Script(
    pieces=(
        *thinking_pieces("Let me think."),
        *text_pieces(TEXT, part=1),
        *tool_pieces(2, "get_weather", arguments={"city": "Zürich"}, identity="call_a"),
        *tool_pieces(3, "add", arguments={}, identity="call_b"),
    ),
    usage=Usage(input_tokens=7, output_tokens=9, reasoning_tokens=3, cached_tokens=2),
    stop="tool_calls",
)


def own_tasks():
    """Tasks of the server; the official clients leave some of their own to the garbage collector."""
    return [task for task in asyncio.all_tasks() if "WireServer" in repr(task.get_coro())]


def serve(answer, client):
    """Run `client(server)` against a server; afterwards none of its tasks may be left."""

    async def main():
        async with WireServer(answer) as server:
            result = await client(server)
        assert server.open_connections == 0
        assert not own_tasks()
        return result

    return asyncio.run(main())


def fetch(answer, *, path=CHAT, body=None, headers=None):
    """The whole response to one request."""

    async def client(server):
        async with httpx2.AsyncClient(base_url=server.base_url) as http:
            return await http.post(path, json=body or ASKED, headers=headers)

    return serve(answer, client)


def received(answer, *, path=CHAT):
    """The body as far as it came, and the exception that ended it."""

    async def client(server):
        body = bytearray()
        async with httpx2.AsyncClient(base_url=server.base_url) as http:
            try:
                async with http.stream("POST", path, json=ASKED) as response:
                    async for block in response.aiter_raw():
                        body += block
            except httpx2.HTTPError as error:
                return bytes(body), type(error)
        return bytes(body), None

    return serve(answer, client)


def payloads(body):
    lines = reader("sse")
    return [*lines.feed(body), *lines.close()]


def chat_text(body):
    chunks = [json.loads(payload.data) for payload in payloads(body) if payload.data.startswith(b"{")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk.get("choices", ())]
    return "".join(delta.get("content") or "" for delta in deltas)


# -- the formats, read by the official clients


def test_the_openai_client_reads_text_thinking_tools_and_usage():
    async def client(server):
        async with openai.AsyncOpenAI(base_url=f"{server.base_url}/v1", api_key="none") as api:
            stream = await api.chat.completions.create(
                model="m", messages=PROMPT, stream=True, stream_options={"include_usage": True}
            )
            return [chunk async for chunk in stream]

    chunks = serve(FULL, client)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == TEXT
    thought = "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in deltas)
    assert thought == "Let me think."
    calls = [call for delta in deltas for call in delta.tool_calls or ()]
    assert [(call.id, call.function.name) for call in calls if call.id] == [
        ("call_a", "get_weather"),
        ("call_b", "add"),
    ]
    arguments = "".join(call.function.arguments for call in calls if call.index == 0)
    assert json.loads(arguments) == {"city": "Zürich"}
    assert chunks[-2].choices[0].finish_reason == "tool_calls"
    usage = chunks[-1].usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (7, 9, 16)
    assert usage.completion_tokens_details.reasoning_tokens == 3
    assert usage.prompt_tokens_details.cached_tokens == 2


def test_openai_usage_comes_only_when_it_is_asked_for():
    assert b"prompt_tokens" not in fetch(FULL).content


def test_the_openai_client_reads_a_blocking_answer():
    async def client(server):
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none") as api:
            return await api.chat.completions.create(model="m", messages=PROMPT)

    answer = serve(FULL, client)
    message = answer.choices[0].message
    assert message.content == TEXT
    assert [call.function.name for call in message.tool_calls] == ["get_weather", "add"]
    assert answer.usage.total_tokens == 16


def test_the_openai_client_reads_a_refusal_and_a_citation():
    source = Citation(url="https://example.org/", title="Example")
    script = Script(pieces=(*refusal_pieces("I will not."), source), stop="refusal")

    async def client(server):
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none") as api:
            return await api.chat.completions.create(model="m", messages=PROMPT)

    message = serve(script, client).choices[0].message
    assert message.refusal == "I will not."
    assert message.annotations[0].url_citation.url == "https://example.org/"


def test_the_anthropic_client_reads_text_thinking_tools_and_usage():
    async def client(server):
        async with (
            anthropic.AsyncAnthropic(base_url=server.base_url, api_key="none") as api,
            api.messages.stream(model="m", max_tokens=99, messages=PROMPT) as stream,
        ):
            return await stream.get_final_message()

    message = serve(FULL, client)
    kinds = [block.type for block in message.content]
    assert kinds == ["thinking", "text", "tool_use", "tool_use"]
    assert message.content[0].thinking == "Let me think."
    assert message.content[1].text == TEXT
    assert (message.content[2].id, message.content[2].input) == ("call_a", {"city": "Zürich"})
    assert message.content[3].input == {}
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (5, 2, 9)


def test_the_anthropic_client_reads_a_blocking_answer_with_its_sources():
    source = Citation(url="https://example.org/", title="Example", quote="said")

    async def client(server):
        async with anthropic.AsyncAnthropic(base_url=server.base_url, api_key="none") as api:
            return await api.messages.create(model="m", max_tokens=99, messages=PROMPT)

    message = serve(Script(pieces=(*text_pieces(TEXT), source)), client)
    assert message.content[0].text == TEXT
    assert message.content[0].citations[0].cited_text == "said"


def test_the_openai_client_reads_a_responses_stream():
    async def client(server):
        async with openai.AsyncOpenAI(base_url=f"{server.base_url}/v1", api_key="none") as api:
            stream = await api.responses.create(model="m", input="Explain DNA", stream=True)
            return [event async for event in stream]

    events = serve(FULL, client)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == TEXT
    response = events[-1].response
    assert (events[-1].type, response.output_text) == ("response.completed", TEXT)
    assert [item.type for item in response.output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert json.loads(response.output[2].arguments) == {"city": "Zürich"}
    assert response.usage.output_tokens_details.reasoning_tokens == 3


def test_a_responses_stream_and_the_blocking_answer_say_the_same():
    streamed = payloads(fetch(FULL, path="/v1/responses").content)[-1]
    whole = fetch(FULL, path="/v1/responses", body={"model": "m", "input": "x"}).json()
    assert json.loads(streamed.data)["response"] == whole


def gemini_text(objects):
    parts = [part for value in objects for part in value["candidates"][0]["content"]["parts"]]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


GEMINI = "/v1beta/models/m:streamGenerateContent"


def test_gemini_answers_as_server_sent_events():
    objects = [
        json.loads(payload.data) for payload in payloads(fetch(FULL, path=GEMINI + "?alt=sse").content)
    ]
    assert gemini_text(objects) == TEXT
    parts = [part for value in objects for part in value["candidates"][0]["content"]["parts"]]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    assert calls == [{"name": "get_weather", "args": {"city": "Zürich"}}, {"name": "add", "args": {}}]
    assert objects[-1]["candidates"][0]["finishReason"] == "STOP"
    assert objects[-1]["usageMetadata"]["totalTokenCount"] == 16


def test_gemini_answers_as_one_array_without_alt_sse():
    assert gemini_text(fetch(FULL, path=GEMINI).json()) == TEXT


def test_gemini_gives_a_blocking_answer():
    assert gemini_text([fetch(FULL, path="/v1beta/models/m:generateContent").json()]) == TEXT


def test_ollama_answers_in_lines():
    lines = [json.loads(line) for line in fetch(FULL, path="/api/chat").text.splitlines()]
    assert "".join(line["message"]["content"] for line in lines) == TEXT
    assert "".join(line["message"].get("thinking", "") for line in lines) == "Let me think."
    names = [call["function"]["name"] for line in lines for call in line["message"].get("tool_calls", ())]
    assert names == ["get_weather", "add"]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["eval_count"] == 9


# -- faults


@pytest.mark.parametrize(
    ("fault", "exception"),
    [
        (Fault("close"), httpx2.RemoteProtocolError),
        (Fault("reset"), httpx2.ReadError),
        (Fault("close", after=3), httpx2.RemoteProtocolError),
        (Fault("reset", after=3), httpx2.ReadError),
    ],
)
def test_a_broken_connection_is_noticed_by_the_client(fault, exception):
    _, ended = received(Script.of(TEXT, fault=fault))
    assert ended is exception


@pytest.mark.parametrize(("kind", "whole"), [("cut", True), ("cut_inside", False)])
def test_a_cut_body_ends_cleanly_after_the_pieces_it_was_given(kind, whole):
    body, ended = received(Script.of(TEXT, fault=Fault(kind, after=3)))
    assert ended is None
    assert body.endswith(b"\n\n") is whole
    assert b"[DONE]" not in body
    assert body.count(b"chat.completion.chunk") >= 4


@pytest.mark.parametrize("fault", [Fault("stall"), Fault("stall", after=2), Fault("pings", after=2)])
def test_silence_and_pings_last_until_the_client_leaves(fault):
    async def client(server):
        async with httpx2.AsyncClient(base_url=server.base_url) as http:
            asking = asyncio.create_task(http.post(CHAT, json=ASKED))
            await server.received(1)
            assert server.open_connections == 1
            assert own_tasks()
            asking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asking
        await server.closed(0)
        return server.open_connections

    assert serve(Script.of(TEXT, fault=fault), client) == 0


def test_pings_are_comments_between_events():
    answer = plan(Script.of(TEXT, fault=Fault("pings", after=1)), CHAT, ASKED)
    steps = [next(answer.steps) for _ in range(5)]
    assert [step.data for step in steps[2:]] == [b": keep-alive\n\n"] * 3
    assert steps[2].due < steps[3].due < steps[4].due


def test_an_error_event_reaches_the_openai_client_after_the_text():
    script = Script.of("Hello world", fault=Fault("error", after=1, message="out of luck", code="bad"))

    async def client(server):
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none") as api:
            stream = await api.chat.completions.create(model="m", messages=PROMPT, stream=True)
            texts = []

            async def read():
                async for chunk in stream:
                    texts.extend(choice.delta.content for choice in chunk.choices)

            with pytest.raises(openai.APIError, match="out of luck"):
                await read()
            return texts

    assert serve(script, client) == ["", "Hello"]


def test_an_error_event_reaches_the_anthropic_client():
    script = Script.of("Hello", fault=Fault("error", after=1, status=529, message="busy"))

    async def client(server):
        async with anthropic.AsyncAnthropic(base_url=server.base_url, api_key="none") as api:
            stream = await api.messages.create(model="m", max_tokens=9, messages=PROMPT, stream=True)
            with pytest.raises(anthropic.APIStatusError) as caught:
                [event async for event in stream]
            return caught.value.body["error"]

    assert serve(script, client) == {"type": "overloaded_error", "message": "busy"}


def test_a_status_comes_with_its_headers_and_the_providers_error_body():
    fault = Fault("status", status=429, retry_after=2.5, message="slow down", headers={"x-a": "b"})
    answer = fetch(Script(fault=fault), path="/v1/messages")
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["x-a"]) == (429, "2.5", "b")
    assert answer.json()["error"] == {"type": "rate_limit_error", "message": "slow down"}


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "start"),
    [
        ("html", 200, "text/html", b"<!DOCTYPE html>"),
        ("json_error", 200, "application/json", b'{"error":'),
        ("empty", 200, "text/event-stream; charset=utf-8", b""),
        ("redirect", 307, None, b""),
    ],
)
def test_another_answer_stands_in_place_of_the_stream(kind, status, content_type, start):
    answer = fetch(Script.of(TEXT, fault=Fault(kind)))
    assert (answer.status_code, answer.headers.get("content-type")) == (status, content_type)
    assert answer.content.startswith(start)
    assert bool(answer.content) is bool(start)


def test_a_redirect_names_its_destination():
    fault = Fault("redirect", headers={"location": "http://localhost:1/x"})
    assert fetch(Script(fault=fault)).headers["location"] == "http://localhost:1/x"


def test_a_malformed_event_stands_between_good_ones():
    body = fetch(Script.of(TEXT, fault=Fault("malformed", after=2))).content
    broken = [payload for payload in payloads(body) if payload.data == b'{"broken": ']
    assert len(broken) == 1
    assert b"[DONE]" in body


def test_an_oversized_line_has_the_size_that_was_asked():
    answer = plan(Script.of(TEXT, fault=Fault("oversized", after=1, size=100_000)), CHAT, ASKED)
    assert max(len(step.data) for step in answer.steps) >= 100_000


def test_an_endless_stream_goes_on_until_the_client_leaves():
    async def client(server):
        async with (
            httpx2.AsyncClient(base_url=server.base_url) as http,
            http.stream("POST", CHAT, json=ASKED) as response,
        ):
            size = 0
            async for block in response.aiter_raw():
                size += len(block)
                if size > 1_000_000:
                    break
        await server.closed(0)
        return size

    assert serve(Script.of(TEXT, fault=Fault("endless", after=1)), client) > 1_000_000


def test_answers_in_turn_fail_once_and_then_succeed():
    async def client(server):
        async with httpx2.AsyncClient(base_url=server.base_url) as http:
            return [(await http.post(CHAT, json=ASKED)).status_code for _ in range(3)]

    assert serve([Script(fault=Fault("status", status=503)), Script.of(TEXT)], client) == [503, 200, 200]


# -- bytes and their timing


@pytest.mark.parametrize(
    "framings", [{"bom"}, {"crlf"}, {"cr"}, {"comments"}, {"no_space"}, {"gzip"}, {"crlf", "bom", "comments"}]
)
@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_a_framing_changes_the_bytes_and_not_the_meaning(framings, path):
    plain = received(Script.of(TEXT), path=path)[0]
    framed = received(Script.of(TEXT, framings=frozenset(framings)), path=path)[0]
    assert framed != plain
    assert payloads(gzip.decompress(framed) if "gzip" in framings else framed) == payloads(plain)


@given(st.text(), st.sampled_from(["whole", "events", "bytes", (1, 5), (700,)]))
@settings(max_examples=60)
def test_cuts_change_no_byte_of_an_answer(text, cuts):
    whole, cut = (
        b"".join(step.data for step in plan(Script.of(text, cuts=chosen), CHAT, ASKED).steps)
        for chosen in ("events", cuts)
    )
    assert cut == whole
    assert chat_text(cut) == text


def test_recorded_bytes_are_sent_as_they_are():
    raw = Raw(b"data: 1\n\ndata: 2\n\n", "text/plain", status=203, headers={"x-a": "b"}, cuts="bytes")
    answer = fetch(raw, path="/anything")
    assert (answer.content, answer.status_code, answer.headers["x-a"]) == (raw.body, 203, "b")


def test_recorded_events_are_written_one_by_one():
    answer = plan(Raw(b"data: 1\r\n\r\ndata: 2\r\n\r\n"), "/", {})
    assert [step.data for step in answer.steps] == [b"data: 1\r\n\r\n", b"data: 2\r\n\r\n"]


def test_pieces_are_due_by_a_schedule_that_does_not_drift():
    steps = list(plan(Script.of("one two three", pace=0.5, delay=2.0), CHAT, ASKED).steps)
    sends = [step.due for step in steps if step.data]
    assert sends == [0.0, 2.0, 2.5, 3.0, 3.5]


def test_a_blocking_answer_takes_as_long_as_the_stream_would():
    body = {"model": "m", "messages": PROMPT}
    steps = list(plan(Script.of("one two", pace=0.5, delay=2.0), CHAT, body).steps)
    assert max(step.due for step in steps) == 3.0


def test_a_paced_answer_arrives_whole():
    assert chat_text(fetch(Script.of(TEXT, pace=0.001, delay=0.001)).content) == TEXT


def test_a_broken_answer_ends_in_a_drop_and_a_stalled_one_in_a_hang():
    endings = [
        list(plan(Script.of(TEXT, fault=Fault(kind, after=1)), CHAT, ASKED).steps)[-1]
        for kind in ("close", "reset", "stall", "cut")
    ]
    assert endings[:3] == [Drop(reset=False), Drop(reset=True), Hang()]
    assert isinstance(endings[3], Send)


# -- HTTP


def test_one_connection_serves_several_requests_and_records_them():
    async def client(server):
        async with httpx2.AsyncClient(base_url=server.base_url) as http:
            for number in range(3):
                await http.post(CHAT, json={**ASKED, "number": number}, headers={"X-Name": "value"})
        await server.closed(0)
        return server.requests

    requests = serve(Script.of(TEXT), client)
    assert [request.body["number"] for request in requests] == [0, 1, 2]
    assert {request.connection for request in requests} == {0}
    assert (requests[0].method, requests[0].path) == ("POST", CHAT)
    assert requests[0].headers["x-name"] == "value"


def test_the_answer_may_depend_on_the_request():
    def choose(path, headers, body):
        return Script.of(f"{path} {headers['x-name']} {body['model']}")

    answer = fetch(choose, headers={"x-name": "value"})
    assert chat_text(answer.content) == f"{CHAT} value m"


def test_a_path_that_no_provider_has_is_not_found():
    assert fetch(Script.of(TEXT), path="/nowhere").status_code == 404


def test_a_client_that_wants_to_close_is_let_go():
    async def client(server):
        async with httpx2.AsyncClient(base_url=server.base_url, headers={"connection": "close"}) as http:
            await http.post(CHAT, json=ASKED)
            await server.closed(0)

    serve(Script.of(TEXT), client)


def test_closing_the_server_ends_answers_that_are_under_way():
    async def main():
        async with httpx2.AsyncClient() as http:
            async with WireServer(Script.of(TEXT, fault=Fault("stall", after=1))) as server:
                asking = asyncio.create_task(http.post(server.base_url + CHAT, json=ASKED))
                await server.received(1)
            with pytest.raises(httpx2.RemoteProtocolError):
                await asking
        assert not own_tasks()

    asyncio.run(main())


def test_many_clients_are_served_at_once():
    async def client(server):
        async with httpx2.AsyncClient(base_url=server.base_url, timeout=60) as http:
            answers = await asyncio.gather(*(http.post(CHAT, json=ASKED) for _ in range(50)))
        return {chat_text(answer.content) for answer in answers}

    assert serve(Script.of(TEXT, pace=0.001), client) == {TEXT}


def test_a_crowd_that_knocks_while_the_server_is_busy_is_let_in():
    async def main():
        async with WireServer(Script.of("Yes.")) as server:
            # Blocking, so that the server gets no turn: they are let in by the kernel alone.
            address = ("127.0.0.1", int(server.base_url.rpartition(":")[2]))
            crowd = [socket.create_connection(address, timeout=0.5) for _ in range(300)]
            for one in crowd:
                one.close()

    asyncio.run(main())


@pytest.mark.parametrize("passes", range(7))
def test_a_client_that_came_just_before_the_end_is_dropped_like_the_others(passes):
    async def begin_and_end():
        server = WireServer(FULL)
        await server.start()
        client = socket.create_connection(("127.0.0.1", int(server.base_url.rpartition(":")[2])))
        for _ in range(passes):
            await asyncio.sleep(0)
        await server.close()
        return client

    loop = asyncio.new_event_loop()  # `asyncio.run` would clean up behind it
    with loop.run_until_complete(begin_and_end()) as client, contextlib.suppress(ConnectionResetError):
        loop.close()
        gc.collect()  # what is open still would say so now: warnings are errors here
        assert client.recv(1) == b""

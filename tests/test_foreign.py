"""Streams of other libraries through `wrap`: official clients on a loopback server, and bare iterators."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import contextmanager

import anthropic
import openai
import pytest

import streamcell
from answers import told
from corpus import cases
from streamcell import ProviderError, StreamInterruptedError, TransportError, UsageError, wrap
from streamcell.events import Started, Usage
from streamcell.testing import (
    Fault,
    Raw,
    Script,
    WireServer,
    create_mock_stream,
    text_pieces,
    thinking_pieces,
    tool_pieces,
)

FACTS = ("text", "thinking", "refusal", "tool_calls", "usage", "stop", "citations", "tool_results")
TURN = [{"role": "user", "content": "hi"}]
TEXT = "One two three four five six seven."
CALLS = ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generate", "ollama.chat")
HELPERS = ("openai.chat", "openai.responses", "anthropic.messages")
TYPES = {"ndjson": "application/x-ndjson", "json-array": "application/json"}


class Clients:
    """The official clients, synchronous and asynchronous, on one loopback server."""

    def __init__(self, base_url, **settings):
        self._base_url = base_url
        self._settings = {"api_key": "unused", "max_retries": 0, **settings}
        self._made = {}

    def _client(self, module, name, **settings):
        return self._made.setdefault((module, name), getattr(module, name)(**settings))

    def _openai(self, prefix):
        return self._client(openai, f"{prefix}OpenAI", base_url=f"{self._base_url}/v1", **self._settings)

    def _anthropic(self, prefix):
        return self._client(anthropic, f"{prefix}Anthropic", base_url=self._base_url, **self._settings)

    def _ollama(self, prefix):
        return self._client(pytest.importorskip("ollama"), f"{prefix}Client", host=self._base_url)

    def _genai(self):
        genai = pytest.importorskip("google.genai")
        return self._client(genai, "Client", api_key="unused", http_options={"base_url": self._base_url})

    def ask(self, endpoint, prefix=""):
        """The stream of one call; its awaitable for `prefix="Async"`."""
        match endpoint:
            case "openai.chat":
                return self._openai(prefix).chat.completions.create(model="m", messages=TURN, stream=True)
            case "openai.responses":
                return self._openai(prefix).responses.create(model="m", input="hi", stream=True)
            case "anthropic.messages":
                client = self._anthropic(prefix)
                return client.messages.create(model="m", messages=TURN, max_tokens=9, stream=True)
            case "gemini.generate":
                models = self._genai().aio.models if prefix else self._genai().models
                return models.generate_content_stream(model="m", contents="hi")
            case "ollama.chat":
                return self._ollama(prefix).chat(model="m", messages=TURN, stream=True)

    def manager(self, endpoint, prefix=""):
        """The context manager that a `.stream()` helper gives."""
        match endpoint:
            case "openai.chat":
                return self._openai(prefix).chat.completions.stream(model="m", messages=TURN)
            case "openai.responses":
                return self._openai(prefix).responses.stream(model="m", input="hi")
            case "anthropic.messages":
                return self._anthropic(prefix).messages.stream(model="m", messages=TURN, max_tokens=9)

    async def close(self):
        for client in self._made.values():
            done = client.close()
            if asyncio.iscoroutine(done):
                await done
            if hasattr(client, "aio"):
                await client.aio.aclose()


@contextmanager
def serving(answer, **settings):
    """Clients on a server in a thread of its own, for synchronous tests."""
    with WireServer(answer) as server:
        clients = Clients(server.base_url, **settings)
        try:
            yield clients, server
        finally:
            asyncio.run(clients.close())


def read_here(answer, ask, **settings):
    """The wrapped stream's response, awaited on one loop with server and client."""

    async def main():
        async with WireServer(answer) as server:
            clients = Clients(server.base_url, **settings)
            try:
                return await ask(clients)
            finally:
                await clients.close()

    return asyncio.run(main())


# --- recordings ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded():
    """Answers with whichever recording was chosen last, and asks by the official clients for it."""
    chosen = []

    def answer(_path, _headers, _body):
        case = chosen[-1]
        return Raw(
            case.body,
            content_type=TYPES.get(case.kind, "text/event-stream"),
            status=case.status,
            headers=case.headers,
        )

    with serving(answer) as (clients, _), asyncio.Runner() as runner:
        asynchronous = Clients(clients._base_url)

        def asked(case, endpoint, prefix):
            chosen.append(case)
            if not prefix:
                return wrap(clients.ask(endpoint), on_error="keep").result()

            async def main():
                return await wrap(asynchronous.ask(endpoint, prefix), on_error="keep")

            return runner.run(main())

        yield asked
        runner.run(asynchronous.close())


def every(*, refused=False):
    return [
        pytest.param(case.values[0], endpoint, id=case.id, marks=case.marks)
        for endpoint in CALLS
        for case in cases(endpoint)
        if case.values[0] is None or (case.values[0].kind == "http-error") == refused
    ]


def lost(case, endpoint):
    """What the client itself keeps from whoever reads its stream, and why; empty for what arrives whole."""
    if endpoint == "gemini.generate" and case.kind == "json-array":
        return "google-genai reads events only, and nothing of a JSON array"
    if endpoint == "openai.chat" and case.expected["stop"] is None and case.expected["tool_calls"]:
        return "openai ends at [DONE] without a word: a call ended by it alone cannot be told from a cut one"
    return ""


@pytest.mark.parametrize("prefix", ["", "Async"], ids=["sync", "async"])
@pytest.mark.parametrize(("case", "endpoint"), every())
def test_a_recording_read_by_an_official_client_is_the_same_answer(recorded, case, endpoint, prefix):
    response = recorded(case, endpoint, prefix)
    expected = {name: case.expected[name] for name in FACTS}
    if lost(case, endpoint):
        assert response.stop_reason == "truncated"
        return
    assert comparable(told(response), endpoint) == comparable(expected, endpoint)
    assert response.stop_reason != "truncated" or case.expected["stop"] is None


def comparable(answer, endpoint):
    if endpoint != "gemini.generate":
        return answer
    # The API often sends no id, for which we make one; google-genai drops figures that it does not know yet.
    calls = [
        {**call, "id": None if (call["id"] or "").startswith("streamcell-") else call["id"]}
        for call in answer["tool_calls"]
    ]
    usage = answer["usage"] and {name: answer["usage"][name] for name in answer["usage"].keys() & known()}
    return {**answer, "tool_calls": calls, "usage": usage}


def known():
    """The figures that google-genai knows."""
    types = pytest.importorskip("google.genai.types")
    fields = types.GenerateContentResponseUsageMetadata.model_fields
    return {field.alias for field in fields.values()}


@pytest.mark.parametrize(("case", "endpoint"), every(refused=True))
def test_a_recorded_refusal_is_the_provider_error_it_is(recorded, case, endpoint):
    with pytest.raises(ProviderError, match="HTTP 4") as failure:
        raise streamcell.errors.from_info(recorded(case, endpoint, "Async").error)
    assert failure.value.status == case.status
    assert case.expected["error"]["message"] in str(failure.value)


def test_only_these_recordings_lose_something_in_their_client():
    seen = [lost(case.values[0], case.values[1]) for case in every() if case.values[0] is not None]
    if not seen:
        pytest.skip("no recordings: set STREAMCELL_CORPUS")
    reasons = [reason.split()[0] for reason in seen if reason]
    assert {name: reasons.count(name) for name in reasons} == {"google-genai": 2, "openai": 1}


# --- official clients, as users hold them -----------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "Async"], ids=["sync", "async"])
@pytest.mark.parametrize("endpoint", HELPERS)
def test_the_manager_of_a_stream_helper_is_entered_and_read(endpoint, prefix):
    with serving(Script.of(TEXT)) as (clients, _):
        response = wrap(clients.manager(endpoint, prefix)).result()
    assert response.text == TEXT
    assert response.stop_reason == "stop"


@pytest.mark.parametrize("endpoint", CALLS)
def test_text_thinking_calls_and_usage_arrive(endpoint):
    script = Script(
        pieces=(*thinking_pieces("hm"), *text_pieces(TEXT), *tool_pieces(2, "add", arguments={"a": 1})),
        usage=Usage(input_tokens=3, output_tokens=5),
        stop="tool_calls",
    )
    with serving(script) as (clients, _):
        response = wrap(clients.ask(endpoint)).result()
    assert response.thinking == "hm"
    assert response.text == TEXT
    assert [(call.name, call.arguments) for call in response.tool_calls] == [("add", {"a": 1})]
    assert response.stop_reason == "tool_calls"
    if endpoint != "openai.chat":  # which sends it only when it is asked to
        assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 5)


def test_an_async_stream_is_read_on_the_loop_it_was_opened_on():
    async def ask(clients):
        return [chunk.content async for chunk in wrap(await clients.ask("openai.chat", "Async"))]

    assert "".join(read_here(Script.of(TEXT), ask)) == TEXT


def test_the_awaitable_of_an_async_client_can_be_read_synchronously():
    with serving(Script.of(TEXT)) as (clients, _):
        assert "".join(chunk.content for chunk in wrap(clients.ask("openai.chat", "Async"))) == TEXT


def test_an_open_async_stream_cannot_be_read_from_another_thread():
    async def ask(clients):
        stream = wrap(await clients.ask("openai.chat", "Async"))
        with pytest.raises(UsageError, match="belongs to another event loop"):
            await asyncio.to_thread(stream.result)

    read_here(Script.of(TEXT), ask)


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_a_stream_that_breaks_keeps_what_came(endpoint, kind):
    with serving(Script.of(TEXT, fault=Fault(kind, after=3))) as (clients, _):
        stream = wrap(clients.ask(endpoint))
        with pytest.raises(StreamInterruptedError) as failure:
            stream.result()
    assert failure.value.kind == "truncated"
    assert failure.value.partial is stream.response
    assert stream.response.text == "".join(piece.text for piece in text_pieces(TEXT)[:3])
    assert failure.value.__cause__.__cause__ is None


@pytest.mark.parametrize("endpoint", CALLS)
def test_an_error_inside_the_stream_is_the_providers(endpoint):
    fault = Fault("error", after=2, message="the engine is on fire")
    with serving(Script.of(TEXT, fault=fault)) as (clients, _):
        stream = wrap(clients.ask(endpoint))
        with pytest.raises(StreamInterruptedError, match="the engine is on fire") as failure:
            stream.result()
    assert isinstance(failure.value.__cause__, ProviderError)
    assert stream.response.text == "".join(piece.text for piece in text_pieces(TEXT)[:2])


@pytest.mark.parametrize("endpoint", CALLS)
def test_a_refused_call_is_described_with_its_status(endpoint):
    fault = Fault("status", status=429, message="slow down", retry_after=7)
    with (
        serving(Script.of(TEXT, fault=fault)) as (clients, _),
        pytest.raises(ProviderError, match="slow down") as failure,
    ):
        wrap(clients.ask(endpoint, "Async")).result()
    assert failure.value.kind == "rate_limit"
    assert failure.value.status == 429
    if endpoint != "ollama.chat":  # its exception has no headers
        assert failure.value.retry_after == 7


@pytest.mark.parametrize("prefix", ["", "Async"], ids=["sync", "async"])
@pytest.mark.parametrize("endpoint", HELPERS)
def test_a_clients_own_timeout_is_a_timeout(endpoint, prefix):
    with serving(Script.of(TEXT, fault=Fault("stall", after=2)), timeout=0.2) as (clients, _):
        stream = wrap(clients.ask(endpoint, prefix))
        with pytest.raises(StreamInterruptedError) as failure:
            stream.result()
    assert failure.value.kind == "timeout_idle"
    assert isinstance(failure.value.__cause__, TransportError)


def test_a_server_that_is_not_there_is_no_connection():
    clients = Clients("http://127.0.0.1:9")
    with pytest.raises(TransportError) as failure:
        wrap(clients.ask("openai.chat", "Async")).result()
    assert failure.value.kind == "connect"
    asyncio.run(clients.close())


@pytest.mark.parametrize("endpoint", HELPERS)
def test_a_cancel_closes_the_connection_of_an_async_client(endpoint):
    async def main():
        async with WireServer(Script.of(TEXT, fault=Fault("stall", after=2))) as server:
            clients = Clients(server.base_url)
            stream = wrap(await clients.ask(endpoint, "Async"))
            async for _ in stream:
                break
            await server.closed(0)
            await clients.close()
            return await stream

    assert asyncio.run(main()).stop_reason == "cancelled"


@pytest.mark.parametrize("endpoint", HELPERS)
def test_a_cancel_ends_a_read_that_blocks_in_an_official_client(endpoint):
    with serving(Script.of(TEXT, fault=Fault("stall", after=2))) as (clients, server):
        stream = wrap(clients.ask(endpoint))
        for _ in stream:
            break
        asyncio.run_coroutine_threadsafe(server.closed(0), server._loop).result()
    assert stream.response.stop_reason == "cancelled"


# --- iterators --------------------------------------------------------------------------------------------


def words():
    yield from ("one ", "", "two <think>", "three")


async def words_later():
    for word in words():
        yield word


@pytest.mark.parametrize("source", [words, words_later, lambda: list(words()), lambda: iter(tuple(words()))])
def test_strings_are_the_text_as_it_stands_and_end_where_they_end(source):
    response = wrap(source()).result()
    assert response.text == "one two <think>three"
    assert [chunk.content for chunk in response.chunks] == ["one ", "two <think>", "three"]
    assert response.stop_reason == "stop"


def test_half_a_character_of_python_survives():
    assert wrap(iter(["a\ud83d", "\ude00"])).result().text == "a\ud83d\ude00"


def test_chunks_of_ours_are_read_like_strings():
    assert wrap(create_mock_stream(TEXT, chunk_size=4)).result().text == TEXT


def chunk(finish=None, **delta):
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def test_dictionaries_are_read_by_the_dialect_that_they_speak():
    r = wrap([chunk(content="Hel"), chunk(content="lo", reasoning_content="hm"), chunk("stop")]).result()
    assert (r.text, r.thinking, r.stop_reason, r.metadata["model"]) == ("Hello", "hm", "stop", "m")


def test_chunks_without_a_finish_reason_are_cut():
    stream = wrap([chunk(content="Hel")])
    with pytest.raises(StreamInterruptedError) as failure:
        stream.result()
    assert failure.value.kind == "truncated"
    assert stream.response.text == "Hel"


def test_what_was_held_back_is_said_when_the_stream_is_cut():
    stream = wrap([chunk(content="<thi")], on_error="keep")
    assert stream.result().text == "<thi"
    assert stream.response.stop_reason == "truncated"


def test_what_was_held_back_is_said_when_the_stream_fails():
    stream = wrap([chunk(content="<thi"), {"error": {"message": "on fire", "type": "overloaded"}}])
    with pytest.raises(StreamInterruptedError, match="on fire") as failure:
        stream.result()
    assert failure.value.partial.text == "<thi"


def test_a_generator_that_wants_to_end_the_program_ends_its_own_stream():
    async def leaving():
        yield "one "
        raise SystemExit(3)

    stream = wrap(leaving())
    with pytest.raises(StreamInterruptedError, match="SystemExit: 3") as failure:
        stream.result()
    assert failure.value.partial.text == "one "


def test_what_came_before_an_error_in_one_batch_is_kept():
    stream = wrap([chunk(content="Hel"), {"error": {"message": "on fire", "type": "overloaded"}}])
    with pytest.raises(StreamInterruptedError, match="on fire") as failure:
        stream.result()
    assert failure.value.kind == "overloaded"
    assert stream.response.text == "Hel"


class Dumped:
    """A chunk of a library with objects of its own."""

    def __init__(self, value):
        self._value = value

    def model_dump(self):
        return self._value


def test_objects_that_can_be_dumped_are_read_like_dictionaries():
    assert wrap([Dumped(chunk(content="Hi")), Dumped(chunk("length"))]).result().stop_reason == "length"


class LangChainChunk:
    """What is read of `langchain_core.messages.AIMessageChunk`."""

    def __init__(self, content, *, calls=(), usage=None, metadata=None, **extra):
        self.id, self.type, self.content = "run-1", "AIMessageChunk", content
        self.tool_call_chunks, self.usage_metadata = list(calls), usage
        self.response_metadata, self.additional_kwargs = metadata or {}, extra

    def model_dump_json(self, **_settings):
        raise AssertionError("it is read by its shape")


def test_langchain_chunks_tell_text_thinking_calls_and_usage():
    response = wrap(
        [
            LangChainChunk("Hel", usage={"input_tokens": 3, "output_tokens": 0}),
            LangChainChunk([{"type": "text", "text": "lo"}, {"type": "thinking", "thinking": "hm"}]),
            LangChainChunk("", calls=[{"index": 1, "id": "c1", "name": "add", "args": ""}]),
            LangChainChunk("", calls=[{"index": 1, "id": None, "name": None, "args": '{"a": 1}'}]),
            LangChainChunk(
                "",
                usage={"input_tokens": 0, "output_tokens": 5},
                metadata={"stop_reason": "tool_use", "model_name": "m"},
            ),
        ]
    ).result()
    assert (response.text, response.thinking, response.stop_reason) == ("Hello", "hm", "tool_calls")
    assert [(call.name, call.arguments) for call in response.tool_calls] == [("add", {"a": 1})]
    assert (response.usage.input_tokens, response.usage.output_tokens) == (3, 5)


def test_what_a_generator_raises_is_described_and_keeps_the_text():
    def broken():
        yield "one "
        raise KeyError("engine")

    stream = wrap(broken())
    with pytest.raises(StreamInterruptedError, match="stream failed: KeyError: 'engine'") as failure:
        stream.result()
    assert stream.response.text == "one "
    assert failure.value.__cause__.__cause__ is None
    assert failure.value.__cause__.__context__ is None


def test_an_error_of_ours_passes_as_it_is():
    def broken():
        yield "one "
        raise ProviderError("no", kind="overloaded")

    with pytest.raises(StreamInterruptedError) as failure:
        wrap(broken()).result()
    assert failure.value.kind == "overloaded"


def test_leaving_an_endless_generator_closes_it_and_it_was_not_read_far_ahead():
    closed = threading.Event()
    made = itertools.count()

    def endless():
        try:
            while True:
                yield f"{next(made)} "
        finally:
            closed.set()

    for _ in wrap(endless()):
        break
    assert closed.wait(60)
    assert next(made) < 2000


def test_leaving_an_async_generator_closes_it():
    closed = []

    async def endless():
        try:
            while True:
                yield "a"
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    async def main():
        stream = wrap(endless())
        async for _ in stream:
            break
        await stream

    asyncio.run(main())
    assert closed == [True]


def test_a_stream_that_is_cancelled_before_it_was_read_closes_its_source():
    closed = []

    class Source:
        def __iter__(self):
            return iter(("never",))

        def close(self):
            closed.append(True)

    stream = wrap(Source())
    stream.cancel()
    assert stream.result().text == ""
    assert closed == [True]


def test_a_coroutine_that_is_never_awaited_is_closed_without_a_warning():
    async def ask():
        return iter(("never",))

    coroutine = ask()
    wrap(coroutine).cancel()
    assert coroutine.cr_frame is None


# --- what wrap takes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["text", b"text", {"a": 1}, 3, None, object()])
def test_what_is_no_stream_is_refused_at_once(source):
    with pytest.raises(UsageError, match="wrap takes the stream of a client"):
        wrap(source)


def test_a_whole_answer_is_refused_with_the_way_to_a_stream():
    with pytest.raises(UsageError, match="ask its client for a stream, with stream=True"):
        wrap(Dumped({}))


def test_items_that_are_no_chunks_are_refused_by_name():
    with pytest.raises(UsageError, match="a stream of int cannot be read"):
        wrap([1, 2]).result()


def test_a_stream_of_ours_is_given_back():
    stream = wrap(["a"])
    assert wrap(stream) is stream


def test_the_name_of_a_provider_of_ours_decides_how_a_stream_is_read():
    stream = wrap([{"response": "Hi", "done": True}], provider="ollama", model="tiny")
    assert stream.result().text == "Hi"
    assert next(iter(stream.events())) == Started("ollama", "tiny")


def test_any_other_name_is_what_the_stream_is_shown_under():
    response = wrap([chunk(content="Hi"), chunk("stop")], provider="gateway").result()
    assert response.metadata["provider"] == "gateway"
    unread = wrap(["Hi"], provider="gateway", model="m").response
    assert unread.metadata == {"provider": "gateway", "model": "m"}


def test_the_prompt_begins_the_conversation():
    response = wrap(["Hi"], prompt="Say hi").result()
    assert [(message.role, message.content) for message in response.messages] == [
        ("user", "Say hi"),
        ("assistant", "Hi"),
    ]


def test_an_iterator_that_gives_nothing_is_no_answer():
    with pytest.raises(streamcell.ProtocolError, match="no answer at all"):
        wrap(iter(())).result()


def test_show_takes_an_iterator(capsys):
    streamcell.show(iter(["Hel", "lo"]), display="text")
    assert "Hello" in capsys.readouterr().out


# --- in a notebook's cell, where a loop runs in this thread ------------------------------------------------


class BothColours:
    """Text in both colours, of which the asynchronous one belongs to the loop that read it first."""

    def __init__(self):
        self.read = []

    def __iter__(self):
        self.read.append("sync")
        return iter(("Hel", "lo"))

    async def __aiter__(self):
        self.read.append("async")
        yield "Hel"
        yield "lo"


class AsynchronousOnly:
    async def __aiter__(self):
        yield "Hel"
        yield "lo"


@pytest.mark.parametrize(
    "make",
    [BothColours, AsynchronousOnly, lambda: create_mock_stream("Hello", 2)],
    ids=["both", "async", "mock"],
)
def test_a_source_without_a_connection_is_read_and_shown_synchronously_in_a_cell(capsys, make):
    async def cell():
        assert wrap(make()).result().text == "Hello"
        assert streamcell.show(make(), display="text") is None

    asyncio.run(cell())
    assert "Hello" in capsys.readouterr().out


def test_a_source_of_both_colours_is_read_asynchronously_only_where_it_was_made():
    source = BothColours()

    async def cell():
        await wrap(source)
        wrap(source).result()

    asyncio.run(cell())
    wrap(source).result()
    assert source.read == ["async", "sync", "sync"]


@pytest.mark.parametrize("endpoint", HELPERS)
def test_an_open_async_stream_is_shown_when_that_is_awaited(capsys, endpoint):
    async def ask(clients):
        showing = streamcell.show(await clients.ask(endpoint, "Async"), display="text")
        assert "await show" in repr(showing)
        assert TEXT not in capsys.readouterr().out
        assert await showing is None

    read_here(Script.of(TEXT), ask)
    assert TEXT in capsys.readouterr().out


def test_a_wrapped_open_async_stream_is_shown_the_same_way_and_keeps_its_response(capsys):
    async def ask(clients):
        stream = wrap(await clients.ask("openai.chat", "Async"))
        await streamcell.show(stream, display="text")
        assert streamcell.show(stream, display="text") is None
        return stream.result()

    assert read_here(Script.of(TEXT), ask).text == TEXT
    assert capsys.readouterr().out.count(TEXT) == 2


def test_an_error_of_an_awaited_show_is_raised_after_the_partial_answer(capsys):
    async def ask(clients):
        with pytest.raises(StreamInterruptedError):
            await streamcell.show(await clients.ask("openai.chat", "Async"), display="text")

    read_here(Script.of(TEXT, fault=Fault("cut", after=3)), ask)
    assert "One two" in capsys.readouterr().out


def test_a_synchronous_read_of_an_open_async_stream_says_how_to_read_it():
    async def ask(clients):
        for read in (lambda stream: stream.result(), list):
            with pytest.raises(UsageError, match=r"`async for`, `await` or `await show\(…\)`"):
                read(wrap(await clients.ask("openai.chat", "Async")))

    read_here(Script.of(TEXT), ask)

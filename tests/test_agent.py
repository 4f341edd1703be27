"""From what the user says to a stream: options, defaults, the environment; against a loopback server."""

from __future__ import annotations

import asyncio
import math

import openai
import pytest

import streamcell
from streamcell import Agent, Timeouts, UsageError
from streamcell.agent import describe
from streamcell.core.script import Script
from streamcell.events import Usage
from streamcell.testing import Fault, VirtualClock, WireServer

ANSWER = Script.of("one two three", usage=Usage(3, 4))


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """No key, no provider, no address of the developer's own; nothing listens where an Ollama would."""
    for name in ("LLM_PROVIDER", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_MODEL", "OPENAI_BASE_URL", "ANTHROPIC_MODEL", "ANTHROPIC_BASE_URL", "DEMO_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.setenv("STREAMCELL_DEMO_PACE", "0")


@pytest.fixture
def server():
    with WireServer(ANSWER) as server:
        yield server


def agent_of(server, **options):
    return Agent("openai:m", base_url=f"{server.base_url}/v1", **options)


# Asking


def test_an_agent_streams_and_answers_whole_from_one_configuration(server):
    agent = agent_of(server)
    streamed, whole = agent.stream("Hi").result(), agent.run("Hi")
    awaited = asyncio.run(agent.arun("Hi"))
    assert streamed.text == whole.text == awaited.text == "one two three"
    assert (streamed.streamed, whole.streamed, awaited.streamed) == (True, False, False)
    assert [request.body.get("stream", False) for request in server.requests] == [True, False, False]
    assert (streamed.chunk_count, whole.chunk_count) == (3, 1)
    assert (whole.usage.output_tokens, whole.total_tokens) == (4, 7)


def test_the_seed_example_runs_as_written(server):
    async def main():
        response = streamcell.StreamingResponse()
        async for chunk in agent_of(server).stream("List the planets"):
            response.add_chunk(chunk)
        return response

    response = asyncio.run(main())
    assert (response.complete_text, response.chunk_count, response.total_tokens) == ("one two three", 3, 7)
    assert response.duration >= 0


def test_options_are_sent_as_said(server):
    agent_of(server, system="be kind", temperature=0.5, stop="END", extra={"seed": 7}).run("Hi")
    (request,) = server.requests
    system, user = request.body["messages"]
    assert (system["role"], system["content"], user["content"]) == ("system", "be kind", "Hi")
    assert (request.body["temperature"], request.body["stop"], request.body["seed"]) == (0.5, ["END"], 7)


def test_what_is_not_said_is_not_sent(server):
    agent_of(server).run("Hi")
    (request,) = server.requests
    assert set(request.body) <= {"model", "messages", "stream"}


def test_every_option_can_be_given_or_changed_or_taken_back_per_call(server):
    agent = agent_of(server, temperature=0.5, top_p=0.25)
    agent.run("Hi", temperature=1.0, top_p=None, max_tokens=9)
    agent.run("Hi")
    changed, default = (request.body for request in server.requests)
    assert changed["temperature"] == 1.0
    assert "top_p" not in changed
    assert 9 in (changed.get("max_tokens"), changed.get("max_completion_tokens"))
    assert (default["temperature"], default["top_p"]) == (0.5, 0.25)


def test_chunk_size_and_keeping_are_options_of_a_call(server):
    agent = agent_of(server, chunk_size=2)
    assert [chunk.content for chunk in agent.stream("Hi")] == ["one two", " three", ""]
    assert [chunk.content for chunk in agent.stream("Hi", chunk_size=10)] == ["one two three", ""]
    stream = agent.stream("Hi", keep=False)
    list(stream)
    with pytest.raises(UsageError):
        list(stream)


def test_a_budget_of_chunks_is_an_end_and_no_failure(server):
    response = agent_of(server).stream("Hi", max_output_chunks=2).result()
    assert (response.text, response.stop_reason) == ("one two", "length")


def test_every_chunk_says_provider_model_and_the_providers_word_for_it(server):
    chunk, *_ = agent_of(server).stream("Hi")
    assert chunk.metadata["provider"] == "openai"
    assert chunk.metadata["model"] == "m"
    assert chunk.metadata["event_type"]


def test_a_conversation_is_a_prompt_and_its_answer_the_next_ones_beginning(server):
    first = agent_of(server).run("Hi")
    agent_of(server).run([*first.messages, {"role": "user", "content": "And?"}])
    sent = [(message["role"], message["content"]) for message in server.requests[1].body["messages"]]
    assert sent == [("user", "Hi"), ("assistant", "one two three"), ("user", "And?")]


def test_a_clock_can_be_given(server):
    clock = VirtualClock(start=1000.0)
    assert agent_of(server, clock=clock).run("Hi").start_time == 1000.0


# Another to answer


def test_a_cut_stream_can_fall_back_to_the_blocking_call():
    with WireServer([Script.of("one two", fault=Fault("cut", after=1)), ANSWER]) as server:
        response = agent_of(server, fallback="blocking").stream("Hi").result()
        assert (response.text, response.metadata["before_fallback"]) == ("one two three", "one")
        assert [request.body.get("stream", False) for request in server.requests] == [True, False]


def test_a_failing_model_can_fall_back_to_another_which_brings_its_own_address():
    with WireServer(Script(fault=Fault("status", status=401))) as server:
        response = agent_of(server, fallback="demo:markdown").stream("Hi").result()
    assert (response.metadata["provider"], response.metadata["scripted"]) == ("demo", True)
    assert response.stop_reason == "stop"


def test_a_fallback_that_means_nothing_is_refused_before_anything_is_sent(server):
    with pytest.raises(UsageError, match="nonsense"):
        agent_of(server, fallback="nonsense:m").stream("Hi")
    assert server.requests == []


# Refused at once


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temprature": 1}, "unknown option 'temprature'; did you mean 'temperature'"),
        ({"chunksize": 1}, "did you mean 'chunk_size'"),
        ({"qqqq": 1}, "pass it as extra="),
        ({"retries": -1}, "retries must be a whole number of 0 or more, not -1"),
        ({"retries": None}, "retries must be a whole number"),
        ({"chunk_size": 0}, "chunk_size must be a whole number of 1 or more, not 0"),
        ({"chunk_size": 1.5}, "chunk_size must be a whole number"),
        ({"chunk_size": True}, "chunk_size must be a whole number of 1 or more, not True"),
        ({"retries": True}, "retries must be a whole number of 0 or more, not True"),
        ({"stop": ["a", 5]}, "stop takes a list of texts, not one with 5"),
        ({"fallback": ""}, "fallback takes a model or \"blocking\", not ''"),
        ({"max_cost": -1}, "max_cost must be a number of dollars, 0 or more, not -1"),
        ({"max_cost": math.nan}, "max_cost must be a number of dollars, 0 or more, not nan"),
        ({"timeouts": Timeouts(idle="x")}, "time-out 'idle' must be more than 0 seconds.*not 'x'"),
        ({"timeouts": Timeouts(total=True)}, "time-out 'total' must be more than 0 seconds.*not True"),
        ({"speed": True}, "speed must be a number of 0"),
        ({"max_output_chunks": 0}, "max_output_chunks must be a whole number of 1 or more, not 0"),
    ],
)
def test_a_wrong_option_is_refused_by_all_doors(options, says):
    with pytest.raises(UsageError, match=says):
        streamcell.stream("Hi", "demo", **options)
    with pytest.raises(UsageError, match=says):
        Agent("demo", **options)
    with pytest.raises(UsageError, match=says):
        Agent("demo").stream("Hi", **options)


def test_a_missing_key_is_named_before_anything_is_sent():
    agent = Agent("openai:m")
    with pytest.raises(UsageError, match="set OPENAI_API_KEY"):
        agent.stream("Hi")


def test_an_unknown_provider_is_refused():
    with pytest.raises(UsageError, match="openay"):
        Agent("openay:m")


def test_a_parameter_that_a_provider_does_not_take_is_refused():
    with pytest.raises(UsageError, match="anthropic does not take frequency_penalty"):
        streamcell.stream("Hi", "anthropic:m", api_key="placeholder", frequency_penalty=1.0)


def test_an_empty_prompt_is_refused():
    with pytest.raises(UsageError, match="prompt is empty"):
        Agent("demo").run(" ")


def test_no_timeouts_are_the_usual_ones(server):
    assert agent_of(server, timeouts=None).run("Hi").text == "one two three"
    assert agent_of(server, timeouts=Timeouts(connect=None, first=None, idle=None)).run("Hi").text


# Which model


def test_without_a_key_and_a_name_the_demo_answers_and_says_so():
    response = streamcell.stream("Hi").result()
    assert (response.metadata["provider"], response.metadata["scripted"]) == ("demo", True)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LLM_PROVIDER": "anthropic", "ANTHROPIC_MODEL": "a"}, "Agent(anthropic:a)"),
        ({"OPENAI_API_KEY": "placeholder", "OPENAI_MODEL": "o"}, "Agent(openai:o)"),
        ({"ANTHROPIC_API_KEY": "placeholder", "ANTHROPIC_MODEL": "a"}, "Agent(anthropic:a)"),
        ({"LLM_PROVIDER": "demo", "DEMO_MODEL": "json", "OPENAI_API_KEY": "placeholder"}, "Agent(demo:json)"),
    ],
)
def test_the_environment_names_the_model(environment, expected, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert repr(Agent()) == expected


def test_a_key_and_an_address_of_the_environment_are_used(monkeypatch, server):
    monkeypatch.setenv("OPENAI_API_KEY", "placeholder-of-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.base_url}/v1")
    Agent("openai:m").run("Hi")
    assert server.requests[0].headers["authorization"] == "Bearer placeholder-of-the-environment"


def test_a_key_given_to_the_call_goes_before(monkeypatch, server):
    monkeypatch.setenv("OPENAI_API_KEY", "placeholder-of-the-environment")
    agent_of(server, api_key="placeholder-of-the-agent").run("Hi", api_key="placeholder-of-the-call")
    assert server.requests[0].headers["authorization"] == "Bearer placeholder-of-the-call"


# What an agent says of itself


def test_an_agent_tells_its_provider_and_what_it_can():
    info = Agent("openai:m").get_provider_info()
    assert (info["name"], info["model"], info["supports_streaming"]) == ("openai", "m", True)
    assert "temperature" in info["parameters"]


def test_an_agent_has_a_name():
    assert Agent("demo").name == "demo"
    assert Agent("demo", name="writer").name == "writer"


def test_an_agent_can_be_closed(server):
    async def main():
        agent = agent_of(server)
        await agent.arun("Hi")
        await agent.aclose()

    asyncio.run(main())


def test_what_would_be_sent_can_be_seen_without_sending(server):
    address = f"{server.base_url}/v1"
    call, where = describe("Hi", "openai:m", {"base_url": address, "temperature": 0.5}, streamed=True)
    assert (call.body["model"], call.body["temperature"], where) == ("m", 0.5, address)
    assert server.requests == []


def test_a_client_or_an_address_without_a_model_decides_the_provider(monkeypatch):
    monkeypatch.delenv("LLM_PROVIDER", raising=False)
    with WireServer(Script.of("hello")) as server:
        address = f"{server.base_url}/v1"
        client = openai.AsyncOpenAI(api_key="unused", base_url=address)
        assert streamcell.stream("hi", client=client).result().metadata["provider"] == "openai"
        asked = streamcell.stream("hi", "my-local", base_url=address).result()
        assert (asked.metadata["provider"], asked.metadata["model"]) == ("openai", "my-local")


def test_what_the_scripted_demo_would_ignore_is_refused(monkeypatch):
    monkeypatch.delenv("LLM_PROVIDER", raising=False)
    for options in ({"api_key": "unused"}, {"client": object()}):
        with pytest.raises(streamcell.UsageError):
            streamcell.stream("hi", "demo", **options)
    with pytest.raises(streamcell.UsageError, match="needs a model"):
        streamcell.stream("hi", api_key="unused")


@pytest.mark.parametrize(
    "options",
    [
        {"timeouts": 30},
        {"timeouts": streamcell.Timeouts(first=-1)},
        {"stop": 5},
        {"extra": "x"},
        {"system": 5},
        {"temperature": "hot"},
        {"keep": "no"},
        {"on_error": "bogus"},
        {"clock": 5},
    ],
)
def test_an_option_of_the_wrong_kind_is_named_before_anything_is_sent(options):
    with pytest.raises(streamcell.UsageError, match=next(iter(options)).split("_")[0][:4]):
        streamcell.stream("hi", "demo", **options)

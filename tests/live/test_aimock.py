"""Our five dialects against a mock that others wrote: aimock, from npm, over real sockets.

It knows the providers by their documentation as we do, but its reading of it is not ours.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import streamcell
from streamcell import Agent, ProviderError, StreamInterruptedError
from streamcell.core.response import StreamingResponse
from streamcell.core.structure.schema import Schema
from streamcell.events import ReasoningDelta, Retrying, TextDelta, ToolCallDelta
from streamcell.testing import VirtualClock

FOLDER = Path(__file__).parent
COMMAND = FOLDER / "node_modules/.bin/llmock"
TEXT = "Grüße 👋 aus Köln, line one.\n\nLine **two**."
BASES = {"openai": "/v1", "openai-responses": "/v1", "anthropic": "", "gemini": "", "ollama": ""}
THINKERS = sorted(BASES.keys() - {"ollama"})  # to Ollama's dialect aimock writes no thinking
every_provider = pytest.mark.parametrize("provider", BASES)


@pytest.fixture(scope="module")
def aimock():
    """The address of a running aimock; installed first where it is missing."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("aimock needs Node.js and npm")
    if not COMMAND.exists():
        subprocess.run([npm, "ci"], cwd=FOLDER, check=True, capture_output=True, timeout=120)
    arguments = [
        COMMAND,
        "--port",
        "0",
        "--fixtures",
        FOLDER / "answers.json",
        "--chunk-size",
        "5",
        "--strict",
    ]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            said = []
            for line in server.stdout:
                said.append(line)
                if "listening on " in line:
                    break
            else:
                pytest.fail(f"aimock did not start: {''.join(said)}")
            yield line.rpartition("listening on ")[2].strip()
        finally:
            server.terminate()


def options(aimock, provider, **more):
    return {
        "base_url": aimock + BASES[provider],
        "api_key": "not-a-key",
        "clock": VirtualClock(),
        **more,
    }


def ask(aimock, provider, prompt, **more):
    return streamcell.stream(prompt, f"{provider}:m-1", **options(aimock, provider, **more))


def events(stream, kind):
    return [event for event in stream.ledger.events.read(0) if isinstance(event, kind)]


@every_provider
def test_text_is_streamed_in_pieces(aimock, provider):
    stream = ask(aimock, provider, "greet")
    assert stream.result().text == TEXT
    assert stream.response.stop_reason == "stop"
    assert len(events(stream, TextDelta)) > 5


@every_provider
def test_async_reading_gives_the_same(aimock, provider):
    async def read():
        return [chunk async for chunk in ask(aimock, provider, "greet")]

    *chunks, last = asyncio.run(read())
    assert "".join(chunk.content for chunk in chunks) == TEXT
    assert last.is_final


@every_provider
def test_parallel_tool_calls_come_whole(aimock, provider):
    stream = ask(aimock, provider, "weather")
    response = stream.result()
    assert [(call.name, call.arguments) for call in response.tool_calls] == [
        ("get_weather", {"city": "Köln", "days": 3}),
        ("get_time", {}),
    ]
    assert len({call.id for call in response.tool_calls}) == 2
    assert response.stop_reason == "tool_calls"
    assert events(stream, ToolCallDelta)


@pytest.mark.parametrize("provider", THINKERS)
def test_thinking_comes_apart_from_the_text(aimock, provider):
    stream = ask(aimock, provider, "think")
    response = stream.result()
    assert response.text == "It is 42."
    assert response.thinking == "Let me think about it. Six times seven."
    assert events(stream, ReasoningDelta)


@every_provider
def test_too_many_requests_are_tried_three_times(aimock, provider):
    stream = ask(aimock, provider, "too much")
    with pytest.raises(ProviderError, match=r"Slow down\.") as caught:
        stream.result()
    assert (caught.value.kind, caught.value.status, caught.value.attempts) == ("rate_limit", 429, 3)
    assert len(events(stream, Retrying)) == 2


@every_provider
def test_a_refused_key_is_told_at_once(aimock, provider):
    with pytest.raises(ProviderError, match=r"Not with this key\.") as caught:
        ask(aimock, provider, "forbidden").result()
    assert (caught.value.kind, caught.value.status, caught.value.attempts) == ("auth", 401, 1)


@every_provider
def test_a_prompt_nobody_wrote_an_answer_for_is_an_error(aimock, provider):
    with pytest.raises(ProviderError) as caught:
        ask(aimock, provider, "something else", retries=0).result()
    assert caught.value.status >= 400


@every_provider
def test_a_blocking_call_gives_the_same_answer(aimock, provider):
    agent = Agent(f"{provider}:m-1", **options(aimock, provider))
    response = agent.run("greet")
    assert (response.text, response.streamed, response.stop_reason) == (TEXT, False, "stop")
    calls = agent.run("weather").tool_calls
    assert [call.name for call in calls] == ["get_weather", "get_time"]


@every_provider
def test_a_conversation_is_understood(aimock, provider):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "greet"},
    ]
    assert ask(aimock, provider, messages).result().text == TEXT


# Tools: aimock finds the next answer by the results that it is told


def get_weather(city: str, days: int) -> str:
    return f"{city}: sunny for {days} days"


def get_time() -> str:
    return "12:34"


def with_tools(aimock, provider, *tools):
    return Agent(f"{provider}:m-1", tools=tools, approve="never", **options(aimock, provider))


@every_provider
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_two_tools_run_and_their_results_are_understood(aimock, provider, streamed):
    agent = with_tools(aimock, provider, get_weather, get_time)
    response = agent.stream("weather").result() if streamed else agent.run("weather")
    assert response.text == "Sunny at 12:34."
    assert [(result.name, result.content, result.error) for result in response.tool_results] == [
        ("get_weather", "Köln: sunny for 3 days", False),
        ("get_time", "12:34", False),
    ]
    assert [message.role for message in response.messages] == ["user", "assistant", "tool", "assistant"]
    assert (response.streamed, response.stop_reason) == (streamed, "stop")


@every_provider
def test_a_tool_that_fails_is_told(aimock, provider):
    def get_time() -> str:
        raise LookupError("no clock here")

    response = with_tools(aimock, provider, get_weather, get_time).stream("weather").result()
    assert response.text == "Sunny, some time."
    assert sorted(result.error for result in response.tool_results) == [False, True]


@every_provider
def test_a_result_leads_to_the_next_call_even_under_the_same_id(aimock, provider):
    ran = []

    def double(number: int) -> int:
        ran.append(number)
        return 2 * number

    response = with_tools(aimock, provider, double).stream("first step").result()
    assert ran == [2, 4]
    assert response.text == "It is 8."
    assert len({call.id for call in response.tool_calls}) == 2


# Structured output: the answers are fixed; OpenAI's dialect is asked for the format, too


@dataclass
class City:
    name: str
    people: int
    river: str | None = None


CITIES = [City("Köln", 1087353, "Rhein"), City("Ulm", 128928)]


@every_provider
def test_a_list_of_objects_grows_and_ends_as_asked(aimock, provider):
    stream = ask(aimock, provider, "two cities", schema=list[City])
    growing, rows = StreamingResponse(), []
    growing.schema = Schema(list[City])
    for chunk in stream:
        growing.add_chunk(chunk)
        rows.append(len(growing.parsed))
    assert stream.response.parsed == growing.parsed == CITIES
    assert rows == sorted(rows)
    assert {1, 2} <= set(rows)
    assert list(stream.response.to_frame()["people"]) == [1087353, 128928]


def test_the_format_is_asked_for_in_openais_words(aimock):
    assert ask(aimock, "openai", "one city, strictly", schema=City).result().parsed == CITIES[0]
    with pytest.raises(ProviderError):
        ask(aimock, "openai", "one city, strictly", retries=0).result()


@every_provider
def test_an_answer_that_does_not_fit_is_an_error_with_what_came(aimock, provider):
    with pytest.raises(StreamInterruptedError, match="people: expected an integer") as caught:
        ask(aimock, provider, "a wrong city", schema=City).result()
    assert caught.value.partial.parsed.name == "Köln"


@every_provider
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_what_is_said_behind_the_tools_is_the_value(aimock, provider, streamed):
    def count(name: str) -> int:
        return {"Köln": 1087353}[name]

    agent = with_tools(aimock, provider, count)
    response = (
        agent.stream("measure", schema=City).result() if streamed else agent.run("measure", schema=City)
    )
    assert response.parsed == City("Köln", 1087353)
    assert [result.content for result in response.tool_results] == ["1087353"]

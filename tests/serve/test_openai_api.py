"""The OpenAI-compatible route, used by OpenAI's own client."""

from __future__ import annotations

import httpx2
import openai
import pytest

from serving import frames
from streamcell.agent import Agent
from streamcell.core.script import Script, refusal_pieces, text_pieces, thinking_pieces
from streamcell.events import Finished, Usage
from streamcell.testing import Fault, WireServer

ASKED = [{"role": "user", "content": "hi"}]


@pytest.fixture
def official(served):
    """A function from models to OpenAI's client of a server that has them."""
    clients = []

    def open_client(models, **options):
        address = f"{served(models, **options)}/v1"
        clients.append(openai.OpenAI(base_url=address, api_key="none", max_retries=0))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


def test_the_official_client_streams(official, scripted, text):
    chunks = official([scripted(text)]).chat.completions.create(messages=ASKED, model="scripted", stream=True)
    read = list(chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in read) == text
    assert [chunk.choices[0].finish_reason for chunk in read[-2:]] == [None, "stop"]
    assert {chunk.model for chunk in read} == {"scripted"}


def test_the_official_client_gets_a_whole_answer(official, scripted, text):
    model = scripted(Script.of(text, usage=Usage(3, 5)))
    answer = official([model]).chat.completions.create(messages=ASKED, model="scripted")
    assert answer.choices[0].message.content == text
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        3,
        5,
        8,
    )


def test_usage_comes_last_when_it_is_asked_for(official, scripted):
    here = official([scripted(Script.of("x", usage=Usage(3, 5)))])
    asked = {"messages": ASKED, "model": "scripted", "stream": True}
    *chunks, last = here.chat.completions.create(**asked, stream_options={"include_usage": True})
    assert last.choices == []
    assert last.usage.total_tokens == 8
    assert all(chunk.usage is None for chunk in chunks)


def test_thinking_and_refusals_have_their_own_fields(official, scripted):
    pieces = (*thinking_pieces("hm"), *text_pieces("yes"), *refusal_pieces("no"))
    here = official([scripted(Script(pieces=pieces, stop="filter"))])
    answer = here.chat.completions.create(messages=ASKED, model="scripted").choices[0]
    assert (answer.message.reasoning_content, answer.message.content) == ("hm", "yes")
    assert answer.message.refusal == "no"
    chunks = list(here.chat.completions.create(messages=ASKED, model="scripted", stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(getattr(delta, "reasoning_content", "") or "" for delta in deltas) == "hm"
    assert "".join(delta.refusal or "" for delta in deltas) == "no"


@pytest.mark.parametrize(("stop", "finish"), [("length", "length"), ("filter", "content_filter")])
def test_the_reason_of_the_end_is_told(official, scripted, stop, finish):
    here = official([scripted(Script.of("x", stop=stop))])
    assert here.chat.completions.create(messages=ASKED, model="scripted").choices[0].finish_reason == finish


def test_options_reach_the_provider(official):
    with WireServer(Script.of("x")) as wire:
        here = official([Agent("openai:m", name="fast", base_url=f"{wire.base_url}/v1", system="Be brief.")])
        options = {"temperature": 0.5, "max_completion_tokens": 7, "stop": "END", "user": "u"}
        here.chat.completions.create(messages=ASKED, model="fast", **options)
        sent = wire.requests[0].body
    assert (sent["model"], sent["temperature"], sent["stop"]) == ("m", 0.5, ["END"])
    assert 7 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert "user" not in sent


def test_an_answer_in_a_schema_is_asked_for_in_it(official, scripted):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    here = official([scripted('{"a": 1}')])
    answer = here.chat.completions.create(messages=ASKED, model="scripted", response_format=wanted)
    assert answer.choices[0].message.content == '{"a": 1}'
    with pytest.raises(openai.BadRequestError, match="response_format is of the type"):
        here.chat.completions.create(messages=ASKED, model="scripted", response_format={"type": "x"})


@pytest.mark.parametrize(
    ("status", "told"),
    [(429, openai.RateLimitError), (400, openai.BadRequestError), (401, openai.InternalServerError)],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_failure_before_the_answer_has_a_status(official, scripted, status, told, streamed):
    here = official([scripted(Script(fault=Fault("status", status=status, message="so it is")))])
    with pytest.raises(told, match="so it is"):
        here.chat.completions.create(messages=ASKED, model="scripted", stream=streamed)


def test_a_failure_in_the_answer_ends_it_with_an_error(official, scripted, text):
    here = official([scripted(Script.of(text, fault=Fault("error", after=3, message="so it is")))])
    chunks = here.chat.completions.create(messages=ASKED, model="scripted", stream=True)
    read = []
    with pytest.raises(openai.APIError, match="so it is"):
        read.extend(chunk.choices[0].delta.content for chunk in chunks)
    with pytest.raises(openai.InternalServerError, match="so it is"):
        here.chat.completions.create(messages=ASKED, model="scripted")


def test_a_caller_who_leaves_stops_the_run(official, endless):
    here = official([endless])
    with here.chat.completions.create(messages=ASKED, model="endless", stream=True) as chunks:
        next(iter(chunks))
        identity = chunks.response.headers["x-stream-id"]
    rest = here.get(f"/streams/{identity}", cast_to=httpx2.Response)
    assert frames(rest.text)[-1].data == Finished("cancelled")


def test_the_models_are_listed(official, scripted):
    here = official([scripted("x", name="fast"), scripted("y", name="deep")])
    assert [model.id for model in here.models.list()] == ["fast", "deep"]
    answer = here.chat.completions.create(messages=ASKED, model="deep")
    assert answer.choices[0].message.content == "y"
    with pytest.raises(openai.NotFoundError, match="choose from: fast, deep"):
        here.chat.completions.create(messages=ASKED, model="gpt-5")

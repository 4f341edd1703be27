"""A canary key, given by hand or by the environment, is in nothing that comes out."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import pytest

import streamcell
from streamcell import Agent, StreamcellError, UsageError
from streamcell.agent import describe
from streamcell.core.script import Script
from streamcell.testing import Fault, WireServer

CANARY = "canary-" + "fedcba9876543210"


@pytest.fixture(params=["api_key", "environment"])
def given(request, monkeypatch):
    """How the key is given: the options to add to a call."""
    for name in ("LLM_PROVIDER", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    if request.param == "environment":
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        return {}
    return {"api_key": CANARY}


def agent_of(server, given, monkeypatch):
    """An agent that sends the key to `server`."""
    if given:
        return Agent("openai:m", base_url=f"{server.base_url}/v1", retries=0, **given)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.base_url}/v1")
    return Agent("openai:m", retries=0)


def printed(value):
    """The value as a debugger prints it, also when it was never finished."""
    try:
        return repr(value)
    except AttributeError:
        return repr(getattr(value, "__dict__", ""))


def shown(error):
    """Everything a traceback with local variables prints, the frames of these tests left out."""
    told, waiting = [str(error), repr(error), repr(vars(error))], [error]
    while waiting:
        link = waiting.pop()
        told += [repr(link), str(link)]
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if "streamcell" in frame.f_globals.get("__name__", ""):
                told += [printed(value) for value in frame.f_locals.values()]
        waiting += [other for other in (link.__cause__, link.__context__) if other is not None]
    return "\n".join(told)


FAILURES = {
    "echoed in an error": Script(fault=Fault("status", status=401, message=f"bad key {CANARY}", code=CANARY)),
    "echoed in a stream": Script.of("one two", fault=Fault("error", after=1, message=f"bad key {CANARY}")),
    "echoed in place of an answer": Script(fault=Fault("json_error", message=f"bad key {CANARY}")),
    "cut": Script.of("one two", fault=Fault("cut", after=1)),
    "redirect": Script(fault=Fault("redirect", headers={"location": "http://x.example/moved"})),
    "closed": Script(fault=Fault("close")),
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("read", [lambda stream: stream.result(), list], ids=["result", "for"])
def test_no_failure_shows_the_key(answer, read, given, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    with WireServer(answer) as server:
        stream = agent_of(server, given, monkeypatch).stream("Hi")
        with pytest.raises(StreamcellError) as caught:
            read(stream)
        assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in shown(caught.value)
    assert CANARY not in repr(caught.value.info())
    assert CANARY not in repr(list(stream.events()))
    assert CANARY not in str(stream.response._repr_mimebundle_())
    assert CANARY.encode() not in pickle.dumps(caught.value)
    assert CANARY not in caplog.text


def test_no_answer_shows_the_key(given, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    with WireServer(Script.of("one two")) as server:
        agent = agent_of(server, given, monkeypatch)
        stream = agent.stream("Hi")
        response = stream.result()
        assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
    assert caplog.records
    assert CANARY not in caplog.text
    told = [
        agent,
        stream,
        response,
        response.metadata,
        response.messages,
        agent.get_provider_info(),
        vars(agent),
    ]
    assert CANARY not in repr(told)
    assert CANARY not in repr([vars(chunk_holder) for chunk_holder in (response, stream, stream._producer)])
    assert CANARY.encode() not in pickle.dumps(response)


CALLS = {
    "unknown option": ("openai:m", {"temprature": 1}),
    "unknown provider": ("openay:m", {}),
    "bad address": ("openai:m", {"base_url": "ftp://x.example"}),
    "unsafe address": ("openai:m", {"base_url": "http://x.example/v1"}),
    "bad number": ("openai:m", {"retries": -1}),
    "bad fallback": ("openai:m", {"fallback": "nonsense:m"}),
    "parameter not taken": ("anthropic:m", {"frequency_penalty": 1.0}),
}


@pytest.mark.parametrize(("model", "options"), CALLS.values(), ids=CALLS)
def test_no_call_that_is_refused_shows_the_key_even_with_local_variables(model, options, given):
    with pytest.raises(UsageError) as caught:
        streamcell.stream("Hi", model, **options, **given)
    assert CANARY not in shown(caught.value)
    with pytest.raises(UsageError) as caught:
        Agent(model, **options, **given).stream("Hi")
    assert CANARY not in shown(caught.value)


def test_a_key_that_no_header_takes_is_not_shown_either():
    with pytest.raises(UsageError) as caught:
        streamcell.stream("Hi", "openai:m", api_key=f"{CANARY}\u00e9")
    assert CANARY not in shown(caught.value)


def test_a_dry_run_shows_no_key(given):
    assert CANARY not in repr(describe("Hi", "openai:m", {**given}, streamed=True))


def test_an_agent_with_a_key_is_not_pickled(given):
    agent = Agent("openai:m", **given)
    if given:
        with pytest.raises(UsageError, match="cannot be pickled"):
            pickle.dumps(agent)
        assert CANARY not in repr(vars(copy.deepcopy(agent)))
    else:
        assert CANARY.encode() not in pickle.dumps(agent)

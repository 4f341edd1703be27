"""Who answers in a chat: agents side by side, or a function."""

from __future__ import annotations

import pytest

from chatting import Page, echo
from streamcell import Agent, UsageError
from streamcell.core.chat_protocol import Send
from streamcell.core.script import Script
from streamcell.notebook.answering import answering
from streamcell.notebook.wanted import of_python
from streamcell.testing import WireServer


def test_the_usual_model_comes_first_and_each_is_offered_once():
    who = answering("demo", models=["demo:json", "demo:markdown"])
    assert who.models == ["demo:markdown", "demo:json"]
    assert who.named("") == "demo:markdown"
    assert who.named("demo/json") == "demo:json"
    assert answering(None, models=["demo:json"]).models == ["demo:json"]


@pytest.mark.parametrize("who", [answering("demo"), answering(echo)])
def test_what_is_not_offered_is_refused(who):
    with pytest.raises(UsageError):
        who.named("demo:code")


def test_another_model_of_the_same_provider_keeps_the_agents_address_and_key():
    with WireServer(Script.of("Fine.")) as server:
        agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test", temperature=0.5)
        page = Page(answering(agent, models=["openai:other"]))
        page.say(Send("t1", "Hi", model="openai:other"))
        (request,) = server.requests
    assert (request.body["model"], request.body["temperature"]) == ("other", 0.5)


def test_a_model_of_another_provider_gets_neither():
    agent = Agent("openai:m", base_url="http://127.0.0.1:9/v1", api_key="test")
    other = agent.with_model("demo:json")
    assert other.stream("Hi").result().stop_reason == "stop"


def test_the_system_prompt_of_the_chat_goes_over_the_agents():
    with WireServer(Script.of("Fine.")) as server:
        agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test", system="Old")
        page = Page(answering(agent, system="New"))
        page.session.ask(of_python("Hi")).result()
        (request,) = server.requests
    assert [message["content"] for message in request.body["messages"]] == ["New", "Hi"]

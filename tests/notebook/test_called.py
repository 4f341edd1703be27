"""Functions of the user's as the ones who answer: whatever they give is a stream."""

from __future__ import annotations

import asyncio
import threading

import pytest

from chatting import Page
from streamcell import Agent, UsageError, stream, tool
from streamcell.core.conversation import Conversation
from streamcell.core.protocol import Decide
from streamcell.core.script import Script, text_pieces, tool_pieces
from streamcell.events import ApprovalRequest
from streamcell.messages import ImagePart, Message
from streamcell.notebook.wanted import of_python
from streamcell.testing import WireServer


def sync_text(message, _history):
    return f"{message}!"


async def async_text(message, _history):
    await asyncio.sleep(0)
    return f"{message}!"


def sync_pieces(message, _history):
    yield message
    yield "!"


async def async_pieces(message, _history):
    yield message
    yield "!"


class Caller:
    async def __call__(self, message, _history):
        return f"{message}!"


def sdk_chunks(message, _history):
    for text in (message, "!"):
        yield {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]}
    yield {
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    }


def asked(function, *prompts, conversation=None):
    page = Page(function, conversation=conversation)
    return [page.session.ask(of_python(prompt)).result() for prompt in prompts]


@pytest.mark.parametrize("function", [sync_text, async_text, sync_pieces, async_pieces, Caller(), sdk_chunks])
def test_text_and_iterators_of_either_colour_are_answers(function):
    (response,) = asked(function, "Hi")
    assert (response.text, response.stop_reason) == ("Hi!", "stop")


def test_a_stream_is_shown_as_it_comes_and_a_whole_answer_whole():
    with WireServer(Script.of("An answer.")) as server:
        agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test")
        streamed, whole = (
            asked(function, "Hi")[0] for function in (lambda m, _: agent.stream(m), lambda m, _: agent.run(m))
        )
    assert streamed.text == whole.text == "An answer."
    assert streamed.metadata["model"] == "m"


def test_the_history_is_what_chat_clients_take():
    told = []

    def listen(message, history):
        told.append((message, history))
        return "Yes."

    asked(listen, "One?", "Two?", conversation=Conversation("Be brief."))
    system = {"role": "system", "content": "Be brief."}
    assert told == [
        ("One?", [system]),
        ("Two?", [system, {"role": "user", "content": "One?"}, {"role": "assistant", "content": "Yes."}]),
    ]


def test_a_slow_function_runs_beside_the_loop_that_feeds_other_streams():
    may_end = threading.Event()

    def slow(_message, _history):
        may_end.wait()
        return "done"

    page = Page(slow)
    answer = page.session.ask(of_python("Hi"))
    assert stream("Hi", "demo").result().text
    assert not answer.finished
    may_end.set()
    assert answer.result().text == "done"


def test_what_a_function_raises_is_the_end_of_its_answer():
    def broken(_message, _history):
        raise ValueError("no such thing")

    page = Page(broken)
    answer = page.session.ask(of_python("Hi"))
    page.wait()
    assert answer.response.stop_reason == "error"
    assert "no such thing" in answer.response.error.message


@pytest.mark.parametrize("given", [None, 3, b"bytes", {"a": 1}])
def test_what_is_no_answer_is_said_so(given):
    page = Page(lambda _message, _history: given)
    answer = page.session.ask(of_python("Hi"))
    page.wait()
    assert answer.response.error.kind == "usage"
    assert type(given).__name__ in answer.response.error.message


def test_a_function_is_not_given_images():
    page = Page(sync_text)
    with pytest.raises(UsageError, match="text alone"):
        page.session.ask(of_python(Message("user", ["Look", ImagePart(b"\x89PNG\r\n\x1a\n", "image/png")])))
    assert page.threads[-1].turns == []


def test_consent_reaches_the_tools_of_the_stream_that_a_function_gives():
    wrote = []

    @tool(approve="always")
    def write(path: str) -> str:
        """Write a file."""
        wrote.append(path)
        return "written"

    call = Script(
        pieces=tool_pieces(1, "write", arguments={"path": "a.txt"}, identity="c1"), stop="tool_calls"
    )
    with WireServer([call, Script(pieces=text_pieces("Done."))]) as server:
        agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test", tools=[write])
        page = Page(lambda message, _history: agent.stream(message))
        page.session.attach()
        answer = page.session.ask(of_python("Go"))
        for event in answer.events():
            if isinstance(event, ApprovalRequest):
                message = Decide("1", event.id, event.digest, approved=True)
                page.session.state.run("1").receive(message, 0.0)
    assert (wrote, answer.response.text) == (["a.txt"], "Done.")


def test_cancelling_ends_the_stream_that_a_function_gives():
    inner = []

    def relayed(message, _history):
        inner.append(stream(message, "demo:slow"))
        return inner[0]

    page = Page(relayed)
    answer = page.session.ask(of_python("Hi"))
    for _ in answer.events():
        page.session.stop()
    assert answer.response.stop_reason == "cancelled"
    for _ in inner[0].events():
        pass
    assert inner[0].response.stop_reason == "cancelled"

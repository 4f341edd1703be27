"""Consent to the calls of tools: asked on standard input, and answered by a page."""

from __future__ import annotations

import asyncio

import pytest

from streamcell import Agent, UsageError
from streamcell.core.protocol import Decide
from streamcell.core.script import Script, text_pieces, tool_pieces
from streamcell.events import ApprovalRequest, ApprovalResult
from streamcell.notebook import consent
from streamcell.notebook.cell import Cell
from streamcell.notebook.display import TerminalDisplay
from streamcell.testing import WireServer

CALL = Script(pieces=tool_pieces(1, "write", arguments={"path": "a.txt"}, identity="c1"), stop="tool_calls")
DONE = Script(pieces=text_pieces("Done."))


@pytest.fixture
def wrote():
    return []


@pytest.fixture
def stream(wrote):
    def write(path: str) -> str:
        wrote.append(path)
        return "written"

    with WireServer([CALL, DONE]) as server:
        yield Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test", tools=[write]).stream("go")


@pytest.fixture
def typed(monkeypatch):
    """What the user types, question by question; and the questions asked."""
    answers, questions = [], []

    def ask(question):
        questions.append(question)
        return answers.pop(0)

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr(consent, "can_ask", lambda _shell: True)
    return answers, questions


def run(stream, display=None):
    cell = Cell(stream, display or TerminalDisplay(plain=True), number=1, model="m", leave=lambda _r: None)
    cell.begin()
    cell.wait()
    return stream.response


@pytest.mark.parametrize(
    ("answer", "runs"), [("y", True), ("yes", True), ("a", True), ("n", False), ("", False)]
)
def test_a_call_runs_when_the_user_types_yes(stream, wrote, typed, answer, runs):
    typed[0].append(answer)
    assert run(stream).text == "Done."
    assert wrote == (["a.txt"] if runs else [])
    assert "write" in typed[1][0]
    assert '"path": "a.txt"' in typed[1][0]


def test_where_nobody_can_type_nothing_is_sent(stream, monkeypatch):
    monkeypatch.setattr(consent, "can_ask", lambda _shell: False)
    run(stream)
    with pytest.raises(UsageError, match="approve="):
        stream.result()


def test_control_characters_of_a_call_do_not_reach_the_question(wrote, typed):
    def write(path: str) -> None:
        wrote.append(path)

    calls = tool_pieces(1, "write", arguments={"path": "a\x1b[2Jb"}, identity="c1")
    typed[0].append("n")
    with WireServer([Script(pieces=calls, stop="tool_calls"), DONE]) as server:
        run(Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test", tools=[write]).stream("go"))
    assert "\x1b" not in typed[1][0]


# A page


def asked_by_page(stream, decide):
    """The stream run to its end; `decide(request)` gives the messages with which the page answers."""
    heard = []

    async def main():
        stream.approvals.attach()
        stream.start()
        async for event in stream.events():
            if isinstance(event, ApprovalRequest):
                heard.extend(stream.decide(message) for message in decide(event))
        return await stream

    return asyncio.run(main()), heard


def answer(request, **changes):
    fields = {"run": "1", "id": request.id, "digest": request.digest, "approved": True}
    return Decide(**{**fields, **changes})


def test_a_page_consents_to_what_it_was_shown(stream, wrote):
    response, heard = asked_by_page(stream, lambda request: [answer(request)])
    assert (response.text, wrote, heard) == ("Done.", ["a.txt"], [True])


def test_a_page_cannot_consent_to_anything_else(stream, wrote):
    def decide(request):
        yield answer(request, digest="0" * 32)
        yield answer(request, id="other")
        yield answer(request, approved=False)
        yield answer(request)

    response, heard = asked_by_page(stream, decide)
    assert heard == [False, False, True, False]
    assert wrote == []
    assert response.tool_results[0].error


def test_a_consent_before_the_question_is_none(stream, wrote):
    early = Decide("1", "c1", "0" * 32, approved=True)
    assert not stream.decide(early)
    asked_by_page(stream, lambda request: [answer(request, approved=False)])
    assert wrote == []


def test_always_holds_for_this_tool_of_this_agent(wrote):
    def write(path: str) -> str:
        wrote.append(path)
        return "written"

    def erase(path: str) -> str:
        wrote.append(f"erased {path}")
        return "erased"

    erasing = Script(
        pieces=tool_pieces(1, "erase", arguments={"path": "b"}, identity="c1"), stop="tool_calls"
    )
    with WireServer([CALL, DONE, CALL, DONE, erasing, DONE]) as server:
        agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test", tools=[write, erase])
        asked_by_page(agent.stream("one"), lambda request: [answer(request, always=True)])
        _, heard = asked_by_page(agent.stream("two"), lambda request: [answer(request, approved=False)])
        assert (wrote, heard) == (["a.txt", "a.txt"], [])
        asked_by_page(agent.stream("three"), lambda request: [answer(request, approved=False)])
    assert wrote == ["a.txt", "a.txt"]


def test_the_question_and_the_answer_are_events_of_the_run(stream):
    response, _ = asked_by_page(stream, lambda request: [answer(request)])
    kinds = [type(event) for event in stream.events()]
    assert kinds.index(ApprovalRequest) < kinds.index(ApprovalResult)
    assert response.stop_reason == "stop"


def test_stopping_while_the_user_is_asked_runs_nothing(stream, wrote):
    def stop(_request):
        stream.cancel()
        return []

    asked_by_page(stream, stop)
    assert wrote == []
    assert stream.response.stop_reason == "cancelled"

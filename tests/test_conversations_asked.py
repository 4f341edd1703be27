"""Conversations over a real wire: what the next question carries, and when an answer is remembered."""

from __future__ import annotations

import asyncio

import pytest

import streamcell
from streamcell import Agent, Conversation, StreamcellError, UsageError
from streamcell.events import TextDelta
from streamcell.testing import Fault, Script, WireServer

CUT = Script(pieces=(TextDelta("One "), TextDelta("two.")), fault=Fault("cut", after=1))


def serving(*answers):
    return WireServer([Script.of(answer) if isinstance(answer, str) else answer for answer in answers])


def in_small_letters(*request):
    _, _, body = request
    return Script.of(body["messages"][-1]["content"].lower())


def ask(server, prompt, conversation, **options):
    where = {"base_url": f"{server.base_url}/v1", "api_key": "unused", "retries": 0, "on_error": "keep"}
    return streamcell.stream(prompt, "openai:gpt-5-mini", conversation=conversation, **{**where, **options})


def sent(server, number=-1):
    return [(turn["role"], turn["content"]) for turn in server.requests[number].body["messages"]]


def test_the_second_question_carries_the_first_turn():
    conversation = Conversation("Be brief.")
    with serving("Deoxyribonucleic acid.", "Ribonucleic acid.") as server:
        ask(server, "DNA?", conversation).result()
        ask(server, "RNA?", conversation).result()
        assert sent(server) == [
            ("system", "Be brief."),
            ("user", "DNA?"),
            ("assistant", "Deoxyribonucleic acid."),
            ("user", "RNA?"),
        ]
    assert [turn.answer for turn in conversation] == ["Deoxyribonucleic acid.", "Ribonucleic acid."]
    assert conversation[0].model == "openai:gpt-5-mini"


def test_the_system_prompt_of_one_call_goes_before_that_of_the_conversation():
    conversation = Conversation("Be brief.")
    with serving("a", "b") as server:
        ask(server, "A?", conversation, system="Be long.").result()
        assert sent(server)[0] == ("system", "Be long.")
        ask(server, "B?", conversation).result()
        assert sent(server)[0] == ("system", "Be brief.")


@pytest.mark.parametrize("read", ["run", "arun", "stream"])
def test_an_agent_remembers_whatever_way_it_is_asked(read):
    conversation = Conversation()
    with serving("first", "second") as server:
        agent = Agent(
            "openai:gpt-5-mini",
            base_url=f"{server.base_url}/v1",
            api_key="unused",
            conversation=conversation,
        )
        for prompt in ("One?", "Two?"):
            match read:
                case "run":
                    agent.run(prompt)
                case "arun":
                    asyncio.run(agent.arun(prompt))
                case "stream":
                    assert [chunk.is_final for chunk in agent.stream(prompt)][-1]
        assert sent(server) == [("user", "One?"), ("assistant", "first"), ("user", "Two?")]
    assert [turn.answer for turn in conversation] == ["first", "second"]


def test_a_cut_answer_is_remembered_and_marked():
    conversation = Conversation()
    with serving(CUT) as server:
        ask(server, "Count", conversation).result()
    assert [(turn.answer, turn.stop_reason, turn.cut) for turn in conversation] == [
        ("One ", "truncated", True)
    ]


def test_the_rest_of_a_cut_answer_takes_its_place():
    conversation = Conversation()
    with serving(CUT, "two, three.") as server:
        ask(server, "Count", conversation).result().continue_().result()
    assert [(turn.question, turn.answer, turn.cut) for turn in conversation] == [
        ("Count", "One two, three.", False)
    ]


def test_a_failure_without_content_leaves_no_turn():
    conversation = Conversation()
    refusing = serving(Script.of("x", fault=Fault("status", status=400)))
    with refusing as server, pytest.raises(StreamcellError):
        ask(server, "Hi", conversation, on_error="raise").result()
    assert len(conversation) == 0


def test_a_stream_that_is_stopped_before_it_is_read_leaves_no_turn():
    conversation = Conversation()
    with serving("x") as server:
        stream = ask(server, "Hi", conversation)
        stream.cancel()
        stream.result()
        assert server.requests == []
    assert len(conversation) == 0


def test_questions_at_the_same_time_stand_in_the_order_of_asking():
    conversation = Conversation()
    with WireServer(in_small_letters) as server:
        first, second = (ask(server, text, conversation) for text in ("A", "B"))
        second.result()
        assert [turn.question for turn in conversation] == ["B"]
        first.result()
        assert sent(server) == [("user", "A")]
    assert [(turn.question, turn.answer) for turn in conversation] == [("A", "a"), ("B", "b")]


def test_an_edited_question_is_asked_with_the_conversation_s_own_messages():
    conversation = Conversation()
    with serving("a", "b", "c") as server:
        ask(server, "A?", conversation).result()
        ask(server, "B?", conversation).result()
        conversation.edit(1, "C?")
        ask(server, conversation.messages, conversation).result()
        assert sent(server) == [("user", "A?"), ("assistant", "a"), ("user", "C?")]
    assert [turn.answer for turn in conversation.branches(1)] == ["b", "c"]


def test_the_model_that_stands_in_is_asked_with_the_same_history():
    conversation = Conversation()
    with serving("a", Script.of("x", fault=Fault("status", status=400)), "b") as server:
        ask(server, "A?", conversation).result()
        ask(server, "B?", conversation, fallback="blocking").result()
        assert sent(server) == [("user", "A?"), ("assistant", "a"), ("user", "B?")]
    assert [turn.answer for turn in conversation] == ["a", "b"]


def test_what_is_no_conversation_is_refused():
    with pytest.raises(UsageError, match="not str"):
        streamcell.stream("Hi", "demo", conversation="dna")
    with pytest.raises(UsageError, match="keep=False"):
        streamcell.stream("Hi", "demo", conversation=Conversation(), keep=False)

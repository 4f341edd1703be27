"""A model and its tools as one run, over a loopback server in all five wire formats."""

from __future__ import annotations

import asyncio
import threading

import pytest

import streamcell
from streamcell import Agent, LimitExceeded, StreamInterruptedError, UsageError, tool
from streamcell.core.script import Script, text_pieces, tool_pieces
from streamcell.events import ApprovalResult, Finished, Started, ToolCall, ToolResult, Usage
from streamcell.messages import ToolCallPart, ToolResultPart
from streamcell.testing import Fault, WireServer
from wires import WIRES

ASKED, SAID = Usage(10, 5), Usage(20, 7)


def asking(*calls, before="", usage=ASKED):
    """A turn that says `before` and makes `calls`: (id, name, arguments)."""
    pieces = text_pieces(before)
    for part, (identity, name, arguments) in enumerate(calls, 1):
        pieces += tool_pieces(part, name, arguments=arguments, identity=identity)
    return Script(pieces=pieces, stop="tool_calls", usage=usage)


def saying(text, usage=SAID):
    return Script.of(text, usage=usage)


def agent_of(server, *tools, provider="openai", approve="never", **options):
    return Agent(
        f"{provider}:m",
        base_url=f"{server.base_url}{WIRES[provider].base}",
        api_key="test",
        tools=tools,
        approve=approve,
        **options,
    )


def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


@pytest.mark.parametrize("provider", WIRES)
@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_a_tool_is_called_and_the_model_told_in_every_dialect(provider, streamed):
    turns = [asking(("c1", "add", {"a": 2, "b": 3}), before="Let me add."), saying("It is 5.")]
    with WireServer(turns) as server:
        agent = agent_of(server, add, provider=provider)
        response = agent.stream("2+3?").result() if streamed else agent.run("2+3?")
        assert len(server.requests) == 2
    assert response.text == "Let me add.It is 5."
    assert [(call.name, call.arguments) for call in response.tool_calls] == [("add", {"a": 2, "b": 3})]
    assert [(result.content, result.error) for result in response.tool_results] == [("5", False)]
    assert response.stop_reason == "stop"
    assert [message.role for message in response.messages] == ["user", "assistant", "tool", "assistant"]
    assert (response.usage.input_tokens, response.usage.output_tokens) == (30, 12)


def test_the_turns_are_one_sequence_of_events():
    with WireServer([asking(("c1", "add", {"a": 2, "b": 3})), saying("5")]) as server:
        events = list(agent_of(server, add).stream("2+3?").events())
    kinds = [type(event) for event in events]
    assert kinds.count(Started) == 2
    assert kinds.index(ToolCall) < kinds.index(ToolResult) < len(kinds) - kinds[::-1].index(Started)
    assert kinds.count(Finished) == 1
    assert kinds[-1] is Finished


def test_the_model_is_told_what_it_called_and_what_came_of_it():
    with WireServer([asking(("c1", "add", {"a": 2, "b": 3})), saying("5")]) as server:
        agent_of(server, add).stream("2+3?").result()
        told = server.requests[1].body["messages"]
    assert told[-2]["tool_calls"][0]["id"] == told[-1]["tool_call_id"] == "c1"
    assert told[-1]["content"] == "5"


def test_two_slow_tools_run_at_the_same_time():
    meeting = threading.Barrier(2, timeout=20)

    def wait(name: str) -> str:
        meeting.wait()
        return name

    turn = asking(("1", "wait", {"name": "a"}), ("2", "wait", {"name": "b"}))
    with WireServer([turn, saying("both")]) as server:
        response = agent_of(server, wait).stream("go").result()
    assert sorted(result.content for result in response.tool_results) == ["a", "b"]


def test_async_tools_run_beside_each_other_on_the_loop_of_the_run():
    async def main():
        met = asyncio.Barrier(2)

        async def wait(name: str) -> str:
            await met.wait()
            return name

        turn = asking(("1", "wait", {"name": "a"}), ("2", "wait", {"name": "b"}))
        with WireServer([turn, saying("both")]) as server:
            return await agent_of(server, wait).stream("go")

    assert [result.error for result in asyncio.run(main()).tool_results] == [False, False]


def test_a_tool_that_hangs_is_told_to_the_model_and_does_not_hold_up_the_program():
    released = threading.Event()

    @tool(timeout=0.05)
    def hang() -> None:
        released.wait()

    with WireServer([asking(("1", "hang", {})), saying("ok")]) as server:
        response = agent_of(server, hang).stream("go").result()
    released.set()
    assert response.text == "ok"
    assert [(r.content, r.error) for r in response.tool_results] == [
        ("hang gave no result within 0.05 s", True)
    ]


def test_a_tool_that_raises_reaches_the_model():
    def divide(a: int, b: int) -> float:
        return a / b

    with WireServer([asking(("1", "divide", {"a": 1, "b": 0})), saying("no")]) as server:
        response = agent_of(server, divide).stream("1/0").result()
        told = server.requests[1].body["messages"][-1]["content"]
    assert "division by zero" in told
    assert response.tool_results[0].error


def test_arguments_that_do_not_fit_run_nothing():
    ran = []

    def note(text: str) -> None:
        ran.append(text)

    turns = [asking(("1", "note", {"text": 5}), ("2", "note", {}), ("3", "unknown", {})), saying("sorry")]
    with WireServer(turns) as server:
        response = agent_of(server, note).stream("go").result()
    assert ran == []
    assert [result.error for result in response.tool_results] == [True, True, True]
    assert response.text == "sorry"


def test_what_a_tool_prints_is_kept_with_its_result(capsys):
    def speak(word: str) -> str:
        print(word)  # noqa: T201 - what is kept
        return "said"

    turn = asking(("1", "speak", {"word": "one"}), ("2", "speak", {"word": "two"}))
    with WireServer([turn, saying("done")]) as server:
        response = agent_of(server, speak).stream("go").result()
    assert {result.id: result.printed for result in response.tool_results} == {"1": "one\n", "2": "two\n"}
    assert capsys.readouterr().out == ""


def test_a_call_that_was_cut_never_runs():
    ran = []

    def fire() -> None:
        ran.append(1)

    pieces = (*tool_pieces(1, "fire", arguments={}, identity="1"), *text_pieces("and then more text"))
    for cut in (Script(pieces=pieces, stop="length"), Script(pieces=pieces, fault=Fault("cut", after=4))):
        with WireServer([cut, saying("never")]) as server:
            agent_of(server, fire, on_error="keep", retries=0).stream("go").result()
            assert len(server.requests) == 1
    assert ran == []


def test_a_call_that_is_repeated_runs_once():
    ran = []

    def count(n: int) -> int:
        ran.append(n)
        return n

    same = ("1", "count", {"n": 1})
    with WireServer([asking(same, same), saying("ok")]) as server:
        response = agent_of(server, count).stream("go").result()
    assert ran == [1]
    assert len({call.id for call in response.tool_calls}) == len(response.tool_calls)
    assert len(response.tool_results) == len(response.tool_calls)


def test_ids_that_a_server_counts_anew_in_each_turn_stay_apart():
    turns = [
        asking(("call_0", "add", {"a": 1, "b": 1})),
        asking(("call_0", "add", {"a": 2, "b": 2})),
        saying("4"),
    ]
    with WireServer(turns) as server:
        response = agent_of(server, add).stream("go").result()
    assert [result.content for result in response.tool_results] == ["2", "4"]
    calls = [part.id for m in response.messages for part in m.parts if isinstance(part, ToolCallPart)]
    results = [part.id for m in response.messages for part in m.parts if isinstance(part, ToolResultPart)]
    assert calls == results
    assert len(set(calls)) == 2


def test_too_many_turns_end_the_run_with_what_came():
    with WireServer([asking(("1", "add", {"a": 1, "b": 1}), before="again ")]) as server:
        with pytest.raises(StreamInterruptedError) as caught:
            agent_of(server, add, max_turns=3).stream("go").result()
        assert len(server.requests) == 3
    assert caught.value.kind == "limit"
    assert isinstance(caught.value.__cause__, LimitExceeded)
    assert caught.value.partial.text == "again again again "


def test_the_total_time_covers_the_tools_too():
    released = threading.Event()

    def hang() -> None:
        released.wait()

    with WireServer([asking(("1", "hang", {})), saying("never")]) as server:
        timeouts = streamcell.Timeouts(total=0.3)
        with pytest.raises(StreamInterruptedError) as caught:
            agent_of(server, hang, timeouts=timeouts).stream("go").result()
    released.set()
    assert caught.value.kind == "timeout_total"


def test_a_fallback_in_a_later_turn_keeps_what_the_tools_did():
    broken = Script(pieces=text_pieces("half an ans"), fault=Fault("cut", after=2))
    whole = saying("A whole answer.")
    with WireServer([asking(("1", "add", {"a": 1, "b": 1}), before="First. "), broken, whole]) as server:
        response = agent_of(server, add, fallback="blocking", retries=0).stream("go").result()
    assert response.text == "First. A whole answer."
    assert [result.content for result in response.tool_results] == ["2"]


def test_calls_without_tools_of_ours_are_returned_and_not_run():
    with WireServer([asking(("1", "add", {"a": 1, "b": 1}))]) as server:
        response = agent_of(server).stream("go").result()
        assert len(server.requests) == 1
    assert response.stop_reason == "tool_calls"
    assert [call.name for call in response.tool_calls] == ["add"]


def test_stopping_the_run_stops_a_tool_that_waits():
    async def main():
        begun, ended = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        with WireServer([asking(("1", "wait", {})), saying("never")]) as server:
            stream = agent_of(server, wait).stream("go")
            reading = asyncio.ensure_future(stream)
            await begun.wait()
            stream.cancel()
            await ended.wait()
            return await reading

    assert asyncio.run(main()).stop_reason == "cancelled"


# Tools of an agent


def test_a_tool_is_added_later_and_by_decoration():
    with WireServer([asking(("1", "add", {"a": 1, "b": 1})), saying("2")]) as server:
        agent = agent_of(server)
        assert agent.add_tool(add) is add
        assert agent.stream("1+1").result().tool_results[0].content == "2"
    with pytest.raises(UsageError, match="add"):
        agent.add_tool(add)


def test_the_scripted_model_calls_the_tools_offered_and_answers_with_their_results():
    response = Agent("demo:tools", tools=[add], approve="never").stream("What is 2 and 3?").result()
    assert [call.name for call in response.tool_calls] == ["add"]
    assert response.tool_results[0].content in response.text


# Consent


def test_a_tool_that_writes_is_not_run_where_nobody_can_be_asked():
    with WireServer([saying("never")]) as server:
        with pytest.raises(UsageError, match="approve="):
            agent_of(server, add, approve=None).stream("go").result()
        assert server.requests == []


@pytest.mark.parametrize("answer", [False, None, 1, "yes"])
def test_a_policy_consents_with_true_alone(answer):
    ran = []

    def fire() -> None:
        ran.append(1)

    with WireServer([asking(("1", "fire", {})), saying("ok")]) as server:
        response = agent_of(server, fire, approve=lambda _call: answer).stream("go").result()
    assert ran == []
    assert "did not allow" in response.tool_results[0].content


def test_a_policy_sees_the_call_as_it_would_run_and_may_be_async():
    seen = []

    async def policy(call):
        seen.append((call.name, call.arguments))
        return True

    with WireServer([asking(("1", "add", {"a": 1, "b": 2})), saying("3")]) as server:
        stream = agent_of(server, add, approve=policy).stream("go")
        events = list(stream.events())
    assert seen == [("add", {"a": 1, "b": 2})]
    assert ApprovalResult("1", "add", approved=True) in events


@pytest.mark.parametrize(
    "error", [SystemExit("bad arguments"), KeyboardInterrupt()], ids=["exit", "interrupt"]
)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("here", [False, True], ids=["in the background", "on the caller's loop"])
def test_a_tool_that_wants_to_end_the_program_ends_its_own_call(error, asynchronous, here):
    def look() -> str:
        raise error

    async def look_async() -> str:
        raise error

    with WireServer([asking(("c1", "look", {})), saying("Sorry.")]) as server:
        agent = agent_of(server, tool(look_async if asynchronous else look, name="look"))
        response = asyncio.run(agent.arun("?")) if here else agent.run("?")
    assert (response.text, response.stop_reason) == ("Sorry.", "stop")
    assert [result.error for result in response.tool_results] == [True]
    assert type(error).__name__ in response.tool_results[0].content


def test_half_a_character_in_a_result_is_told_as_a_whole_one():
    def look() -> str:
        return "a\udc80b"

    with WireServer([asking(("c1", "look", {})), saying("Fine.")]) as server:
        response = agent_of(server, look).run("?")
    assert (response.text, response.tool_results[0].content) == ("Fine.", "a?b")


def test_a_policy_that_wants_to_end_the_program_consents_to_nothing():
    def policy(_call):
        raise SystemExit

    with WireServer([asking(("c1", "add", {"a": 1, "b": 1})), saying("Sorry.")]) as server:
        response = agent_of(server, add, approve=policy).run("?")
    assert [result.error for result in response.tool_results] == [True]


def test_a_policy_that_raises_consents_to_nothing(caplog):
    def policy(_call):
        raise RuntimeError("no idea")

    with WireServer([asking(("1", "add", {"a": 1, "b": 2})), saying("3")]) as server:
        response = agent_of(server, add, approve=policy).stream("go").result()
    assert response.tool_results[0].error
    assert "no idea" in caplog.text


def test_a_tool_that_only_reads_runs_without_being_asked_about():
    look = tool(add, read_only=True, name="look")
    with WireServer([asking(("1", "look", {"a": 1, "b": 2})), saying("3")]) as server:
        response = agent_of(server, look, approve=None).stream("go").result()
    assert response.tool_results[0].content == "3"


def test_always_means_also_tools_that_only_read():
    asked = tool(add, read_only=True, approve="always")
    with WireServer([saying("never")]) as server:
        for options in ({"approve": "never"}, {"approve": None}):
            with pytest.raises(UsageError, match="approve="):
                agent_of(server, asked, **options).stream("go").result()
        with pytest.raises(UsageError, match="approve="):
            agent_of(server, tool(add, read_only=True), approve="always").stream("go").result()

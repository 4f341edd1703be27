"""Malformed, unknown, cut, repeated and refused calls: nothing runs that should not, nothing twice."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from streamcell.approvals import Approvals
from streamcell.core.tools import tool, toolbox
from streamcell.events import Finished, Started, TextDelta, ToolCall, ToolResult
from streamcell.io.clock import SystemClock
from streamcell.messages import Message, Request
from streamcell.tool_loop import ToolLoop

NAMES = st.sampled_from(["read", "write", "write ", "Write", "unknown", "", "__class__", "read\nwrite"])
IDS = st.sampled_from(["a", "b", "c", "", "call_0"])
VALUES = st.one_of(
    st.integers(0, 3), st.text(max_size=3), st.none(), st.booleans(), st.lists(st.integers(), max_size=2)
)
GOOD = st.fixed_dictionaries({"n": st.integers(0, 3)})
ARGUMENTS = st.one_of(
    st.none(), GOOD, st.dictionaries(st.sampled_from(["n", "m", "N", ""]), VALUES, max_size=3)
)
REASONS = st.sampled_from(
    ["tool_calls", "tool_calls", "stop", "length", "filter", "refusal", "unknown", "truncated"]
)


@st.composite
def calls(draw):
    arguments = draw(ARGUMENTS)
    raw = '{"n": 1' if arguments is None else json.dumps(arguments)
    return ToolCall(
        draw(st.integers(0, 3)), draw(IDS), draw(NAMES), arguments, raw, server=draw(st.booleans())
    )


TURNS = st.lists(st.tuples(st.lists(calls(), max_size=4), REASONS), min_size=1, max_size=3)


def run(turns, allowed):
    """What ran, and all events; `allowed` is the set of numbers for which `write` may run."""
    ran, events, waiting = [], [], list(turns)

    async def read(n: int) -> str:
        ran.append(("read", n))
        return "read"

    async def write(n: int) -> str:
        ran.append(("write", n))
        return "written"

    async def policy(call):
        return call.arguments["n"] in allowed

    def ask(_request):
        said, reason = waiting.pop(0) if waiting else ([], "stop")

        async def source(deliver):
            await deliver([Started("scripted", "m"), TextDelta("x"), *said, Finished(reason)])

        return source

    async def deliver(said):
        events.extend(said)

    async def main():
        tools = toolbox([tool(read, read_only=True), write])
        request = Request(provider="scripted", model="m", messages=(Message("user", "go"),))
        loop = ToolLoop(request, ask, tools=tools, approvals=Approvals(policy), clock=SystemClock())
        await loop(deliver)

    asyncio.run(main())
    return ran, events


def fits(call):
    given = call.arguments
    return given is not None and set(given) == {"n"} and type(given["n"]) is int


@settings(max_examples=1000)
@given(TURNS, st.sets(st.integers(0, 3)))
def test_only_calls_that_are_whole_known_fitting_and_allowed_run_and_each_once(turns, allowed):
    ran, events = run(turns, allowed)
    expected = []
    for said, reason in turns:
        ours = [call for call in said if not call.server]
        if reason not in ("tool_calls", "stop") or not ours:
            break
        once = {(call.id, call.name, call.raw_arguments): call for call in ours}.values()
        expected += [
            (call.name, call.arguments["n"])
            for call in once
            if call.name in ("read", "write")
            and fits(call)
            and (call.name == "read" or call.arguments["n"] in allowed)
        ]
    assert sorted(ran) == sorted(expected)
    announced = [event.id for event in events if isinstance(event, ToolCall) and not event.server]
    answered = [event.id for event in events if isinstance(event, ToolResult)]
    assert len(set(announced)) == len(announced)
    assert len(set(answered)) == len(answered)
    assert set(answered) <= set(announced)
    assert isinstance(events[-1], Finished)

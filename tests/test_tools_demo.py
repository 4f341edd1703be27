"""What a newcomer tries first, without a key: tools on `demo:tools`, structured answers on `demo:json`."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from dataclasses import dataclass, is_dataclass
from enum import Enum
from typing import Annotated, Any, Literal, TypedDict

import pytest
import typing_extensions
from pydantic import BaseModel, Field, TypeAdapter

import streamcell
from streamcell import Agent
from streamcell.core.response import StreamingResponse
from streamcell.core.structure.schema import Schema
from streamcell.messages import ToolCallPart, ToolResultPart

FAST = {"pace": 0}
both_ways = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])


class Unit(Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Place(BaseModel):
    name: str
    height: float = Field(ge=0, le=9000)


@dataclass
class Span:
    first: dt.date
    days: int = 1


class Pair(typing_extensions.TypedDict):
    left: int
    right: int


def weather(place: Place, unit: Unit = Unit.CELSIUS) -> str:
    """The weather at a place."""
    assert isinstance(place, Place)
    assert isinstance(unit, Unit)
    return f"{place.name}: mild"


def plan(span: Span, *, kind: Literal["walk", "swim"], tags: list[str] | None = None) -> dict[str, Any]:
    """A plan for some days."""
    assert isinstance(span, Span)
    assert isinstance(span.first, dt.date)
    return {"kind": kind, "tags": tags}


async def add(pairs: list[Pair], scale: Annotated[int, Field(gt=0, lt=100)]) -> int:
    """The sum of all pairs, scaled."""
    return scale * sum(pair["left"] + pair["right"] for pair in pairs)


def now() -> str:
    """The time."""
    return "12:34"


TOOLS = (weather, plan, add, now)


def answered(streamed, *tools, prompt="Plan 3 days in Ulm and Bern", **options):
    agent = Agent("demo:tools", tools=tools, approve="never", extra=FAST, **options)
    return agent.stream(prompt).result() if streamed else agent.run(prompt)


@both_ways
def test_tools_of_many_schemas_are_called_at_once_with_arguments_that_fit(streamed):
    response = answered(streamed, *TOOLS)
    assert [call.name for call in response.tool_calls] == [tool.__name__ for tool in TOOLS]
    results = {result.name: result for result in response.tool_results}
    assert results.keys() == {tool.__name__ for tool in TOOLS}
    assert not any(result.error for result in results.values()), results
    assert results["now"].content in response.text
    assert (response.streamed, response.stop_reason) == (streamed, "stop")


@both_ways
def test_the_conversation_pairs_each_call_with_its_result(streamed):
    user, said, told, last = answered(streamed, *TOOLS).messages
    assert [message.role for message in (user, said, told, last)] == [
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    calls = {part.id: part.name for part in said.parts if isinstance(part, ToolCallPart)}
    assert {part.id: part.name for part in told.parts if isinstance(part, ToolResultPart)} == calls
    assert len(calls) == len(TOOLS)


@both_ways
def test_two_calls_of_one_turn_run_at_the_same_time(streamed):
    meeting = threading.Barrier(2, timeout=20)

    def left() -> str:
        meeting.wait()
        return "left"

    def right() -> str:
        meeting.wait()
        return "right"

    results = answered(streamed, left, right).tool_results
    assert sorted(result.content for result in results) == ["left", "right"]


@both_ways
def test_one_tool_that_fails_leaves_the_other_its_result(streamed):
    def fail() -> None:
        raise RuntimeError("nothing works")

    response = answered(streamed, fail, now)
    assert {result.name: result.error for result in response.tool_results} == {"fail": True, "now": False}
    assert "nothing works" in response.text
    assert "12:34" in response.text


def test_the_same_prompt_makes_the_same_calls_streamed_or_not():
    one, other = (answered(streamed, *TOOLS) for streamed in (True, False))
    assert one.tool_calls == other.tool_calls
    assert one.text == other.text


def test_one_function_offers_tools_to_a_single_question():
    asked = streamcell.stream("What time is it?", "demo:tools", tools=[now], approve="never", extra=FAST)
    assert asked.result().tool_results[0].content == "12:34"


def test_an_awaited_agent_gives_the_same_in_a_running_loop():
    async def main():
        agent = Agent("demo:tools", tools=TOOLS, approve="never", extra=FAST)
        return await agent.stream("Plan 3 days"), await agent.arun("Plan 3 days")

    streamed, whole = asyncio.run(main())
    assert streamed.tool_calls == whole.tool_calls
    assert streamed.text == whole.text


# Structured output


class Inventory(BaseModel):
    title: str
    rows: list[Place] = Field(min_length=2)
    made: dt.date


@dataclass
class Trip:
    goal: str
    span: Span
    kind: Literal["walk", "swim"]


class Note(TypedDict):
    text: str
    pairs: list[Pair]


PLAIN = {
    "type": "object",
    "properties": {"count": {"type": "integer"}, "names": {"type": "array", "items": {"type": "string"}}},
    "required": ["count", "names"],
}
SCHEMAS = {
    "model": Inventory,
    "dataclass": Trip,
    "typed dict": Note,
    "list of models": list[Place],
    "list of texts": list[str],
    "JSON schema": PLAIN,
}
every_schema = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


def is_instance(value, schema):
    """Whether pydantic, which did not make the value, takes it for what was asked."""
    if schema is PLAIN:
        return isinstance(value["count"], int) and is_instance(value["names"], list[str])
    if schema is Note:
        return isinstance(value["text"], str) and is_instance(value["pairs"], list[Pair])
    adapter = TypeAdapter(schema)
    return adapter.validate_python(value, strict=True) == value


@every_schema
@both_ways
def test_the_answer_is_an_instance_of_the_schema(schema, streamed):
    agent = Agent("demo:json", schema=schema, extra=FAST)
    prompt = "Two places: Ulm and Bern"
    response = agent.stream(prompt).result() if streamed else agent.run(prompt)
    assert is_instance(response.parsed, schema)
    assert response.stop_reason == "stop"
    assert len(response.to_frame()) >= 1


@every_schema
def test_the_value_grows_and_never_shrinks(schema):
    stream = streamcell.stream("Two places: Ulm and Bern", "demo:json", schema=schema, extra=FAST)
    growing, sizes, values = StreamingResponse(), [], set()
    growing.schema = Schema(schema)
    for chunk in stream:
        growing.add_chunk(chunk)
        sizes.append(size(growing.parsed))
        values.add(repr(growing.parsed))
    assert sizes == sorted(sizes)
    assert len(values) > 3
    assert growing.parsed == stream.response.parsed


def size(value):
    """How much a growing value holds: texts by their letters, everything else that has come by one."""
    if value is None:
        return 0
    if isinstance(value, str):
        return 1 + len(value)
    if isinstance(value, list):
        return 1 + sum(map(size, value))
    if isinstance(value, BaseModel) or is_dataclass(value):
        return 1 + sum(map(size, vars(value).values()))
    if isinstance(value, dict):
        return 1 + sum(map(size, value.values()))
    return 1


@both_ways
def test_tools_and_a_schema_go_together(streamed):
    response = answered(streamed, *TOOLS, schema=Inventory)
    assert len(response.tool_results) == len(TOOLS)
    assert is_instance(response.parsed, Inventory)

"""Structured output in a run: the question, the check at the end, and both together on the demo provider."""

from __future__ import annotations

import asyncio
import datetime as dt
import json

import pytest
from pydantic import BaseModel, Field

from runs import FAILURE, FINISHED, STARTED, texts
from streamcell.core.response import StreamingResponse
from streamcell.core.structure.schema import Schema
from streamcell.errors import ProtocolError, StreamInterruptedError, TransportError
from streamcell.events import Finished, Notice, Started, ToolCall, ToolResult
from streamcell.handle import Stream
from streamcell.io.clock import SystemClock
from streamcell.io.demo_server import DemoTransport
from streamcell.messages import Message, Request
from streamcell.providers.anthropic import anthropic
from streamcell.providers.demo import demo
from streamcell.providers.lookalikes import deepseek
from streamcell.providers.openai import openai
from streamcell.run import Run
from streamcell.structured import Checked, with_schema


class Row(BaseModel):
    name: str
    age: int


SCHEMA = Schema(Row)
GOOD = '{"name": "Ada", "age": 36}'
BAD = '{"name": "Ada", "age": "x"}'


# The question


def question(provider, model="m", **options):
    request = Request(provider=provider.facts.name, model=model, messages=(Message("user", "Hi"),), **options)
    return with_schema(request, SCHEMA, provider.facts)


def test_a_provider_that_takes_a_schema_is_sent_it():
    assert question(openai).schema == SCHEMA.json
    assert question(openai).system is None


@pytest.mark.parametrize(
    ("provider", "model"), [(deepseek, "deepseek-chat"), (anthropic, "claude-3-5-haiku-latest")]
)
def test_another_is_told_in_words_behind_the_system_prompt(provider, model):
    asked = question(provider, model, system="Be brief.")
    assert asked.schema is None
    assert asked.system.startswith("Be brief.\n\nAnswer with JSON only")
    assert asked.system.endswith(json.dumps(SCHEMA.json))
    assert question(provider, model).system.startswith("Answer with JSON only")
    provider.encode(asked)


# The check


def source(*groups, error=None):
    """A run that says these groups of events and then, perhaps, fails."""

    async def run(deliver):
        for group in groups:
            await deliver(group)
        if error is not None:
            raise error

    return run


def checked(*groups, error=None, schema=SCHEMA):
    """What a reader is told, and what is raised."""
    told, raised = [], None

    async def deliver(events):
        assert events
        told.extend(events)

    try:
        asyncio.run(Checked(source(*groups, error=error), schema)(deliver))
    except ProtocolError as failure:
        raised = failure
    return told, raised


def test_an_answer_that_fits_passes_unchanged():
    said = [[STARTED], texts(GOOD[:9], GOOD[9:]), [FINISHED]]
    assert checked(*said) == ([event for group in said for event in group], None)


@pytest.mark.parametrize("together", [True, False])
def test_an_answer_that_does_not_fit_ends_with_an_error_behind_its_text(together):
    said = [Started("p", "m", "req-1"), *texts(BAD)]
    told, raised = checked([*said, FINISHED]) if together else checked(said, [FINISHED])
    assert told == said
    assert (raised.kind, raised.request_id, raised.attempts) == ("protocol", "req-1", 1)
    assert str(raised) == 'the answer does not fit Row: age: expected an integer, got "x"'


def test_an_empty_answer_does_not_fit():
    assert str(checked([STARTED], [FINISHED])[1]).endswith("Row: there is no text in it")


@pytest.mark.parametrize("reason", ["length", "cancelled", "refusal", "tool_calls", "filter", "unknown"])
def test_other_ends_are_not_checked(reason):
    said = [STARTED, *texts(BAD), Finished(reason)]
    assert checked(said) == (said, None)


def test_only_the_text_of_the_last_turn_counts():
    first = [STARTED, *texts("Let me look."), ToolCall(1, "i", "f", {}), ToolResult("i", "f", "7")]
    assert checked(first, [STARTED, *texts(GOOD)], [FINISHED])[1] is None
    assert checked([STARTED, *texts(GOOD)], [STARTED, *texts("Done.")], [FINISHED])[1] is not None


def test_text_before_a_fallback_does_not_count():
    said = [STARTED, *texts('{"na'), Notice("fallback", "anew"), *texts(GOOD), FINISHED]
    assert checked(said)[1] is None


def test_a_failure_of_the_run_passes():
    failure = TransportError("it broke")
    with pytest.raises(TransportError):
        checked([STARTED, *texts(BAD)], error=failure)


def test_a_recorded_failure_passes():
    said = [STARTED, *texts(BAD), Finished("error", FAILURE)]
    assert checked(said) == (said, None)


# As users see it


def stream(*groups):
    asked = Stream(Checked(source(*groups), SCHEMA))
    asked.response.schema = SCHEMA
    return asked


def test_the_reader_gets_the_value_or_an_error_with_the_partial():
    assert stream([STARTED, *texts(GOOD), FINISHED]).result().parsed == Row(name="Ada", age=36)
    with pytest.raises(StreamInterruptedError, match="does not fit Row: age: expected an integer") as raised:
        stream([STARTED, *texts(BAD), FINISHED]).result()
    partial = raised.value.partial
    assert (raised.value.kind, partial.stop_reason, partial.text) == ("protocol", "error", BAD)
    assert dict(partial.parsed) == {"name": "Ada", "age": None}


def test_behind_tools_the_last_turn_is_parsed():
    first = [STARTED, *texts("Let me look. [1]"), ToolCall(1, "i", "f", {}), ToolResult("i", "f", "7")]
    response = stream(first, [STARTED, *texts(GOOD), FINISHED]).result()
    assert response.parsed == Row(name="Ada", age=36)
    assert list(response.to_frame()["name"]) == ["Ada"]


# On the demo provider, over the real wire


class Part(BaseModel):
    label: str
    weight: float = Field(gt=0)
    made: dt.date
    tags: list[str] = Field(min_length=1)


class Whole(BaseModel):
    title: str
    parts: list[Part]
    owner: Row | None


@pytest.mark.parametrize("given", [Whole, list[Part], Row, {"type": "array", "items": Schema(Row).json}])
def test_the_demo_answers_every_schema_and_the_value_grows(given):
    schema = Schema(given)
    request = Request(provider="demo", model="json", messages=(Message("user", "Hi"),), extra={"pace": 0})
    run = Run(demo, with_schema(request, schema, demo.facts), DemoTransport(demo), clock=SystemClock())
    asked = Stream(Checked(run, schema))
    asked.response.schema = schema
    growing, seen = StreamingResponse(), set()
    growing.schema = schema
    for chunk in asked:
        growing.add_chunk(chunk)
        seen.add(repr(growing.parsed))
    assert len(seen) > 3
    assert asked.response.parsed == growing.parsed == schema.parse(asked.response.text)
    assert len(asked.response.to_frame()) >= 1


def test_a_fallback_answers_with_a_value_of_its_own():
    first = [STARTED, *texts('{"name": "Eve", "age": 1')]
    asked = stream(first, [STARTED, Notice("fallback", "anew"), *texts(GOOD), FINISHED])
    seen = []
    asked.subscribe(lambda _event: seen.append(asked.response.parsed.name))
    assert asked.result().parsed == Row(name="Ada", age=36)
    assert seen == ["Eve", "Eve", "Ada", "Ada", "Ada", "Ada"]

"""The steps of an answer: what the model said each time before tools answered, and what they answered.

An answer without tools has one step. Where a step begins is kept by the response that grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streamcell.events import ToolCall, ToolResult
from streamcell.messages import Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart


class Step(NamedTuple):
    """What was said between two answers of tools, and what those answered."""

    thinking: str
    text: str
    reasoning: list[ReasoningPart]
    calls: list[ToolCall]
    results: list[ToolResult]


class Mark(NamedTuple):
    """Where a step begins: how much there was of everything."""

    thinking: int = 0
    text: int = 0
    refusal: int = 0
    chunks: int = 0
    reasoning: int = 0
    calls: int = 0
    results: int = 0
    citations: int = 0


def step_messages(step: Step) -> Iterator[Message]:
    """The step as a provider takes it back: what the assistant said and called, then what tools answered."""
    results = [result for result in step.results if not result.server]
    answered = {result.id for result in results}
    calls = [call for call in step.calls if not call.server]
    # A call that nobody can read was answered, too: with what is wrong with it.
    sendable = [call for call in calls if call.arguments is not None or call.id in answered]
    parts: list[Part] = [*step.reasoning]
    if step.text:
        parts.append(TextPart(step.text))
    parts += [ToolCallPart(call.id, call.name, call.arguments or {}) for call in sendable]
    if parts:
        yield Message("assistant", tuple(parts))
    if results:
        # In the order of the calls, not of their ends: some wires have no ids, and tell them by place.
        order = {call.id: number for number, call in enumerate(calls)}
        results.sort(key=lambda result: order.get(result.id, len(order)))
        yield Message("tool", tuple(ToolResultPart(r.id, r.name, r.content, r.error) for r in results))

"""Events to answer: the one place where the meaning of each event for the whole is written down.

A fold is pure state: no clock, no waiting. It also holds the grammar of a run (see `events`): an event out
of order is a defect of the producer and raises `AssertionError`.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from streamcell.core.response import StreamingResponse
from streamcell.events import (
    ApprovalRequest,
    ApprovalResult,
    Citation,
    Event,
    Finished,
    Notice,
    ReasoningDelta,
    Retrying,
    Started,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Usage,
    UsageReport,
)
from streamcell.messages import ReasoningPart


class Fold:
    """Adds events to a response, one run's worth, in order."""

    def __init__(self, response: StreamingResponse) -> None:
        self.response = response
        self._turns = Usage()
        self._signed = 0
        self._turn_open = False
        self._finished = False

    def add(self, event: Event) -> None:  # noqa: C901 - one case for each event, as flat as it gets
        assert not self._finished, f"an event after the end of a run: {event}"  # noqa: S101
        response = self.response
        match event:
            case TextDelta():
                self._check_turn()
                response.add_text(event.text)
            case ReasoningDelta():
                self._check_turn()
                self._reason(event)
            case ToolCallDelta() | ApprovalRequest() | ApprovalResult():
                self._check_turn()
            case ToolCall():
                self._check_turn()
                response.tool_calls.append(event)
            case ToolResult():
                self._check_turn()
                response.tool_results.append(event)
            case Citation():
                self._check_turn()
                response.citations.append(event)
            case Notice():
                self._check_turn()
                self._notice(event)
            case UsageReport():
                self._check_turn()
                response.usage = total(self._turns, event.usage)
            case Started():
                self._start(event)
            case Retrying():
                self._turn_open = False
            case Finished():
                self._finish(event)
            case _:
                assert_never(event)

    def _check_turn(self) -> None:
        assert self._turn_open, "content outside of a turn: Started is missing"  # noqa: S101

    def _start(self, event: Started) -> None:
        self._turn_open = True
        self._turns = self.response.usage
        self.response.begin_step()
        self._signed = len(self.response.thinking)
        known = {"provider": event.provider, "model": event.model, "request_id": event.request_id}
        self.response.metadata.update({key: value for key, value in known.items() if value})
        if event.scripted:
            self.response.metadata["scripted"] = True
        if not event.streamed:
            self.response.streamed = False

    def _reason(self, event: ReasoningDelta) -> None:
        self.response.add_thinking(event.text)
        if not event.signature:
            return
        thinking = self.response.thinking
        provider = self.response.metadata.get("provider")
        part = ReasoningPart(thinking[self._signed :], event.signature, provider)
        self.response.reasoning_parts.append(part)
        self._signed = len(thinking)

    def _notice(self, event: Notice) -> None:
        if event.kind == "refusal":
            self.response.add_refusal(event.text)
        elif event.kind == "fallback":
            self.response.restart()
            self._signed = len(self.response.thinking)
        else:
            self.response.metadata.setdefault("notices", []).append(event.text)

    def _finish(self, event: Finished) -> None:
        self._finished = True
        self.response.stop_reason = event.reason
        self.response.error = event.error
        if event.stop is not None:
            self.response.metadata["stop"] = event.stop


def total(before: Usage, turn: Usage) -> Usage:
    """The usage of several turns together; a count nobody gave stays None."""

    def add(one: int | None, other: int | None) -> int | None:
        return other if one is None else one if other is None else one + other

    return msgspec.structs.replace(
        turn,
        input_tokens=add(before.input_tokens, turn.input_tokens),
        output_tokens=add(before.output_tokens, turn.output_tokens),
        reasoning_tokens=add(before.reasoning_tokens, turn.reasoning_tokens),
        cached_tokens=add(before.cached_tokens, turn.cached_tokens),
    )

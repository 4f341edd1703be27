"""Going on where an answer was cut: the request that asks for the rest, and the two pieces as one answer.

How to ask is decided by a fact of the provider: a model that goes on with an assistant message is given one
to go on with, any other is asked in words. Nothing here sends, or knows a provider.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from streamcell.core.response import StreamingResponse
from streamcell.core.steps import Step, step_messages
from streamcell.events import (
    CONTENT,
    ApprovalRequest,
    ApprovalResult,
    Event,
    Notice,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolResult,
)
from streamcell.messages import Message, Request, TextPart
from streamcell.providers.contract import Facts
from streamcell.run import Deliver, Source

SEAM: Final = "The answer was cut here; what follows was asked for anew."
INSTRUCTION: Final = (
    "Your answer above was cut off. Go on exactly where it stops: begin with the very next character,"
    " repeat nothing of it and add no remark."
)
# The parts of the first piece: its thinking and its text.
_PARTS_BEFORE: Final = 2


def request_for_rest(request: Request, cut: StreamingResponse, facts: Facts) -> Request:
    """The request for what follows on `cut`, the answer to `request`; tools that ran do not run again."""
    *whole, last = cut.steps
    said = [message for step in whole for message in step_messages(step)]
    after = (*said, *_unfinished(last, request.model, cut, facts))
    return msgspec.structs.replace(request, messages=(*request.messages, *after), stream=True)


def _unfinished(step: Step, model: str, cut: StreamingResponse, facts: Facts) -> list[Message]:
    """The step in which the answer was cut, and how to say that it is to go on."""
    if step.results or not step.text:
        return list(step_messages(step))
    if _goes_on(model, cut, facts):
        # The providers that go on with a message refuse one that ends in white space.
        return [Message("assistant", (TextPart(step.text.rstrip()),))]
    return [Message("assistant", (TextPart(step.text),)), Message("user", (TextPart(INSTRUCTION),))]


class Continuation:
    """A cut answer and the run that gives the rest, as one `run.Source` with a visible seam.

    The first piece comes when the second begins: a run that fails before that has said nothing.
    """

    def __init__(self, rest: Source, cut: StreamingResponse, *, model: str, facts: Facts) -> None:
        self._rest = rest
        self._text = cut.text
        self._thinking = cut.thinking
        # White space that was not sent comes again with the rest.
        self._unsent = cut.text[len(cut.text.rstrip()) :] if _goes_on(model, cut, facts) else ""

    async def __call__(self, deliver: Deliver) -> None:
        async def deliver_after(events: list[Event]) -> None:
            await deliver([said for event in events for said in self._after(event)])

        await self._rest(deliver_after)

    def _after(self, event: Event) -> list[Event]:
        if isinstance(event, Started):
            thinking = [ReasoningDelta(self._thinking, 0)] if self._thinking else []
            return [event, *thinking, TextDelta(self._text, 1), Notice("continued", SEAM, 1)]
        if not isinstance(event, CONTENT) or isinstance(event, ToolResult | ApprovalRequest | ApprovalResult):
            return [event]
        moved = msgspec.structs.replace(event, part=event.part + _PARTS_BEFORE)
        return [self._joined(moved)] if self._unsent and isinstance(moved, TextDelta) else [moved]

    def _joined(self, delta: TextDelta) -> TextDelta:
        text, self._unsent = delta.text.removeprefix(self._unsent), ""
        return msgspec.structs.replace(delta, text=text)


def _goes_on(model: str, cut: StreamingResponse, facts: Facts) -> bool:
    """Whether the model goes on with an assistant message; those that do refuse to when they think first."""
    return bool(facts.prefill) and not cut.thinking and re.match(facts.prefill, model) is not None

"""Structured output in a run: how a model is asked for it, and who checks what it answered.

Where a provider takes no JSON schema the model is told in words. Either way the answer is checked here, at
its end, so that no constraint depends on what a provider enforces.
"""

from __future__ import annotations

import re

import msgspec

from streamcell.core.structure.schema import Schema
from streamcell.errors import ProtocolError
from streamcell.events import Event, Finished, Notice, Started, TextDelta
from streamcell.messages import Request
from streamcell.providers.contract import Facts
from streamcell.providers.schemas import told
from streamcell.run import Deliver, Source


def with_schema(request: Request, schema: Schema, facts: Facts) -> Request:
    """The request that asks for `schema`: as a parameter where the model takes that, else in words.

    Whether it does is in `Facts.parameters` and `Facts.refused`; how it is written is the provider's matter.
    """
    if _takes_schema(facts, request.model):
        return msgspec.structs.replace(request, schema=schema.json)
    return msgspec.structs.replace(request, system=told(request.system, schema.json))


def _takes_schema(facts: Facts, model: str) -> bool:
    refusing = (pattern for pattern, names in facts.refused.items() if "schema" in names)
    return "schema" in facts.parameters and not any(re.match(pattern, model) for pattern in refusing)


class Checked:
    """A source whose answer has to fit `schema` when it ends well; other ends pass.

    The answer is the text of the last turn, behind the last fallback. One that does not fit is delivered up
    to its end, and then a `ProtocolError` is raised in place of `Finished`.
    """

    def __init__(self, source: Source, schema: Schema) -> None:
        self._source = source
        self._schema = schema

    async def __call__(self, deliver: Deliver) -> None:
        answer = _Answer(self._schema)

        async def deliver_checked(events: list[Event]) -> None:
            if passed := answer.passed(events):
                await deliver(passed)

        await self._source(deliver_checked)
        if answer.failure is not None:
            raise answer.failure


class _Answer:
    """What was said since the turn began, and what is wrong with it."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._texts: list[str] = []
        self._request_id: str | None = None
        self.failure: ProtocolError | None = None

    def passed(self, events: list[Event]) -> list[Event]:
        """The events that may go on: all but the good end of an answer that is not good."""
        for event in events:
            match event:
                case TextDelta():
                    self._texts.append(event.text)
                case Started():
                    self._texts.clear()
                    self._request_id = event.request_id
                case Notice(kind="fallback"):
                    self._texts.clear()
                case Finished(reason="stop"):
                    self._check()
                case _:
                    pass
        return events if self.failure is None else [e for e in events if not isinstance(e, Finished)]

    def _check(self) -> None:
        try:
            self._schema.parse("".join(self._texts))
        except ProtocolError as error:
            error.request_id, error.attempts = self._request_id, 1
            self.failure = error.with_traceback(None)

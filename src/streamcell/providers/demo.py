"""The `demo` provider: scripted answers over a real wire, so that everything works without a key.

It speaks OpenAI's Chat Completions by that dialect's own encoder and decoder; what the scripted server
answers is `answer`. It knows no socket and no clock.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from streamcell.events import Event, ReasoningDelta, Started, Usage
from streamcell.providers.contract import Facts
from streamcell.providers.demo_prompt import Question, question
from streamcell.providers.demo_scripts import MODELS, paced, refused, unknown
from streamcell.providers.openai import PARAMETERS, ChatCompletions, openai
from streamcell.providers.openai_decoder import ChatDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamcell.core.script import Script
    from streamcell.messages import Request

_LONGEST_PAUSE = 60.0


class Scripted(ChatCompletions, frozen=True):
    """Chat Completions whose answers come from a script, and say so in their first event."""

    def decoder(self, request: Request) -> ScriptedDecoder:
        return ScriptedDecoder(self.facts.name, request.model)


class ScriptedDecoder(ChatDecoder):
    """Reads one scripted answer."""

    def document(self, body: dict[str, Any]) -> list[Event]:
        return [_marked(event) for event in super().document(body)]


def _marked(event: Event) -> Event:
    return msgspec.structs.replace(event, scripted=True) if isinstance(event, Started) else event


demo = Scripted(
    Facts(
        name="demo",
        default_model="markdown",
        delta_event=openai.facts.delta_event,
        scripted=True,
        parameters=PARAMETERS,
    )
)


def answer(body: Mapping[str, Any], *, pace: float | None = None) -> Script:
    """The script for the body of a Chat Completions request.

    `pace` (seconds between two pieces) is the surroundings' wish; the body's own `pace` and `delay` go before
    it, and the slow model heeds only those. A model that does not exist, or a pace that is no number, is
    answered with the HTTP error a provider would send.
    """
    model = str(body.get("model", demo.facts.default_model))
    if model not in MODELS:
        return unknown(model)
    try:
        own_pace, delay = _seconds(body, "pace"), _seconds(body, "delay")
    except (TypeError, ValueError):
        return refused(400, f"pace and delay are seconds from 0 to {_LONGEST_PAUSE:g}", code="invalid_value")
    asked = question(body)
    script = _limited(MODELS[model](asked), body)
    wish = None if model == "slow" else pace
    timed = paced(script, pace=wish if own_pace is None else own_pace, delay=delay)
    return msgspec.structs.replace(timed, usage=_usage(timed, asked))


def _seconds(body: Mapping[str, Any], name: str) -> float | None:
    if body.get(name) is None:
        return None
    value = float(body[name])
    if not (math.isfinite(value) and 0 <= value <= _LONGEST_PAUSE):
        raise ValueError(name)
    return value


def _limited(script: Script, body: Mapping[str, Any]) -> Script:
    """The script cut after the number of tokens the request allows."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if not isinstance(limit, int) or limit >= len(script.pieces):
        return script
    return msgspec.structs.replace(script, pieces=script.pieces[:limit], stop="length")


def _usage(script: Script, asked: Question) -> Usage:
    """Estimated: one token a piece; the name of a tool counts as one."""
    thought = sum(isinstance(piece, ReasoningDelta) for piece in script.pieces)
    return Usage(
        input_tokens=asked.tokens,
        output_tokens=len(script.pieces),
        reasoning_tokens=thought,
        cached_tokens=0,
    )

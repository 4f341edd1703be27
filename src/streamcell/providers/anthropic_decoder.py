"""The events of a Messages stream to ours: blocks that open, grow and close.

Server tools and their results are blocks like any other and are marked as the provider's own. Unknown
events, blocks and deltas pass by: Anthropic announces that there will be some.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming (November 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamcell.core.wire import BODY
from streamcell.events import (
    Citation,
    Event,
    Finished,
    Notice,
    ReasoningDelta,
    Started,
    StopReason,
    TextDelta,
    ToolResult,
    Usage,
    UsageReport,
)
from streamcell.providers import failures
from streamcell.providers.calls import OpenCall
from streamcell.providers.loose import count, json_text, record, records, string
from streamcell.providers.payloads import Payloads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamcell.core.wire import Payload

REDACTED: Final = "redacted:"
"""Begins the signature of thinking that came encrypted: the whole of it is to be handed back."""

_REASONS: Final[dict[str, StopReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Text(msgspec.Struct, tag="text_delta", gc=False):
    text: str


class _Json(msgspec.Struct, tag="input_json_delta", gc=False):
    partial_json: str


class _Thinking(msgspec.Struct, tag="thinking_delta", gc=False):
    thinking: str


class _BlockDelta(msgspec.Struct, gc=False):
    index: int
    delta: _Text | _Json | _Thinking


_block_delta = msgspec.json.Decoder(_BlockDelta).decode


class _Block:
    """A block that is open: its part, and the call or the signature that grows in it."""

    def __init__(self, part: int, call: OpenCall | None = None, given: str = "") -> None:
        self.part = part
        self.call = call
        self.given = given
        """Arguments that came whole with the opening; those that come in deltas count more."""
        self.signature = ""


class MessagesDecoder:
    """Reads one Messages answer; see `contract.Decoder`."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        self._started = self._over = self._finished = False
        self._stop: str | None = None
        self._careful = False
        self._payloads = Payloads()
        self._parts = 0
        self._open: dict[int, _Block] = {}
        self._names: dict[str, str] = {}
        self._called = False
        self._usage: dict[str, Any] = {}

    @property
    def finished(self) -> bool:
        return self._finished

    @property
    def complete(self) -> bool:
        return self._over

    def feed(self, payload: Payload) -> Iterable[Event]:
        if self._over:
            return ()
        if payload.event == "content_block_delta" and not self._careful:
            try:
                said = _block_delta(payload.data)
                block = self._open[said.index]
            except (*_UNREADABLE, KeyError):
                return self._read(payload)
            delta = said.delta
            if type(delta) is _Text:
                return (TextDelta(delta.text, block.part),) if delta.text else ()
            if type(delta) is _Thinking:
                return (ReasoningDelta(delta.thinking, block.part),) if delta.thinking else ()
            if type(delta) is _Json:
                return _arguments(block, delta.partial_json)
        return self._read(payload)

    def close(self) -> Iterator[Event]:
        if not self._finished:
            raise self._payloads.ended_early(started=self._started)
        for index in list(self._open):
            yield from self._close_block(index)
        reason = _REASONS.get(self._stop or "", "unknown")
        if reason in ("stop", "tool_calls"):
            reason = "tool_calls" if self._called else "stop"
        yield Finished(reason, stop=self._stop)

    def whole(self, message: dict[str, Any]) -> Iterator[Event]:
        """The events of a blocking answer."""
        yield from self._message(message)
        self._finished = self._over = True
        yield from self.close()

    def _read(self, payload: Payload) -> Iterable[Event]:
        body = self._payloads.read(payload)
        # Behind a payload that could not be read everything is looked at closely: it may have been cut.
        self._careful = body is None
        failures.raise_for(body, payload.event)
        return () if payload.event == BODY else self._event(record(body), payload.event)

    def _event(self, body: dict[str, Any], name: str) -> Iterable[Event]:
        match string(body.get("type")) or name:
            case "message_start":
                return list(self._message(record(body.get("message"))))
            case "content_block_start":
                block = record(body.get("content_block"))
                return [*self._start({}), *self._open_block(count(body.get("index")) or 0, block)]
            case "content_block_delta":
                return list(self._delta(count(body.get("index")) or 0, record(body.get("delta"))))
            case "content_block_stop":
                return list(self._close_block(count(body.get("index")) or 0))
            case "message_delta":
                return [*self._start({}), *self._message_delta(body)]
            case "message_stop":
                self._over = True
                self._finished = self._finished or self._started
        return ()

    def _start(self, message: dict[str, Any]) -> Iterator[Event]:
        # Some servers send no message_start, some answers hold a second one.
        if not self._started:
            self._started = True
            model = string(message.get("model")) or self._model
            yield Started(self._provider, model, string(message.get("id")) or None)

    def _message(self, message: dict[str, Any]) -> Iterator[Event]:
        yield from self._start(message)
        for index in list(self._open):
            yield from self._close_block(index)
        yield from self._count(message.get("usage"))
        for block in records(message.get("content")):
            yield from self._open_block(-1, block)
            yield from self._close_block(-1)
        self._stop = string(message.get("stop_reason")) or self._stop
        yield from self._details(message)

    def _message_delta(self, body: dict[str, Any]) -> Iterator[Event]:
        delta = record(body.get("delta"))
        if stop := string(delta.get("stop_reason")):
            self._stop = stop
            self._finished = True
        yield from self._details(delta)
        yield from self._count(body.get("usage"))

    def _details(self, said: dict[str, Any]) -> Iterator[Event]:
        if explanation := string(record(said.get("stop_details")).get("explanation")):
            yield Notice("moderation", explanation, max(0, self._parts - 1))

    def _open_block(self, index: int, content: dict[str, Any]) -> Iterator[Event]:
        kind = string(content.get("type"))
        block = self._open[index] = _Block(self._parts)
        self._parts += 1
        if kind == "text":
            yield from self._delta(index, {"type": "text_delta", "text": content.get("text")})
            for citation in records(content.get("citations")):
                yield _citation(citation, block.part)
        elif kind == "thinking":
            yield from self._delta(index, {"type": "thinking_delta", "thinking": content.get("thinking")})
            block.signature = string(content.get("signature"))
        elif kind == "redacted_thinking":
            block.signature = REDACTED + string(content.get("data"))
        elif kind == "tool_use" or kind.endswith("_tool_use"):
            yield self._call(block, content, server=kind != "tool_use")
        elif kind.endswith("tool_result"):
            yield self._result(content)

    def _call(self, block: _Block, content: dict[str, Any], *, server: bool) -> Event:
        id_, name = string(content.get("id")), string(content.get("name"))
        block.call = OpenCall(block.part, id=id_, name=name, server=server)
        given = content.get("input")
        block.given = json_text(given) if given else ""
        self._names[id_] = name
        return block.call.opening()

    def _result(self, content: dict[str, Any]) -> Event:
        id_ = string(content.get("tool_use_id"))
        said = content.get("content")
        failed = bool(content.get("is_error")) or string(record(said).get("type")).endswith("_error")
        name = self._names.get(id_) or string(content.get("type")).removesuffix("_tool_result")
        text = said if isinstance(said, str) else json_text(said)
        return ToolResult(id_, name, text, error=failed, server=True)

    def _delta(self, index: int, delta: dict[str, Any]) -> Iterator[Event]:
        block = self._open.get(index)
        if block is None:
            yield from self._start({})
            block = self._open[index] = _Block(self._parts)
            self._parts += 1
        match delta.get("type"):
            case "text_delta" if text := string(delta.get("text")):
                yield TextDelta(text, block.part)
            case "thinking_delta" if text := string(delta.get("thinking")):
                yield ReasoningDelta(text, block.part)
            case "input_json_delta":
                yield from _arguments(block, string(delta.get("partial_json")))
            case "signature_delta":
                block.signature += string(delta.get("signature"))
            case "citations_delta":
                yield _citation(record(delta.get("citation")), block.part)

    def _close_block(self, index: int) -> Iterator[Event]:
        block = self._open.pop(index, None)
        if block is None:
            return
        if block.signature:
            yield ReasoningDelta("", block.part, signature=block.signature)
        if block.call is not None:
            if block.given and not block.call.arguments:
                yield block.call.add(block.given)
            self._called = self._called or not block.call.server
            yield block.call.whole()

    def _count(self, usage: object) -> Iterator[Event]:
        # Counts are totals so far: a later one replaces an earlier one, null says nothing.
        said = {name: value for name, value in record(usage).items() if value is not None}
        if said:
            self._usage = {**self._usage, **said}
            yield UsageReport(_usage(self._usage))


def _arguments(block: _Block, piece: str) -> tuple[Event, ...]:
    return (block.call.add(piece),) if block.call is not None and piece else ()


def _citation(said: dict[str, Any], part: int) -> Citation:
    return Citation(
        url=string(said.get("url")) or string(said.get("source")) or None,
        title=string(said.get("title")) or string(said.get("document_title")) or None,
        quote=string(said.get("cited_text")) or None,
        part=part,
    )


def _usage(raw: dict[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(raw.get("input_tokens")),
        output_tokens=count(raw.get("output_tokens")),
        reasoning_tokens=count(record(raw.get("output_tokens_details")).get("thinking_tokens")),
        cached_tokens=count(raw.get("cache_read_input_tokens")),
        raw=raw,
    )

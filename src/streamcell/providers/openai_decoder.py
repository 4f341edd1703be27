"""Chunks of a Chat Completions stream to events: OpenAI's own and those of the servers that look like it.

What is plain text, thinking or a piece of arguments takes a short way: a chunk that has the exact shape of
`openai_shapes` says nothing else. Every other chunk is read field by field, in whatever form a server writes
it; what is unknown passes by. Only the first of several choices is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamcell.core.wire import BODY
from streamcell.events import (
    Citation,
    ErrorInfo,
    Event,
    Finished,
    Notice,
    ReasoningDelta,
    Started,
    StopReason,
    TextDelta,
    UsageReport,
)
from streamcell.providers import failures
from streamcell.providers.calls import Calls, OpenCall
from streamcell.providers.loose import count, json_text, record, records, string
from streamcell.providers.openai_fields import citation, signed_thinking, sources, texts, usage_of
from streamcell.providers.openai_shapes import UNFITTING, Delta, plain
from streamcell.providers.payloads import Payloads
from streamcell.providers.thinking import ThinkTags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamcell.core.wire import Payload

_REASONS: Final[dict[str, StopReason]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "error": "error",
}
WANTED_BACK: Final = "reasoning_content"
"""The field of thinking that its servers want back with the calls made in it (DeepSeek answers 400 without
it, api-docs.deepseek.com, "Thinking Mode"); stands as the signature of such thinking."""
_REASONING_FIELDS: Final = (WANTED_BACK, "reasoning", "reasoning_text")


class ChatDecoder:
    """Reads one Chat Completions answer; see `contract.Decoder`."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        self._started = self._done = self._refused = self._empty_finish = False
        self._stop: str | None = None
        self._careful = False
        self._payloads = Payloads()
        self._tags = ThinkTags()
        self._parts = 0
        self._kind = ""
        self._calls = Calls()
        self._details: list[dict[str, Any]] = []
        self._wanted_back = False
        self._usage: dict[str, Any] = {}
        self._cited: set[str | None] = set()

    @property
    def finished(self) -> bool:
        return self._stop is not None or (self._empty_finish and self._done)

    @property
    def complete(self) -> bool:
        return self._done

    def feed(self, payload: Payload) -> Iterable[Event]:
        if self._done:
            return ()
        if self._started and not self._careful:
            try:
                event = self._short(plain(payload.data).choices[0].delta)
            except UNFITTING:
                event = None
            if event is not None:
                return (event,)
        return self._read(payload)

    def close(self) -> Iterator[Event]:
        if not self.finished:
            yield from self._sorted(self._tags.close())
            raise self._payloads.ended_early(started=self._started)
        if not self._done:
            yield from self._settle()
        yield self._finish()

    def whole(self, body: dict[str, Any]) -> Iterator[Event]:
        """The events of a blocking answer; one without a finish reason is whole all the same."""
        yield from self.document(body)
        self._empty_finish = True
        yield from self._end()
        yield from self.close()

    def document(self, body: dict[str, Any]) -> list[Event]:
        """The events of a whole answer, or of one chunk, as parsed JSON."""
        failures.raise_for(body)
        events: list[Event] = []
        if not self._started:
            self._started = True
            model = string(body.get("model")) or self._model
            events.append(Started(self._provider, model, string(body.get("id")) or None))
        events += self._sources(body)
        for choice in records(body.get("choices")):
            if choice.get("index") in (0, None):
                events += self._choice(choice)
        events += self._count(body.get("usage"))
        events += self._count(record(body.get("x_groq")).get("usage"))
        return events

    def _short(self, delta: Delta) -> Event | None:
        """The one event of a chunk that says one thing; None when it needs a closer look."""
        thinking = delta.reasoning_content or delta.reasoning
        if delta.tool_calls is not None:
            piece = delta.tool_calls[0]
            call = self._calls.at(piece.index)
            alone = call is not None and piece.function.arguments and not delta.content and not thinking
            return call.add(piece.function.arguments) if call is not None and alone else None
        if delta.content and not thinking and self._tags.settled:
            return TextDelta(delta.content, self._part("text"))
        if thinking and not delta.content:
            self._wanted_back = self._wanted_back or bool(delta.reasoning_content)
            return ReasoningDelta(thinking, self._part("reasoning"))
        return None

    def _read(self, payload: Payload) -> list[Event]:
        if payload.data.strip() == b"[DONE]":
            return self._end()
        body = self._payloads.read(payload)
        # Behind a payload that could not be read everything is looked at closely: it may have been cut.
        self._careful = body is None
        failures.raise_for(body, payload.event)
        if not isinstance(body, dict) or payload.event in ("ping", BODY):
            return []
        return self.document(body)

    def _end(self) -> list[Event]:
        """What the server's own end mark says: the calls are whole, even if no finish reason ever came."""
        self._done = True
        return list(self._settle())

    def _settle(self) -> Iterator[Event]:
        yield from self._sorted(self._tags.close())
        if signed := signed_thinking(self._details):
            yield ReasoningDelta("", self._part("reasoning"), signature=json_text(signed))
        elif self._wanted_back and self._calls:
            yield ReasoningDelta("", self._part("reasoning"), signature=WANTED_BACK)
        for call in self._calls.whole():
            if self.finished or call.arguments is not None:
                yield call

    def _choice(self, choice: dict[str, Any]) -> Iterator[Event]:
        if error := choice.get("error"):
            failures.raise_for({"error": error})
        # `message`: a whole answer, or a server that sends one inside a stream.
        delta = record(choice.get("delta")) or record(choice.get("message"))
        yield from self._reasoning(delta)
        yield from self._content(delta.get("content"))
        if refusal := string(delta.get("refusal")):
            self._refused = True
            yield Notice("refusal", refusal, self._part("refusal"))
        yield from self._tool_calls(delta)
        for note in records(delta.get("annotations")):
            yield citation(note, part=max(0, self._parts - 1))
        yield from self._count(choice.get("usage"))
        finish = choice.get("finish_reason")
        if isinstance(finish, str):
            self._empty_finish = not finish
            self._stop = finish or self._stop

    def _reasoning(self, delta: dict[str, Any]) -> Iterator[Event]:
        details = records(delta.get("reasoning_details"))
        self._details += details
        self._wanted_back = self._wanted_back or bool(string(delta.get(WANTED_BACK)))
        # The same thinking often comes in several fields at once: one of them is enough.
        text = next((delta[name] for name in _REASONING_FIELDS if string(delta.get(name))), "")
        text = text or "".join(string(entry.get("text")) or string(entry.get("summary")) for entry in details)
        if text:
            yield ReasoningDelta(text, self._part("reasoning"))

    def _content(self, content: object) -> Iterator[Event]:
        if isinstance(content, str):
            if content:
                yield from self._sorted(self._tags.feed(content))
            return
        for entry in records([content] if isinstance(content, dict) else content):
            kind = entry.get("type")
            if kind == "text":
                yield from self._content(string(entry.get("text")))
            elif kind in ("thinking", "reasoning"):
                if text := texts(entry.get("thinking") or entry.get("summary") or entry.get("text")):
                    yield ReasoningDelta(text, self._part("reasoning"))
            elif kind == "reference" and isinstance(entry.get("reference_ids"), list):
                for number in entry["reference_ids"]:
                    yield Citation(title=f"reference {number}", part=self._parts)

    def _sorted(self, pieces: Iterable[tuple[str, str]]) -> Iterator[Event]:
        for kind, text in pieces:
            if kind == "text":
                yield TextDelta(text, self._part("text"))
            else:
                yield ReasoningDelta(text, self._part("reasoning"))

    def _tool_calls(self, delta: dict[str, Any]) -> Iterator[Event]:
        for entry in records(delta.get("tool_calls")):
            function = record(entry.get("function")) or record(entry.get("custom"))
            yield from self._piece(count(entry.get("index")), string(entry.get("id")), function)
        if function := record(delta.get("function_call")):
            yield from self._piece(0, "", function)

    def _piece(self, index: int | None, id: str, function: dict[str, Any]) -> Iterator[Event]:  # noqa: A002
        name = string(function.get("name"))
        said = function.get("arguments", function.get("input"))
        piece = json_text(said) if isinstance(said, dict) else string(said)
        call = self._calls.place(index=index, id=id, name=name, piece=piece)
        if call is None:
            call = self._calls.open(OpenCall(self._new_part("call"), id=id, name=name), index=index)
            yield call.opening(piece)
        elif call.named(id=id, name=name):
            yield call.opening(piece)
        elif piece:
            yield call.add(piece)

    def _sources(self, body: dict[str, Any]) -> Iterator[Event]:
        for source in sources(body):
            if source.url not in self._cited:
                self._cited.add(source.url)
                yield source

    def _count(self, usage: object) -> Iterator[Event]:
        said = record(usage)
        merged = {**self._usage, **said}
        if said and merged != self._usage:
            self._usage = merged
            yield UsageReport(usage_of(merged))

    def _finish(self) -> Finished:
        stop = self._stop or ""
        reason = _REASONS.get(stop, "unknown")
        if reason == "error":
            info = ErrorInfo("provider", "the provider ended the answer with an error and gave no reason")
            return Finished("error", info, stop)
        # Several servers say "stop" after tool calls, and "tool_calls" without any: the calls decide.
        if reason in ("stop", "tool_calls"):
            reason = "tool_calls" if self._calls else "refusal" if self._refused else "stop"
        return Finished(reason, stop=stop)

    def _part(self, kind: str) -> int:
        if self._kind == kind:
            return self._parts - 1
        return self._new_part(kind)

    def _new_part(self, kind: str) -> int:
        self._kind = kind
        self._parts += 1
        return self._parts - 1

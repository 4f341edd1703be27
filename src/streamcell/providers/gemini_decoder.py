"""Reads one answer of the Gemini API, streamed or whole.

Each payload is a whole chunk object; text grows over chunks, a call comes whole in one. The API sends no
terminator: the answer is whole when a finish reason (or the reason why the prompt was blocked) came, and the
end of the body ends it.

Source: recorded answers of `v1beta`; the API is at https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamcell.errors import ProviderError
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
from streamcell.providers.calls import OpenCall
from streamcell.providers.failures import clean, raise_for
from streamcell.providers.loose import count, json_text, record, records, string
from streamcell.providers.payloads import Payloads
from streamcell.providers.plain_shapes import UNFITTING, gemini_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamcell.core.wire import Payload

MADE_ID: Final = "streamcell-"
"""How ids begin that we made up because the API sent none."""

_KNOWN: Final = frozenset({"candidates", "promptFeedback", "usageMetadata", "responseId"})
_FILTERS: Final = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    }
)
_BROKEN: Final = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "NO_IMAGE",
    }
)
"""Finish reasons of an answer that is none: what the model wrote could not be read by its own server."""


class GeminiDecoder:
    """The decoder of one model turn."""

    def __init__(self, *, provider: str, model: str) -> None:
        self._provider, self._model = provider, model
        self._payloads = Payloads()
        self._started = False
        self._answer_id = ""
        self._part, self._family = -1, ""
        self._calls = 0
        self._asked = False
        self._code_id = ""
        self._usage: dict[str, Any] = {}
        self._cited: set[tuple[str, str]] = set()
        self._stop: str | None = None
        self._blocked = False

    @property
    def finished(self) -> bool:
        return self._stop is not None

    @property
    def complete(self) -> bool:
        return False

    def feed(self, payload: Payload) -> Iterable[Event]:
        if self._started and (plain := self._plain(payload)) is not None:
            return plain
        return self._feed(payload)

    def _plain(self, payload: Payload) -> list[Event] | None:
        """What a chunk with one plain piece of text says; None when it is not that."""
        if payload.event or not self._payloads.intact:
            return None
        try:
            chunk = gemini_text(payload.data)
        except UNFITTING:
            return None
        text = chunk.candidates[0].content.parts[0].text
        said = [self._text(text, thought=False)] if text else []
        if chunk.usageMetadata:
            self._usage |= chunk.usageMetadata
            said.append(UsageReport(_usage(self._usage)))
        return said

    def _feed(self, payload: Payload) -> Iterator[Event]:
        value = self._payloads.read(payload)
        for chunk in records(value) or [record(value)]:
            raise_for(chunk, payload.event)
            yield from self._chunk(chunk)

    def close(self) -> Iterator[Event]:
        if self._stop is None:
            raise self._payloads.ended_early(started=self._started)
        yield Finished(self._reason(self._stop), stop=self._stop)

    def _chunk(self, chunk: dict[str, Any]) -> Iterator[Event]:
        if not _KNOWN & chunk.keys():
            return
        yield from self._start(chunk)
        for candidate in records(chunk.get("candidates"))[:1]:
            yield from self._candidate(candidate)
        reason = string(record(chunk.get("promptFeedback")).get("blockReason"))
        if reason and not self._blocked:
            self._stop, self._blocked = reason, True
            yield Notice("moderation", f"the prompt was blocked: {reason}", self._new_part())
        if usage := record(chunk.get("usageMetadata")):
            self._usage |= usage
            yield UsageReport(_usage(self._usage))

    def _start(self, chunk: dict[str, Any]) -> Iterator[Event]:
        if not self._started:
            self._started = True
            self._answer_id = string(chunk.get("responseId"))
            model = string(chunk.get("modelVersion")) or self._model
            yield Started(self._provider, model, self._answer_id or None)

    def _candidate(self, candidate: dict[str, Any]) -> Iterator[Event]:
        for part in records(record(candidate.get("content")).get("parts")):
            yield from self._read(part)
        yield from self._sources(record(candidate.get("groundingMetadata")))
        for source in records(record(candidate.get("citationMetadata")).get("citationSources")):
            yield from self._cite(string(source.get("uri")), "", "")
        reason = string(candidate.get("finishReason"))
        if not reason or reason == "FINISH_REASON_UNSPECIFIED":
            return
        if reason in _BROKEN:
            raise _broken(reason, string(candidate.get("finishMessage")))
        self._stop = reason
        if reason in _FILTERS:
            why = string(candidate.get("finishMessage"))
            yield Notice("moderation", clean(why) or f"the answer was stopped: {reason}", self._new_part())

    # --- parts ---------------------------------------------------------------------------------------

    def _read(self, part: dict[str, Any]) -> Iterator[Event]:
        signature = string(part.get("thoughtSignature"))
        match part:
            case {"functionCall": dict(call)}:
                yield from self._call(call, signature)
                return
            case {"executableCode": dict(code)}:
                yield from self._code(code)
            case {"codeExecutionResult": dict(result)}:
                yield self._code_result(result)
            case {"toolCall": dict(call)}:
                name = string(call.get("toolType"))
                yield from self._whole_call(self._id_of(call), name, json_text(call.get("args")), server=True)
            case {"toolResponse": dict(answer)}:
                content, name = json_text(answer.get("response")), string(answer.get("toolType"))
                yield ToolResult(string(answer.get("id")), name, content, server=True)
            case {"inlineData": dict(data)} | {"fileData": dict(data)}:
                kind = string(data.get("mimeType")) or "a file"
                yield Notice("dropped", f"{kind} the model made is not shown", self._new_part())
            case {"text": str(text)} if text:
                yield self._text(text, thought=part.get("thought") is True)
            case _:
                pass
        if signature:
            yield ReasoningDelta("", self._new_part(), f" {signature}")

    def _text(self, text: str, *, thought: bool) -> Event:
        family = "thought" if thought else "text"
        if family != self._family:
            self._new_part()
            self._family = family
        return ReasoningDelta(text, self._part) if thought else TextDelta(text, self._part)

    def _new_part(self) -> int:
        self._part += 1
        self._family = ""
        return self._part

    def _call(self, call: dict[str, Any], signature: str) -> Iterator[Event]:
        self._asked = True
        call_id = self._id_of(call)
        if signature:
            yield ReasoningDelta("", self._new_part(), f"{call_id} {signature}")
        arguments = json_text(record(call.get("args")))
        yield from self._whole_call(call_id, string(call.get("name")), arguments, server=False)

    def _code(self, code: dict[str, Any]) -> Iterator[Event]:
        self._code_id = self._id_of(code)
        yield from self._whole_call(self._code_id, "code_execution", string(code.get("code")), server=True)

    def _code_result(self, result: dict[str, Any]) -> Event:
        failed = result.get("outcome") not in ("OUTCOME_OK", None)
        call_id = string(result.get("id")) or self._code_id
        return ToolResult(call_id, "code_execution", string(result.get("output")), error=failed, server=True)

    def _whole_call(self, call_id: str, name: str, arguments: str, *, server: bool) -> Iterator[Event]:
        call = OpenCall(self._new_part(), id=call_id, name=name, server=server)
        yield call.opening(arguments)
        yield call.whole()

    def _id_of(self, call: dict[str, Any]) -> str:
        """The call's own id, or one that the same bytes always give and no other answer has."""
        self._calls += 1
        return string(call.get("id")) or f"{MADE_ID}{self._answer_id}-{self._calls}"

    # --- sources -------------------------------------------------------------------------------------

    def _sources(self, grounding: dict[str, Any]) -> Iterator[Event]:
        supports = records(grounding.get("groundingSupports"))
        for index, chunk in enumerate(records(grounding.get("groundingChunks"))):
            place = next((record(value) for value in chunk.values() if isinstance(value, dict)), {})
            quotes = (
                string(record(support.get("segment")).get("text"))
                for support in supports
                if index in _indices(support)
            )
            yield from self._cite(string(place.get("uri")), string(place.get("title")), next(quotes, ""))

    def _cite(self, url: str, title: str, quote: str) -> Iterator[Event]:
        """A source, once: later chunks repeat what earlier ones said."""
        if (url or title) and (url, title) not in self._cited:
            self._cited.add((url, title))
            yield Citation(url or None, title or None, quote or None, part=max(self._part, 0))

    # --- the end -------------------------------------------------------------------------------------

    def _reason(self, stop: str) -> StopReason:
        if self._blocked or stop in _FILTERS:
            return "filter"
        if stop == "MAX_TOKENS":
            return "length"
        if stop not in ("STOP", "FUNCTION_CALL"):  # the second is what gateways make of the first
            return "unknown"
        return "tool_calls" if self._asked else "stop"


def _indices(support: dict[str, Any]) -> list[Any]:
    indices = support.get("groundingChunkIndices")
    return indices if isinstance(indices, list) else []


def _usage(raw: dict[str, Any]) -> Usage:
    """Thoughts count as output and the prompts of tools as input, as they are billed."""
    thoughts = count(raw.get("thoughtsTokenCount"))
    return Usage(
        input_tokens=_total(count(raw.get("promptTokenCount")), count(raw.get("toolUsePromptTokenCount"))),
        output_tokens=_total(count(raw.get("candidatesTokenCount")), thoughts),
        reasoning_tokens=thoughts,
        cached_tokens=count(raw.get("cachedContentTokenCount")),
        raw=dict(raw),
    )


def _total(*counts: int | None) -> int | None:
    known = [number for number in counts if number is not None]
    return sum(known) if known else None


def _broken(reason: str, why: str) -> ProviderError:
    return ProviderError(
        f"the model's answer was broken ({reason}){': ' + clean(why) if why else ''}; ask again",
        kind="provider",
        retryable=True,
        code=reason,
    )

"""Google's Gemini API: `generateContent`, streamed as server-sent events.

Writes requests; `gemini_decoder` reads the answers. The key travels in a header, never in the address.
Thought signatures are handed back as they came: a call's is written on that call again, any other on an
empty part (`ReasoningPart.signature` is ``<call id> <signature>``). An id that we made up is never sent.

Source: recorded requests to `v1beta`; the API is at https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

import base64
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, assert_never
from urllib.parse import quote

import msgspec

from streamcell.core.wire import Payload
from streamcell.messages import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from streamcell.providers.contract import Call, Facts
from streamcell.providers.failures import not_an_answer, of_status
from streamcell.providers.gemini_decoder import MADE_ID, GeminiDecoder
from streamcell.providers.loose import parse, record, records, string
from streamcell.providers.payloads import merged
from streamcell.providers.registry import check_parameters
from streamcell.providers.schemas import GEMINI, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streamcell.events import ErrorInfo, Event

_GENERATION: Final = {
    "temperature": "temperature",
    "max_tokens": "maxOutputTokens",
    "top_p": "topP",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
}


_SECONDS: Final = re.compile(r"(\d{1,9}(?:\.\d+)?)s")


class Gemini(msgspec.Struct, frozen=True):
    """The Gemini dialect, as a provider."""

    facts: Facts

    def encode(self, request: Request) -> Call:
        check_parameters(self, request)
        body: dict[str, Any] = {"contents": _contents(request)}
        if system := _system(request):
            body["systemInstruction"] = {"parts": [{"text": system}]}
        if request.tools:
            body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
        if settings := _generation(request):
            body["generationConfig"] = settings
        return Call(_path(request), merged(body, request.extra))

    def decoder(self, request: Request) -> GeminiDecoder:
        return GeminiDecoder(provider=self.facts.name, model=request.model)

    def decode_whole(self, request: Request, body: bytes) -> Iterator[Event]:
        decoder = self.decoder(request)
        yield from decoder.feed(Payload("", body))
        if not decoder.finished:
            raise not_an_answer(body)
        yield from decoder.close()

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ErrorInfo:
        return _refined(of_status(status, headers, body), body)


gemini = Gemini(
    Facts(
        name="gemini",
        default_model="gemini-flash-latest",
        framing="sse",
        key_names=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        key_header="x-goog-api-key",
        base_names=("GEMINI_BASE_URL",),
        base_url="https://generativelanguage.googleapis.com",
        delta_event="candidates.content.parts.text",
        parameters=frozenset({*_GENERATION, "stop", "tools", "schema"}),
    )
)


def _refined(info: ErrorInfo, body: bytes) -> ErrorInfo:
    """`info` with what only the details say: a bad key comes as 400, the time to wait is in no header."""
    value = parse(body)
    outer = record(value[0] if isinstance(value, list) and value else value)
    for detail in records(record(outer.get("error")).get("details")):
        if detail.get("reason") == "API_KEY_INVALID":
            info = msgspec.structs.replace(info, kind="auth", retryable=False)
        if info.retry_after is None and (wait := _SECONDS.fullmatch(string(detail.get("retryDelay")))):
            info = msgspec.structs.replace(info, retry_after=float(wait.group(1)))
    return info


def _path(request: Request) -> str:
    name = request.model.removeprefix("models/")
    folder = "" if name.startswith("tunedModels/") else "models/"
    method = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    return f"/v1beta/{folder}{quote(name)}:{method}"


def _system(request: Request) -> str:
    said = [request.system or "", *(m.content for m in request.messages if m.role == "system")]
    return "\n\n".join(text for text in said if text)


def _generation(request: Request) -> dict[str, Any]:
    settings = {
        wire_name: value
        for name, wire_name in _GENERATION.items()
        if (value := getattr(request, name)) is not None
    }
    if request.stop:
        settings["stopSequences"] = list(request.stop)
    if request.schema is not None:
        schema = written(request.schema, GEMINI) or request.schema
        settings |= {"responseMimeType": "application/json", "responseJsonSchema": schema}
    return settings


def _declaration(tool: ToolSpec) -> dict[str, Any]:
    # The API refuses an object schema without properties: a function without parameters has none at all.
    schema = {"parametersJsonSchema": tool.parameters} if tool.parameters.get("properties") else {}
    return {"name": tool.name, "description": tool.description, **schema}


def _contents(request: Request) -> list[dict[str, Any]]:
    """The turns; neighbours of one role become one: parallel calls, and their results, must stay together."""
    turns = groupby((m for m in request.messages if m.role != "system"), key=_role)
    return [{"role": role, "parts": [p for m in messages for p in _parts(m)]} for role, messages in turns]


def _role(message: Message) -> str:
    return "model" if message.role == "assistant" else "user"


def _parts(message: Message) -> Iterator[dict[str, Any]]:
    signatures = dict(_signatures(message.parts))
    if free := signatures.pop("", None):
        yield {"text": "", "thoughtSignature": free}
    for part in message.parts:
        match part:
            case TextPart():
                yield {"text": part.text}
            case ImagePart():
                data = base64.b64encode(part.data).decode("ascii")
                yield {"inlineData": {"mimeType": part.media_type, "data": data}}
            case ReasoningPart():
                pass
            case ToolCallPart():
                signature = _signature_of(part.id, signatures)
                called = {"functionCall": {**_id(part.id), "name": part.name, "args": part.arguments}}
                yield {**called, "thoughtSignature": signature} if signature else called
            case ToolResultPart():
                answer = {"error" if part.error else "result": part.content}
                yield {"functionResponse": {**_id(part.id), "name": part.name, "response": answer}}
            case _:
                assert_never(part)


def _signature_of(call: str, signatures: dict[str, str]) -> str | None:
    """What was signed with the call: an id that came in an earlier turn too has a number behind it by now."""
    return signatures.pop(call, None) or signatures.pop(call.rpartition("_")[0], None)


def _signatures(parts: Iterable[Part]) -> Iterator[tuple[str, str]]:
    for part in parts:
        if isinstance(part, ReasoningPart) and part.provider == "gemini" and part.signature:
            owner, _, signature = part.signature.partition(" ")
            yield owner, signature


def _id(call: str) -> dict[str, str]:
    return {} if call.startswith(MADE_ID) else {"id": call}

"""What the server answers to, as an OpenAPI 3.1 document; its schemas are those that bodies are read by.

The WebSocket has no place in such a document; `line` tells what is said on it.
"""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from streamcell.events import Event
from streamcell.serve.asked import Asked
from streamcell.serve.openai_api import ChatAsked

_REF: Final = "#/components/schemas/{name}"
_MEANINGS = {
    400: "The request says nothing that can be done.",
    401: "A token is needed.",
    403: "The origin or the host is not allowed.",
    404: "There is no such model, or no such stream of this caller.",
    405: "The place does not know this method.",
    408: "The body was too long on its way.",
    413: "The body is too long.",
    415: "The body is not declared as JSON.",
    429: "The caller has too many streams, or began too many.",
    502: "The provider refused, or answered what nobody understands.",
    503: "The provider or the store of the streams cannot be reached now, or the run was stopped.",
    504: "The provider did not answer in time.",
}
_ANYWHERE = (401, 403, 405)
_WITH_BODY = (400, 408, 413, 415, 404, 429, 503)
_EVENTS = {
    "description": "Server-sent events: `id:` the number of the event, `event:` its type, `data:` an Event.",
    "headers": {
        "X-Stream-Id": {"description": "The id of the stream.", "schema": {"type": "string"}},
        "Location": {"description": "Where the stream can be read again.", "schema": {"type": "string"}},
    },
    "content": {"text/event-stream": {"schema": {"$ref": _REF.format(name="Sent")}}},
}
_GONE_ON = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The number of the last event that the reader has.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"},
}
_IDENTITY = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def document() -> dict[str, Any]:
    """The description of every HTTP route, for ``GET /openapi.json``."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "streamcell", "version": "1", "description": inspect.cleandoc(_ABOUT)},
        "paths": {
            "/v1/streams": {"post": _start()},
            "/v1/streams/{id}": {"get": _resume(), "delete": _stop()},
            "/v1/chat/completions": {"post": _complete()},
            "/v1/models": {"get": _plain("List the models", {"application/json": _object("object", "data")})},
            "/metrics": {"get": _plain("Figures for Prometheus", {"text/plain": {"type": "string"}})},
            "/healthz": {
                "get": _plain("Whether the server is there", {"application/json": _object("status")})
            },
        },
        "components": {"schemas": _schemas(), "securitySchemes": {"token": _TOKEN}},
        "security": [{"token": []}, {}],
    }


_ABOUT = """
    Answers of language models while they arrive. A stream is a log of numbered events: it can be read by
    several readers at once, and again from any event on while it is kept. `GET /v1/ws` is the same over a
    WebSocket.
"""
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "Not needed where the server listens on loopback.",
}


def _start() -> dict[str, Any]:
    return _operation("Ask, and read the answer as it comes", {200: _EVENTS}, also=_WITH_BODY, body="Asked")


def _resume() -> dict[str, Any]:
    nothing = {"description": "The reader has everything, and the stream has ended."}
    said = {200: _EVENTS, 204: nothing}
    return _operation("Read a stream", said, also=(400, 404, 503), parameters=[_IDENTITY, _GONE_ON])


def _stop() -> dict[str, Any]:
    ended = _answer("It has ended.", {"application/json": _object("id", "stop_reason")})
    return _operation("Stop a stream", {200: ended}, also=(404, 503), parameters=[_IDENTITY])


def _complete() -> dict[str, Any]:
    content = {
        "application/json": _object("id", "object", "choices"),
        "text/event-stream": {"type": "string"},
    }
    said = {200: _answer("The answer, or its chunks if `stream` is true.", content)}
    also = (*_WITH_BODY, 502, 504)
    return _operation("OpenAI's Chat Completions", said, also=also, body="ChatAsked")


def _plain(summary: str, content: dict[str, Any]) -> dict[str, Any]:
    return _operation(summary, {200: _answer("It is this.", content)}, also=())


def _operation(
    summary: str,
    said: dict[int, Any],
    *,
    also: tuple[int, ...],
    body: str | None = None,
    parameters: list[Any] | None = None,
) -> dict[str, Any]:
    refusals = {str(status): _refusal(status) for status in sorted({*_ANYWHERE, *also})}
    found: dict[str, Any] = {"summary": summary, "responses": _named(said) | refusals}
    if body is not None:
        asked = {"schema": {"$ref": _REF.format(name=body)}}
        found["requestBody"] = {"required": True, "content": {"application/json": asked}}
    return found if parameters is None else found | {"parameters": parameters}


def _named(said: dict[int, Any]) -> dict[str, Any]:
    return {str(status): answer for status, answer in said.items()}


def _refusal(status: int) -> dict[str, Any]:
    return _answer(_MEANINGS[status], {"application/json": {"$ref": _REF.format(name="Refusal")}})


def _answer(meaning: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": meaning, "content": {kind: {"schema": schema} for kind, schema in content.items()}}


def _object(*required: str) -> dict[str, Any]:
    return {"type": "object", "required": list(required)}


def _schemas() -> dict[str, Any]:
    (_, _, event), schemas = msgspec.json.schema_components([Asked, ChatAsked, Event], ref_template=_REF)
    text = {"type": "string"}
    told = dict.fromkeys(("message", "type", "code"), text)
    ours = {
        "Event": event,
        "Refusal": _fields(error=_fields(**told)),
        "Sent": _fields(
            id=text | {"pattern": "^[0-9]+$"},
            event=text,
            data=text | {"contentSchema": {"$ref": _REF.format(name="Event")}},
        ),
    }
    return {name: _tidy(schema) for name, schema in schemas.items()} | ours


def _fields(**schemas: Any) -> dict[str, Any]:
    return _object(*schemas) | {"properties": schemas}


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    if "description" in schema:
        return schema | {"description": inspect.cleandoc(schema["description"])}
    return schema

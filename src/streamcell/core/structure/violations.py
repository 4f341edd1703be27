"""What does not fit a schema, as one line that names the places.

It reads the complaints of pydantic and of jsonschema and knows neither package.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

MOST_PLACES: Final = 5
_LONGEST = 60
_EXPECTED: Final = {
    "int": "an integer",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "dict": "an object",
    "model": "an object",
    "dataclass": "an object",
    "none": "null",
}
_JSON_TYPES: Final = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "string": "a text",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_OF_TYPE: Final = ("type", "parsing", "from", "attributes", "exact")


class Place(NamedTuple):
    """Where something is wrong, and what."""

    path: tuple[str | int, ...]
    complaint: str

    def __str__(self) -> str:
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"{where.lstrip('.')}: {self.complaint}" if where else self.complaint


class JsonSchemaError(Protocol):
    """The part of `jsonschema.ValidationError` that is read here."""

    validator: Any
    validator_value: Any
    instance: Any
    message: str

    @property
    def absolute_path(self) -> Sequence[str | int]: ...


def line(places: Iterable[Place]) -> str:
    """The places, joined; those above `MOST_PLACES` are only counted."""
    named = list(dict.fromkeys(map(str, places)))
    more = len(named) - MOST_PLACES
    return "; ".join(named[:MOST_PLACES]) + (f"; and {more} more" if more > 0 else "")


def of_pydantic(errors: Iterable[Mapping[str, Any]], *, inside: str = "") -> list[Place]:
    """What `ValidationError.errors()` says; `inside` is a key around the value that users do not know of."""
    return [Place(_inner(tuple(error["loc"]), inside), _complaint(error)) for error in errors]


def of_jsonschema(errors: Iterable[JsonSchemaError]) -> list[Place]:
    """What a JSON schema's validator says."""
    return [Place(tuple(error.absolute_path), _said(error)) for error in errors]


def _inner(path: tuple[str | int, ...], inside: str) -> tuple[str | int, ...]:
    return path[1:] if len(path) > 1 and path[0] == inside else path


def _complaint(error: Mapping[str, Any]) -> str:
    kind: str = error["type"]
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is not part of the schema"
    family, _, rest = kind.partition("_")
    if family in _EXPECTED and rest.startswith(_OF_TYPE):
        return f"expected {_EXPECTED[family]}, got {shown(error['input'])}"
    message = _one_line(error["msg"])
    wish = message.removeprefix("Input should ")
    said = message if wish == message else f"expected {wish.removeprefix('be ')}"
    return f"{said}, got {shown(error['input'])}"


def _said(error: JsonSchemaError) -> str:
    match error.validator, error.validator_value:
        case "type", str(kind) if kind in _JSON_TYPES:
            return f"expected {_JSON_TYPES[kind]}, got {shown(error.instance)}"
        case "required", [*names] if isinstance(error.instance, dict):
            missing = [name for name in names if name not in error.instance]
            return f"is without {', '.join(missing)}"
        case validator, limit:
            return f"does not keep to {validator} {shown(limit)}: {shown(error.instance)}"


def shown(value: Any) -> str:
    """A value as JSON on one line, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _one_line(message: str) -> str:
    return " ".join(message.split())[:200]

"""A JSON schema as a provider takes it: each knows a part of the language and refuses or ignores the rest.

What is left out of the wire is told to the model in the description, and is checked by us in any case: see
`structured`. A schema that cannot be written without changing what it allows is told in words altogether.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

INSTRUCTION: Final = (
    "Answer with JSON only: one JSON value that fits the following JSON schema, without any text before or"
    " after it and without a Markdown fence."
)

_STRUCTURE: Final = frozenset({"type", "properties", "items", "enum", "const", "anyOf", "$ref"})
_NO_CONSTRAINT: Final = frozenset(
    {"$schema", "$id", "default", "examples", "discriminator", "deprecated", "readOnly", "writeOnly"}
)
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """The part of JSON schema that a provider takes, besides types, properties, items, enums and unions."""

    keywords: frozenset[str]
    formats: frozenset[str]
    closed: bool
    """Objects have to say `additionalProperties: false`, and everything has a type."""
    all_required: bool = False
    recursive: bool = True


# https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas" (November 2026); fields with
# a default are asked for, too, as the official client does.
OPENAI: Final = Language(
    keywords=frozenset(
        {"pattern", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems"}
        | {"maxItems", "const", "format", "required"}
    ),
    formats=_FORMATS,
    closed=True,
    all_required=True,
)
# https://platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations", and the
# official client's `transform_schema` (November 2026). Of `minItems` it takes 0 and 1.
ANTHROPIC: Final = Language(
    keywords=frozenset({"const", "format", "required"}),
    formats=_FORMATS | {"uri"},
    closed=True,
    recursive=False,
)
# https://ai.google.dev/api/generate-content, `responseJsonSchema` (November 2026): no `const`.
GEMINI: Final = Language(
    keywords=frozenset(
        {"prefixItems", "minItems", "maxItems", "minimum", "maximum", "additionalProperties", "format"}
        | {"required"}
    ),
    formats=frozenset({"date-time", "date", "time"}),
    closed=False,
)


def told(system: str | None, schema: Mapping[str, Any]) -> str:
    """The system prompt with the schema in words at its end."""
    said = f"{INSTRUCTION}\n\n{json.dumps(schema, ensure_ascii=False)}"
    return f"{system}\n\n{said}" if system else said


def openai_name(schema: Mapping[str, Any]) -> str:
    """What OpenAI's dialects call a schema: letters, digits, _ and - only, 64 at most."""
    return re.sub(r"[^\w-]", "_", str(schema.get("title") or ""), flags=re.ASCII)[:64] or "answer"


def written(schema: Mapping[str, Any], language: Language) -> dict[str, Any] | None:
    """The schema in this language; None when it has what the language cannot say at all."""
    try:
        if not language.recursive:
            _check_acyclic(schema)
        return _Writer(language).node(schema)
    except (_Unspeakable, RecursionError):
        return None


class _Unspeakable(Exception):
    """The language has no words for a part of the schema."""


class _Writer:
    """One walk through a schema."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def node(self, node: Any) -> dict[str, Any]:
        if not isinstance(node, Mapping) or not (_STRUCTURE | {"oneOf"}) & node.keys():
            if self._language.closed:
                raise _Unspeakable
            return dict(node) if isinstance(node, Mapping) else {}
        if "$ref" in node:
            # Nothing else may stand beside a reference.
            return {"$ref": node["$ref"]}
        kept: dict[str, Any] = {}
        left: dict[str, Any] = {}
        for keyword, value in node.items():
            if not self._structure(keyword, value, kept):
                self._constraint(keyword, value, kept, left)
        if self._language.closed and ("properties" in node or node.get("type") == "object"):
            self._close(node, kept)
        if left:
            limits = json.dumps(left, ensure_ascii=False, default=str)
            kept["description"] = "\n\n".join(filter(None, (kept.get("description"), limits)))
        return kept

    def _structure(self, keyword: str, value: Any, kept: dict[str, Any]) -> bool:
        """Write a keyword that says what a value is made of; False when this one does not."""
        match keyword:
            case "type" | "enum" | "title" | "description":
                kept[keyword] = value
            case "properties" | "$defs" | "definitions":
                kept[keyword] = {name: self.node(part) for name, part in value.items()}
            case "items":
                kept["items"] = self.node(value)
            case "anyOf" | "oneOf":
                kept["anyOf"] = [self.node(part) for part in value]
            case "additionalProperties" if self._language.closed:
                if isinstance(value, Mapping):
                    raise _Unspeakable
            case "allOf" | "prefixItems" | "patternProperties" if keyword not in self._language.keywords:
                raise _Unspeakable
            case _:
                return False
        return True

    def _constraint(self, keyword: str, value: Any, kept: dict[str, Any], left: dict[str, Any]) -> None:
        language = self._language
        if keyword in _NO_CONSTRAINT:
            return
        if keyword == "const" and keyword not in language.keywords and isinstance(value, str | float | int):
            kept["enum"] = [value]
        elif keyword not in language.keywords or not _speakable(keyword, value, language):
            left[keyword] = value
        elif keyword == "prefixItems":
            kept[keyword] = [self.node(part) for part in value]
        else:
            kept[keyword] = self.node(value) if isinstance(value, Mapping) else value

    def _close(self, node: Mapping[str, Any], kept: dict[str, Any]) -> None:
        if not node.get("properties"):
            raise _Unspeakable
        kept["additionalProperties"] = False
        if self._language.all_required:
            kept["required"] = list(node["properties"])


def _speakable(keyword: str, value: Any, language: Language) -> bool:
    match keyword:
        case "format":
            return value in language.formats
        case "pattern":
            # Nobody looks around; pydantic's own pattern of a decimal does.
            return "(?" not in value
        case _:
            return True


def _check_acyclic(schema: Mapping[str, Any]) -> None:
    named = {
        f"#/{key}/{name}": part
        for key in ("$defs", "definitions")
        for name, part in schema.get(key, {}).items()
    }
    named["#"] = {key: part for key, part in schema.items() if key not in ("$defs", "definitions")}

    def visit(reference: str, above: frozenset[str]) -> None:
        if reference in above:
            raise _Unspeakable
        for inner in _references(named.get(reference)):
            visit(inner, above | {reference})

    visit("#", frozenset())


def _references(node: Any) -> Iterator[str]:
    parts: list[Any] = []
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        parts = list(node.values())
    elif isinstance(node, list):
        parts = node
    for part in parts:
        yield from _references(part)

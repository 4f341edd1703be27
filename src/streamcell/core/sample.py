"""A value that fits a JSON schema, made without a model: for scripted answers and tool calls.

It covers what tools and structured output use (objects, arrays, unions, references, enums, bounds, formats);
`pattern` and `not` are beyond it. The same schema and material always give the same value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_DEPTH = 6
"""Nesting after which only what a schema demands is filled in; recursive schemas end here."""
_ROWS = 3
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.org",
}


def sample(schema: Mapping[str, Any], *, names: Iterable[str] = (), numbers: Iterable[float] = ()) -> Any:
    """A value for `schema`; free strings and numbers come from `names` and `numbers` while they last."""
    return _Sampler(schema, iter(names), iter(numbers)).value(schema, "value", depth=0)


class _Sampler:
    """One walk through a schema; keeps the root for references and what is left of the material."""

    def __init__(self, root: Mapping[str, Any], names: Iterator[str], numbers: Iterator[float]) -> None:
        self._root = root
        self._names = names
        self._numbers = numbers

    def value(self, schema: Any, name: str, *, depth: int, row: int = 0) -> Any:
        """A value for one part of the schema; `name` is its property, `row` its place in a list."""
        schema = self._resolved(schema, depth=depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][row % len(schema["enum"])]
        kind = _type(schema)
        if kind == "object":
            return self._object(schema, depth=depth, row=row)
        if kind == "array":
            return self._array(schema, name, depth=depth)
        return self._scalar(kind, schema, name, row=row)

    def _scalar(self, kind: str, schema: Mapping[str, Any], name: str, *, row: int) -> Any:
        match kind:
            case "integer" | "number":
                return self._number(schema, whole=kind == "integer", row=row)
            case "boolean":
                return row % 2 == 0
            case "null":
                return None
            case _:
                return self._string(schema, name, row=row)

    def _resolved(self, schema: Any, *, depth: int) -> Mapping[str, Any]:
        """The schema with its reference followed, its union decided and its parts merged."""
        for _ in range(_DEPTH):
            if not isinstance(schema, Mapping):
                return {}
            if "$ref" in schema:
                schema = self._referred(schema["$ref"])
            elif branches := schema.get("anyOf") or schema.get("oneOf"):
                schema = _chosen(branches, shallow=depth >= _DEPTH)
            elif "allOf" in schema:
                schema = self._merged(schema, depth=depth)
            else:
                return schema
        return schema if isinstance(schema, Mapping) else {}

    def _referred(self, reference: str) -> Any:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key, {}) if isinstance(found, Mapping) and key else found
        return found

    def _merged(self, schema: Mapping[str, Any], *, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            resolved = self._resolved(part, depth=depth)
            properties = {**merged.get("properties", {}), **resolved.get("properties", {})}
            required = [*merged.get("required", []), *resolved.get("required", [])]
            merged |= dict(resolved)
            if properties:
                merged |= {"properties": properties, "required": required}
        return merged

    def _object(self, schema: Mapping[str, Any], *, depth: int, row: int) -> dict[str, Any]:
        required = schema.get("required", [])
        return {
            name: self.value(part, name, depth=depth + 1, row=row)
            for name, part in schema.get("properties", {}).items()
            if depth < _DEPTH or name in required
        }

    def _array(self, schema: Mapping[str, Any], name: str, *, depth: int) -> list[Any]:
        fixed = schema.get("prefixItems", [])
        least = schema.get("minItems", 0)
        count = min(max(_ROWS, least), schema.get("maxItems", math.inf)) if depth < _DEPTH else least
        if fixed and depth < _DEPTH:
            count = max(least, len(fixed))
        parts = [*fixed, *([schema.get("items", {})] * max(0, count - len(fixed)))][:count]
        return [self.value(part, name, depth=depth + 1, row=row) for row, part in enumerate(parts)]

    def _number(self, schema: Mapping[str, Any], *, whole: bool, row: int) -> float:
        wanted = next(self._numbers, row + 1)
        low = schema.get("minimum", -math.inf)
        high = schema.get("maximum", math.inf)
        margin = 1 if whole else 0.5
        low = max(low, schema.get("exclusiveMinimum", -math.inf) + margin)
        high = min(high, schema.get("exclusiveMaximum", math.inf) - margin)
        value = max(low, min(high, wanted))
        if step := schema.get("multipleOf"):
            value = math.ceil(low / step) * step if math.isfinite(low) else math.floor(value / step) * step
        return math.ceil(value) if whole else float(value)

    def _string(self, schema: Mapping[str, Any], name: str, *, row: int) -> str:
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        text = next(self._names, None) or f"sample {name.replace('_', ' ')} {row + 1 if row else ''}".strip()
        return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _chosen(branches: list[Any], *, shallow: bool) -> Any:
    empty = [branch for branch in branches if isinstance(branch, Mapping) and branch.get("type") == "null"]
    full = [branch for branch in branches if branch not in empty]
    return (empty or full)[0] if shallow else (full or empty)[0]

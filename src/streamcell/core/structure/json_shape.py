"""Plain JSON that is still growing, as far as a JSON schema allows it to be shown.

Texts grow, but not those that only mean something when they are complete: one of several given values, a date
or anything else with a format. Nothing is checked here; what the schema does not describe is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

from streamcell.core.structure.json_schema import dereferenced, nodes
from streamcell.core.structure.simple_shapes import Shape, as_it_is, inside, until_unset

_COMPLETE: Final = frozenset({"enum", "const", "format"})


def shape_of_json(schema: Mapping[str, Any]) -> Shape:
    """The shape of what the schema describes."""
    return _Shapes(schema).of(schema) if any(map(_waits, nodes(schema))) else as_it_is


class _Shapes:
    """One walk through a schema; shapes of references are made when first used, as they may be recursive."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._known: dict[str, Shape] = {}

    def of(self, node: Any) -> Shape:
        if not isinstance(node, Mapping):
            return as_it_is
        if "$ref" in node:
            return self._referred(str(node["$ref"]))
        choices = node.get("anyOf") or node.get("oneOf")
        return self._union(choices) if choices else self._single(node)

    def _referred(self, reference: str) -> Shape:
        def shape(value: Any, whole: Any, levels: int) -> Any:
            if reference not in self._known:
                self._known[reference] = as_it_is
                self._known[reference] = self.of(dereferenced({"$ref": reference}, self._root))
            return self._known[reference](value, whole, levels)

        return shape

    def _single(self, node: Mapping[str, Any]) -> Shape:
        properties = {name: self.of(part) for name, part in node.get("properties", {}).items()}
        others = self.of(node.get("additionalProperties"))
        fixed = [self.of(part) for part in node.get("prefixItems", ())]
        items = self.of(node.get("items"))
        waits = _waits(node)

        def shape(value: Any, whole: Any, levels: int) -> Any:
            if isinstance(value, dict):
                held = whole if isinstance(whole, dict) else {}
                shown = (
                    (key, properties.get(key, others)(item, held.get(key, UNSET), inside(levels, value, key)))
                    for key, item in value.items()
                )
                return {key: item for key, item in shown if item is not UNSET}
            if isinstance(value, list):
                shapes = (fixed[i] if i < len(fixed) else items for i in range(len(value)))
                return list(until_unset(shapes, value, whole, levels))
            return whole if waits else value

        return shape

    def _union(self, choices: list[Any]) -> Shape:
        parts = [dereferenced(choice, self._root) for choice in choices]
        texts = [part for part in parts if _may_be(part, "string")]
        waits = bool(texts) and all(map(_waits, texts))
        kinds = {kind: [part for part in parts if _may_be(part, kind)] for kind in ("object", "array")}
        shapes = {kind: self._single(found[0]) for kind, found in kinds.items() if len(found) == 1}

        def shape(value: Any, whole: Any, levels: int) -> Any:
            if isinstance(value, dict | list):
                kind = "object" if isinstance(value, dict) else "array"
                return shapes.get(kind, as_it_is)(value, whole, levels)
            return whole if waits else value

        return shape


def _waits(node: Mapping[str, Any]) -> bool:
    return bool(_COMPLETE & node.keys())


def _may_be(node: Mapping[str, Any], kind: str) -> bool:
    said = node.get("type", kind)
    return kind in said if isinstance(said, list) else kind == said

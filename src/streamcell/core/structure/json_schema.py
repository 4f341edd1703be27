"""What can be read from a JSON schema: what stands at its root, and where a table's rows are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

_SHARED: Final = ("$defs", "definitions", "$schema")
"""What stays at the root of a JSON schema when the rest moves into a property: references start there."""
_LONGEST_CHAIN = 16


class Table(NamedTuple):
    """The rows in a value: under which key they are (None: it is the list, "": it is a row), and columns."""

    key: str | None
    columns: tuple[str, ...]
    written: str | None
    """The key as it stands in JSON, where a field has an alias."""


def rooted(schema: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The schema as that of an object, and the property that holds the value ("": the object is it)."""
    schema = dereferenced(schema, schema)
    if "properties" in schema or schema.get("type") == "object":
        return {**schema, "type": "object"}, ""
    key = "items" if schema.get("type") == "array" else _free_name(schema)
    shared: dict[str, Any] = {name: schema[name] for name in _SHARED if name in schema}
    inner = {name: part for name, part in schema.items() if name not in _SHARED}
    wrapped = {"type": "object", "properties": {key: inner}, "required": [key], "additionalProperties": False}
    return {**wrapped, **shared}, key


def may_be_object(schema: dict[str, Any]) -> bool:
    """Whether an object may stand at the root, be it as one of several choices."""
    root = dereferenced(schema, schema)
    choices = root.get("anyOf") or root.get("oneOf") or [root]
    return any("object" in _types(dereferenced(choice, schema)) for choice in choices)


def _types(schema: Mapping[str, Any]) -> list[str]:
    said = schema.get("type", "object")
    return said if isinstance(said, list) else [said]


def _free_name(schema: Any) -> str:
    """A name that no object in the schema has a property of, so that it tells where the value stands."""
    taken = {name for node in nodes(schema) for name in _named(node.get("properties"))}
    name = "value"
    while name in taken:
        name += "_"
    return name


def _named(properties: Any) -> Iterable[str]:
    return properties if isinstance(properties, Mapping) else ()


def nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a JSON schema, itself first."""
    if isinstance(node, Mapping):
        yield node
    parts = node.values() if isinstance(node, Mapping) else node if isinstance(node, list | tuple) else ()
    for part in parts:
        yield from nodes(part)


def dereferenced(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with a reference at its top followed; recursive types have one."""
    shared = {name: schema[name] for name in _SHARED if name in schema}
    for _ in range(_LONGEST_CHAIN):
        if not isinstance(schema, Mapping) or not str(schema.get("$ref", "")).startswith("#/"):
            break
        found: Any = root
        for step in schema["$ref"][2:].split("/"):
            found = found.get(step.replace("~1", "/").replace("~0", "~"), {})
        schema = found
    return {**schema, **shared} if isinstance(schema, Mapping) else {}


def table_of(schema: dict[str, Any], *, written: dict[str, Any]) -> Table:
    """Where the rows are: in the list, in the one list of objects of an object, or it is a row itself.

    `written` is the same schema with the names that JSON has for its fields.
    """
    root = dereferenced(schema, schema)
    if root.get("type") == "array":
        return Table(None, _columns(root, schema), None)
    properties = root.get("properties", {})
    lists = {name: columns for name, part in properties.items() if (columns := _columns(part, schema))}
    if len(lists) != 1:
        return Table("", tuple(properties), "")
    [(key, columns)] = lists.items()
    keys = list(dereferenced(written, written)["properties"])
    return Table(key, columns, keys[list(properties).index(key)])


def _columns(part: Any, root: dict[str, Any]) -> tuple[str, ...]:
    """The names of what the items of a list have; none when they are no objects, or there is no list."""
    items = _not_null(_not_null(part, root).get("items", {}), root)
    return tuple(items.get("properties", ()))


def _not_null(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    schema = dereferenced(schema, root)
    full = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    return dereferenced(full[0], root) if len(full) == 1 else schema

"""Plain JSON that is still growing, as an instance of the type that it will be.

A shape is made once from pydantic's core schema, which has every name resolved and every alias in place. It
fills instances without validating them: what has not come is None in a model or dataclass and left out of a
dict. A value shows itself only when it can change no more, except that texts, lists and objects grow. No
validator of the user's is called; those see the whole answer.

Source: pydantic_core.core_schema (2.50).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from streamcell.core.structure.unvalidated import Core, maker

Shape = Callable[[Any, Any], Any]
"""Given a value as far as it has come, and the same without an open string (UNSET if that is all of it):
what to show; UNSET for nothing yet."""

_WRAPPERS: Final = frozenset(
    {
        "default",
        "nullable",
        "function-before",
        "function-after",
        "function-wrap",
        "custom-error",
        "model-field",
    }
)
_INNER: Final = {"json-or-python": "json_schema", "lax-or-strict": "lax_schema"}
_OBJECTS: Final = frozenset({"model", "dataclass", "typed-dict", "dict"})
_LISTS: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}
_LATE: Final = ("function-", "chain", "url", "multi-host-url")
"""What only a function makes: one of the user's, or pydantic's own around its kinds of addresses."""
_TEXTS: Final = frozenset({"str", "any"})
_EXACT: Final[dict[str, tuple[type, ...]]] = {"int": (int,), "bool": (bool,), "float": (float, int)}


class Field(NamedTuple):
    """One field of an object: its name, the keys it goes by in JSON, and its core schema."""

    name: str
    keys: tuple[str, ...]
    core: Core


def shape_of(core: Core) -> Shape:
    """The shape of a type, from its core schema."""
    return _Shapes().of(core)


def as_it_is(value: Any, _whole: Any) -> Any:
    """The shape of what has no type: plain JSON."""
    return value


class _Shapes:
    """One walk through a core schema; keeps its definitions, as types may be recursive."""

    def __init__(self) -> None:
        self._cores: dict[str, Core] = {}
        self._known: dict[str, Shape] = {}

    def of(self, core: Core) -> Shape:
        core = self._bare(core)
        kind = core["type"]
        if kind == "definition-ref":
            return self._referred(core["schema_ref"])
        if kind in ("union", "tagged-union"):
            return self._union([self._bare(choice) for choice in _choices(core)])
        if kind in _LISTS:
            return self._list(core)
        if kind in _OBJECTS:
            return self._object(core)
        if kind.startswith(_LATE):
            return _nothing
        return as_it_is if kind == "any" else _text if kind == "str" else _scalar(core)

    def _bare(self, core: Core) -> Core:
        """The core schema without definitions, defaults, and validators around it."""
        while True:
            if core["type"] == "definitions":
                self._cores |= {named["ref"]: named for named in core["definitions"]}
                core = core["schema"]
            elif core["type"] in _WRAPPERS:
                core = core["schema"]
            elif core["type"] in _INNER:
                core = core[_INNER[core["type"]]]
            else:
                break
        if "ref" in core:
            self._cores.setdefault(core["ref"], core)
        return core

    def _referred(self, reference: str) -> Shape:
        """The shape of a definition, made when it is first used."""

        def shape(value: Any, whole: Any) -> Any:
            if reference not in self._known:
                self._known[reference] = self.of(self._cores[reference])
            return self._known[reference](value, whole)

        return shape

    def _list(self, core: Core) -> Shape:
        make, items = _LISTS[core["type"]], core.get("items_schema")
        fixed = [self.of(item) for item in items] if isinstance(items, list) else []
        last = core.get("variadic_item_index") if isinstance(items, list) else None
        more = fixed[last] if last is not None else self.of(items) if isinstance(items, dict) else as_it_is

        def shape(value: Any, whole: Any) -> Any:
            if not isinstance(value, list):
                return UNSET
            shapes = (fixed[i] if i < len(fixed) else more for i in range(len(value)))
            held = whole if isinstance(whole, list) else []
            return make(list(until_unset(shapes, value, held)))

        return shape

    def _object(self, core: Core) -> Shape:
        if core["type"] == "dict":
            return self._mapping(core)
        if core.get("root_model"):
            return self._root(core)
        fields = [(field, self.of(field.core)) for field in _fields(core)]
        make = maker(core)

        def shape(value: Any, whole: Any) -> Any:
            if not isinstance(value, dict):
                return UNSET
            held = whole if isinstance(whole, dict) else {}
            shown = {}
            for field, inner in fields:
                for key in field.keys:
                    if (
                        key in value
                        and (grown := _shown(inner, value[key], held.get(key, UNSET))) is not UNSET
                    ):
                        shown[field.name] = grown
            return make(shown)

        return shape

    def _root(self, core: Core) -> Shape:
        inner, make = self.of(core["schema"]), maker(core)

        def shape(value: Any, whole: Any) -> Any:
            grown = _shown(inner, value, whole)
            return make({} if grown is UNSET else {"root": grown})

        return shape

    def _mapping(self, core: Core) -> Shape:
        keys = self._bare(core.get("keys_schema", {"type": "any"}))
        named = as_it_is if keys["type"] in _TEXTS else _scalar(keys, written_as_text=True)
        inner = self.of(core.get("values_schema", {"type": "any"}))

        def shape(value: Any, whole: Any) -> Any:
            if not isinstance(value, dict):
                return UNSET
            held = whole if isinstance(whole, dict) else {}
            grown = (
                (named(key, key), _shown(inner, item, held.get(key, UNSET))) for key, item in value.items()
            )
            return {key: item for key, item in grown if key is not UNSET and item is not UNSET}

        return shape

    def _union(self, choices: list[Core]) -> Shape:
        choices = [self._cores.get(choice.get("schema_ref", ""), choice) for choice in choices]
        choices = [self._bare(choice) for choice in choices]
        objects = [(self._tags(choice), self.of(choice)) for choice in choices if choice["type"] in _OBJECTS]
        lists = [self.of(choice) for choice in choices if choice["type"] in _LISTS]
        grows = any(choice["type"] in _TEXTS for choice in choices)
        scalars = [choice for choice in choices if choice["type"] not in {*_OBJECTS, *_LISTS, *_TEXTS}]
        scalar = _scalar({"type": "union", "choices": scalars}) if scalars else _nothing

        def shape(value: Any, whole: Any) -> Any:
            if isinstance(value, dict):
                fitting = [inner for tags, inner in objects if _may_be(tags, whole)]
                return fitting[0](value, whole) if len(fitting) == 1 else UNSET
            if isinstance(value, list):
                return lists[0](value, whole) if len(lists) == 1 else UNSET
            return value if grows and isinstance(value, str) else scalar(value, whole)

        return shape

    def _tags(self, core: Core) -> dict[str, list[Any]]:
        """The keys that tell one choice of a union from another, and what they may say here."""
        if core["type"] == "dict" or core.get("root_model"):
            return {}
        bare = ((field, self._bare(field.core)) for field in _fields(core))
        return {field.keys[0]: inner["expected"] for field, inner in bare if inner["type"] == "literal"}


def _shown(shape: Shape, value: Any, whole: Any) -> Any:
    """What the shape shows; null is shown wherever it came: whether it is allowed is seen at the end."""
    return None if value is None else shape(value, whole)


def until_unset(shapes: Iterable[Shape], value: list[Any], held: list[Any]) -> Iterator[Any]:
    """The items of a list up to the first that has nothing to show, so that what is shown only grows."""
    for index, (shape, item) in enumerate(zip(shapes, value, strict=True)):
        grown = _shown(shape, item, held[index] if index < len(held) else UNSET)
        if grown is UNSET:
            return
        yield grown


def _text(value: Any, _whole: Any) -> Any:
    return value if isinstance(value, str) else UNSET


def _nothing(_value: Any, _whole: Any) -> Any:
    return UNSET


def _scalar(core: Core, *, written_as_text: bool = False) -> Shape:
    """Numbers, dates, enums, …: what JSON writes as one scalar; shown when that is complete and fits.

    `written_as_text`: also numbers are, as keys.
    """
    from pydantic_core import SchemaError, SchemaValidator, ValidationError  # noqa: PLC0415 - only with schema=

    exact = None if written_as_text else _EXACT.get(core["type"])
    validate = None
    with suppress(SchemaError):
        validate = SchemaValidator(dict(core)).validate_json

    def shape(_value: Any, whole: Any) -> Any:
        if whole is UNSET or isinstance(whole, dict | list) or validate is None:
            return UNSET
        if exact is not None:
            return exact[0](whole) if type(whole) in exact else UNSET
        try:
            return validate(json.dumps(whole))
        except ValidationError:
            return UNSET

    return shape


def _choices(core: Core) -> list[Core]:
    given = core["choices"]
    choices = given.values() if isinstance(given, dict) else given
    return [choice[0] if isinstance(choice, tuple) else choice for choice in choices]


def _fields(core: Core) -> Iterator[Field]:
    """The fields of a model, a dataclass or a typed dict, whatever stands around them."""
    while "fields" not in core or core["type"] == "dataclass":
        core = core["schema"]
    given = core["fields"]
    named = given.items() if isinstance(given, dict) else [(field["name"], field) for field in given]
    for name, field in named:
        alias = field.get("validation_alias")
        keys = (alias, name) if isinstance(alias, str) else (name,)
        yield Field(name, keys, field["schema"])


def _may_be(tags: dict[str, list[Any]], whole: Any) -> bool:
    said = whole if isinstance(whole, dict) else {}
    return all(key not in said or said[key] in allowed for key, allowed in tags.items())

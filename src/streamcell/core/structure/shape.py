"""Plain JSON that is still growing, as an instance of the type that it will be.

A shape is made once from pydantic's core schema, which has every name resolved and every alias in place. It
fills instances without validating them: what has not come is None in a model or dataclass and left out of a
dict. A value shows itself only when it can change no more, except that texts, lists and objects grow. A
validator of the user's sees the whole answer alone, with two exceptions: it may tell which choice of a union
a complete object is, where no tag does, and it runs inside what is shown in one piece, such as members of
sets.

Source: pydantic_core.core_schema (2.50).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from streamcell.core.structure.complete import (
    Surroundings,
    chooser,
    is_left_out,
    is_plain_text,
    reader,
)
from streamcell.core.structure.simple_shapes import (
    Shape,
    as_it_is,
    inside,
    is_hashable,
    nothing,
    shown_by,
    text,
    text_or,
    until_unset,
    when_complete,
)
from streamcell.core.structure.unvalidated import Core, maker

_WRAPPERS: Final = frozenset({"default", "nullable", "custom-error", "model-field"})
_FUNCTIONS: Final = frozenset({"function-before", "function-after", "function-wrap"})
_INNER: Final = {"json-or-python": "json_schema", "lax-or-strict": "lax_schema"}
_OBJECTS: Final = frozenset({"model", "dataclass", "typed-dict", "dict"})
_LISTS: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}
_SETS: Final = frozenset({"set", "frozenset"})
_LATE: Final = frozenset({"chain", "generator"})
"""What has functions of the user's inside, and what can be read but once."""
_TEXTS: Final = frozenset({"str", "any"})
_NO_RIVALS: Final = frozenset({"int", "float", "bool", "none", "literal", "enum"})
"""What gives way to a text in a union, wherever it stands there."""
_NO_RIVALS_BEHIND: Final = _TEXTS | {"date", "datetime", "time", "timedelta", "decimal", "bytes", "json"}
"""What gives way to a text that stands before it."""


class Field(NamedTuple):
    """One field of an object: its name, the keys it goes by in JSON, and its core schema."""

    name: str
    keys: tuple[str, ...]
    core: Core


def shape_of(core: Core) -> Shape:
    """The shape of a type, from its core schema."""
    return _Shapes().of(core)


class _Shapes:
    """One walk through a core schema; keeps its definitions, as types may be recursive."""

    def __init__(self) -> None:
        self._cores: dict[str, Core] = {}
        self._known: dict[str, Shape] = {}
        self._around = Surroundings((), {})

    def of(self, core: Core) -> Shape:
        core = self._bare(core)
        kind = core["type"]
        if kind == "definition-ref":
            return self._referred(core["schema_ref"])
        if kind in ("union", "tagged-union"):
            return self._union(core)
        if kind in _LISTS:
            return self._set(core) if kind in _SETS else self._list(core)
        if kind in _OBJECTS:
            return self._object(core)
        if kind in _TEXTS and is_plain_text(core, self._around.config):
            return as_it_is if kind == "any" else text
        return self._complete(core)

    def _bare(self, core: Core) -> Core:
        """The core schema without definitions, defaults, and the functions around it that are left out."""
        while True:
            if core["type"] == "definitions":
                self._cores |= {named["ref"]: named for named in core["definitions"]}
                self._around = self._around._replace(definitions=tuple(core["definitions"]))
                core = core["schema"]
            elif core["type"] in _WRAPPERS or (core["type"] in _FUNCTIONS and is_left_out(core)):
                core = core["schema"]
            elif core["type"] in _INNER:
                core = core[_INNER[core["type"]]]
            else:
                break
        if "ref" in core:
            self._cores.setdefault(core["ref"], core)
        return core

    def _complete(self, core: Core) -> Shape:
        """Numbers, dates, enums, secrets, …: shown when they are complete and fit."""
        return nothing if _is_late(core) else when_complete(reader(core, self._around))

    def _referred(self, reference: str) -> Shape:
        """The shape of a definition, made when it is first used."""

        def shape(value: Any, whole: Any, levels: int) -> Any:
            if reference not in self._known:
                self._known[reference] = self.of(self._cores[reference])
            return self._known[reference](value, whole, levels)

        return shape

    def _list(self, core: Core) -> Shape:
        make, items = _LISTS[core["type"]], core.get("items_schema")
        fixed = [self.of(item) for item in items] if isinstance(items, list) else []
        last = core.get("variadic_item_index") if isinstance(items, list) else None
        more = fixed[last] if last is not None else self.of(items) if isinstance(items, dict) else as_it_is

        def shape(value: Any, whole: Any, levels: int) -> Any:
            if not isinstance(value, list):
                return UNSET
            shapes = (fixed[i] if i < len(fixed) else more for i in range(len(value)))
            return make(list(until_unset(shapes, value, whole, levels)))

        return shape

    def _set(self, core: Core) -> Shape:
        """Members are what they will be from the start: one that changes would leave the set."""
        make = _LISTS[core["type"]]
        member = when_complete(reader(core.get("items_schema", {"type": "any"}), self._around))

        def shape(value: Any, whole: Any, levels: int) -> Any:
            if not isinstance(value, list):
                return UNSET
            members = until_unset((member for _ in value), value, whole, levels)
            return make(list(itertools.takewhile(is_hashable, members)))

        return shape

    def _object(self, core: Core) -> Shape:
        if core["type"] == "dict":
            return self._mapping(core)
        outside, self._around = self._around, self._around._replace(config=core.get("config", {}))
        made = self._root(core) if core.get("root_model") else self._fielded(core)
        self._around = outside
        return made

    def _fielded(self, core: Core) -> Shape:
        fields = [(field, self.of(field.core)) for field in _fields(core)]
        make = maker(core)

        def shape(value: Any, whole: Any, levels: int) -> Any:
            if not isinstance(value, dict):
                return UNSET
            held = whole if isinstance(whole, dict) else {}
            shown = {}
            for field, inner in fields:
                for key in field.keys:
                    if key not in value:
                        continue
                    below = inside(levels, value, key)
                    if (grown := shown_by(inner, value[key], held.get(key, UNSET), below)) is not UNSET:
                        shown[field.name] = grown
            return make(shown)

        return shape

    def _root(self, core: Core) -> Shape:
        inner, make = self.of(core["schema"]), maker(core)

        def shape(value: Any, whole: Any, levels: int) -> Any:
            grown = shown_by(inner, value, whole, levels)
            return make({} if grown is UNSET else {"root": grown})

        return shape

    def _mapping(self, core: Core) -> Shape:
        key_core = self._bare(core.get("keys_schema", {"type": "any"}))
        plain = is_plain_text(key_core, self._around.config)
        named = None if plain else reader(key_core, self._around, written_as_text=True)
        inner = self.of(core.get("values_schema", {"type": "any"}))

        def shape(value: Any, whole: Any, levels: int) -> Any:
            if not isinstance(value, dict):
                return UNSET
            held = whole if isinstance(whole, dict) else {}
            grown = (
                (
                    named(key) if named else key,
                    shown_by(inner, item, held.get(key, UNSET), inside(levels, value, key)),
                )
                for key, item in value.items()
            )
            return {key: item for key, item in grown if key is not UNSET and item is not UNSET}

        return shape

    def _union(self, core: Core) -> Shape:
        given = [self._bare(choice) for choice in _choices(core)]
        choices = [self._bare(self._cores.get(choice.get("schema_ref", ""), choice)) for choice in given]
        objects = {i: self.of(given[i]) for i, choice in enumerate(choices) if choice["type"] in _OBJECTS}
        lists = {i: self.of(given[i]) for i, choice in enumerate(choices) if choice["type"] in _LISTS}
        tags = {i: self._tags(choices[i]) for i in objects}
        choose = chooser(core, _choices(core), self._around)
        other = self._other_than(objects.keys() | lists.keys(), choices, core)

        def shape(value: Any, whole: Any, levels: int) -> Any:
            if isinstance(value, dict):
                fitting = {i: inner for i, inner in objects.items() if _may_be(tags[i], whole)}
            else:
                fitting = lists if isinstance(value, list) else {}
            if len(fitting) == 1:
                [inner] = fitting.values()
                return inner(value, whole, levels)
            if fitting:
                inner = nothing if levels else fitting.get(choose(whole), nothing)
                return inner(value, whole, levels)
            return other(value, whole, levels)

        return shape

    def _other_than(self, containers: AbstractSet[int], choices: list[Core], core: Core) -> Shape:
        """The shape of what is no object and no list in a union; a text grows where it stays a text."""
        rest = [choice for i, choice in enumerate(choices) if i not in containers]
        if any(map(_is_late, rest)):
            return nothing
        if self._is_text_first(rest, core.get("mode")):
            return text_or(self._union_of([choice for choice in rest if choice["type"] not in _TEXTS], core))
        return self._union_of(rest, core)

    def _is_text_first(self, choices: list[Core], mode: str | None) -> bool:
        """Whether pydantic takes every text as one and nothing else."""
        texts = [is_plain_text(choice, self._around.config) for choice in choices]
        if True not in texts:
            return False
        kinds = [choice["type"] for choice in choices]
        before, behind = kinds[: texts.index(True)], kinds[texts.index(True) + 1 :]
        if mode == "left_to_right":
            return not before
        return _NO_RIVALS.issuperset(before) and (_NO_RIVALS | _NO_RIVALS_BEHIND).issuperset(behind)

    def _union_of(self, choices: list[Core], core: Core) -> Shape:
        mode = {"mode": core["mode"]} if "mode" in core else {}
        return self._complete({"type": "union", "choices": choices, **mode}) if choices else nothing

    def _tags(self, core: Core) -> dict[str, list[Any]]:
        """The keys that tell one choice of a union from another, and what they may say here."""
        if core["type"] == "dict" or core.get("root_model"):
            return {}
        bare = ((field, self._bare(field.core)) for field in _fields(core))
        return {field.keys[0]: inner["expected"] for field, inner in bare if inner["type"] == "literal"}


def _is_late(core: Core) -> bool:
    return core["type"] in _LATE or (core["type"] == "function-plain" and is_left_out(core))


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

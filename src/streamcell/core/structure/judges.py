"""Who says whether an answer fits a schema: pydantic for a type, jsonschema for a JSON schema.

Both are loaded when the first schema is given. What they complain of comes out as places, never as an
exception of theirs.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jiter

from streamcell.core.structure import violations
from streamcell.core.structure.json_shape import shape_of_json
from streamcell.core.structure.json_types import with_late_typed_dicts
from streamcell.core.structure.shape import shape_of
from streamcell.core.structure.simple_shapes import Shape
from streamcell.core.structure.violations import Place
from streamcell.errors import UsageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_TAKEN = (
    "schema takes a pydantic model, a dataclass, a TypedDict, list[…] of these, or a JSON schema as a dict"
)
_KEYWORDS: Final = frozenset(
    {"type", "properties", "$ref", "anyOf", "oneOf", "allOf", "items", "prefixItems"}
)

Judge = Callable[[str], Any]
"""The value of a JSON document; raises `Unfit`."""


class Unfit(Exception):
    """The places where a document does not fit."""

    def __init__(self, places: list[Place]) -> None:
        self.places = places


class Judged(NamedTuple):
    """What the two kinds of schemas have in common."""

    json: dict[str, Any]
    plain: dict[str, Any]
    """The JSON schema with the names that Python uses, where those differ."""
    judge: Judge
    wrapped: Callable[[str], Judge]
    """The judge of a document that holds the value under this key."""
    shape: Shape


# A type, with pydantic


def of_type(given: object, name: str) -> Judged:
    # pydantic takes a quarter of a second to load, which only a schema is worth.
    import pydantic  # noqa: PLC0415
    from typing_extensions import TypedDict  # noqa: PLC0415 - comes with pydantic

    if not _is_type(given, pydantic.BaseModel):
        raise UsageError(f"{_TAKEN}, not {short(given)}")
    try:
        known = with_late_typed_dicts(given)
        adapter = pydantic.TypeAdapter[Any](known)

        def wrapped(key: str) -> Judge:
            outer = TypedDict("outer", {key: known})  # type: ignore[misc]
            return functools.partial(_judged, pydantic.TypeAdapter(outer), key)

        return Judged(
            json=adapter.json_schema(),
            plain=adapter.json_schema(by_alias=False),
            judge=functools.partial(_judged, adapter, ""),
            wrapped=wrapped,
            shape=shape_of(adapter.core_schema),
        )
    except (pydantic.PydanticUserError, NameError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"schema {name} cannot be written as JSON schema: {reason}") from None


def _judged(adapter: TypeAdapter[Any], inside: str, document: str) -> Any:
    from pydantic import ValidationError  # noqa: PLC0415 - loaded by now

    try:
        value = adapter.validate_json(document)
    except ValidationError as error:
        raise Unfit(_places(error.errors(include_url=False), inside, document)) from None
    except Exception as error:  # noqa: BLE001 - a validator of the user's; what it raises is not ours
        raise Unfit([Place((), f"its validator raised {type(error).__name__}: {error}")]) from None
    return value[inside] if inside else value


def _places(errors: list[Any], inside: str, document: str) -> list[Place]:
    if errors and errors[0]["type"] == "json_invalid":
        return [_no_json(errors[0]["msg"].removeprefix("Invalid JSON: "), document)]
    return violations.of_pydantic(errors, inside=inside)


def _no_json(reason: str, document: str) -> Place:
    return Place((), f"it is no JSON ({reason}): {violations.shown(document)}")


def _is_type(given: object, base: type) -> bool:
    """Whether it is a type that the answer as a whole may have."""
    origin = typing.get_origin(given)
    if origin is list:
        return True
    if not isinstance(origin or given, type):
        return False
    return (
        _is_typed_dict(given)
        or dataclasses.is_dataclass(origin or given)
        or issubclass(typing.cast("type", origin or given), base)
    )


def _is_typed_dict(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, dict) and hasattr(given, "__total__")


# A JSON schema, with jsonschema


def of_json_schema(given: Mapping[str, Any]) -> Judged:
    schema = dict(given)
    if not _KEYWORDS & schema.keys():
        raise UsageError(f"{_TAKEN}; this dict has no 'type' and no 'properties'")
    validator = _validator(schema)

    def judge(document: str, key: str = "") -> Any:
        try:
            value = jiter.from_json(document.encode())
        except ValueError as error:
            raise Unfit([_no_json(str(error), document)]) from None
        if key:
            if not isinstance(value, dict) or value.keys() != {key}:
                raise Unfit([Place((), f"expected an object with {key!r} alone")])
            value = value[key]
        if places := violations.of_jsonschema(validator(value)):
            raise Unfit(places)
        return value

    return Judged(schema, schema, judge, lambda key: functools.partial(judge, key=key), shape_of_json(schema))


def _validator(schema: dict[str, Any]) -> Callable[[Any], list[Any]]:
    try:
        # Only a schema given as a dict needs them; they come with every Jupyter.
        import jsonschema  # type: ignore[import-untyped]  # noqa: PLC0415
        import referencing  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "a JSON schema is checked with jsonschema: pip install jsonschema, or give a type"
        ) from None
    try:
        json.dumps(schema)
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        kind.check_schema(schema)
    except (jsonschema.SchemaError, TypeError, ValueError) as error:
        reason = str(getattr(error, "message", error)).partition("\n")[0][:200]
        raise UsageError(f"schema is no JSON schema: {reason}") from None
    # An own, empty registry: nothing is ever fetched.
    checked = kind(schema, format_checker=kind.FORMAT_CHECKER, registry=referencing.Registry())

    def errors(value: Any) -> list[Any]:
        try:
            return sorted(checked.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
        except referencing.exceptions.Unresolvable as error:
            raise UsageError(f"schema refers to what is not in it: {error.ref}") from None

    return errors


def name_of(given: object) -> str:
    if isinstance(given, Mapping):
        return str(given.get("title") or "the schema")[:60]
    if typing.get_origin(given) is list:
        return f"list[{', '.join(map(name_of, typing.get_args(given)))}]"
    # Unions and other forms show themselves with the modules of their parts.
    return given.__name__ if isinstance(given, type) else re.sub(r"\w+\.", "", short(given))


def short(given: object) -> str:
    return repr(given)[:60]

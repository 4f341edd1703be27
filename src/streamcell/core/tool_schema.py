"""The parameters of a function as a JSON schema, and the arguments of a call read strictly against them.

Pydantic makes the schema and checks the values. It is given a stand-in that only has the function's
parameters, so that the function itself is never called here, and parameters may have any name.
What a tool is for, who allows it and who runs it is not known here.
"""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_args, get_origin

from streamcell.core import docstring
from streamcell.core.signature import documentation, hints_of, signature_of
from streamcell.core.structure.json_types import with_late_typed_dicts
from streamcell.errors import ToolError, UsageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

Schema = dict[str, Any]
_MOST_PROBLEMS = 8
_LONGEST_VALUE = 60


@dataclass(frozen=True, eq=False)
class Parameters:
    """What a function takes: its JSON schema (type object, closed) and the reader of arguments."""

    schema: Schema
    _adapter: TypeAdapter[dict[str, Any]]
    _is_open: bool

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Keyword arguments of the annotated types, defaults included.

        Nothing is coerced, but that an integer may stand for a number, and what JSON cannot say is written
        as text or a list. Raises `ToolError` with all problems in one line.
        """
        try:
            text = json.dumps(arguments, allow_nan=False)
            made = self._adapter.validate_json(text, strict=True, extra=None if self._is_open else "forbid")
            problems = list(_coerced(arguments, made, ""))
        except Exception as error:  # noqa: BLE001 - a type's own validator may raise anything
            problems = list(_problems(error))
        if not problems:
            return made
        more = len(problems) - _MOST_PROBLEMS
        told = [*problems[:_MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
        raise ToolError("; ".join(told)) from None


def parameters_of(function: Callable[..., Any], name: str) -> Parameters:
    """The parameters of `function`, the tool called `name`; what `functools.partial` bound is not offered.

    Raises `UsageError` for a parameter that a model cannot fill.
    """
    import pydantic  # noqa: PLC0415 - heavy, and needed only by those who use tools

    signature = signature_of(function, name)
    hints = {
        parameter: with_late_typed_dicts(hint)
        for parameter, hint in hints_of(function, signature, name).items()
    }
    try:
        # Both are said: the adapter knows this option only as the default of what has no options of its own.
        config = pydantic.ConfigDict(strict=True, extra="forbid")
        adapter = pydantic.TypeAdapter[dict[str, Any]](_stand_in(signature, hints), config=config)
        schema = adapter.json_schema(schema_generator=_schema_generator())
    except Exception as error:  # noqa: BLE001 - types bring code of their own
        _refuse(name, hints, error)
    is_open = _close(schema)
    _describe(schema, hints, docstring.read(documentation(function)).parameters)
    return Parameters(schema, adapter, is_open)


def _stand_in(signature: inspect.Signature, hints: dict[str, Any]) -> Any:
    def given(**arguments: Any) -> dict[str, Any]:
        return arguments

    given.__signature__ = signature  # type: ignore[attr-defined]
    given.__annotations__ = hints
    return given


def _schema_generator() -> Any:
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415 - as above

    class Untitled(GenerateJsonSchema):
        """Without titles that only repeat the name, and without warnings for defaults JSON cannot say."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - pydantic's

        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

    return Untitled


def _refuse(name: str, hints: dict[str, Any], error: Exception) -> NoReturn:
    """Name the parameter to blame: pydantic's own message tells the type alone."""
    import pydantic  # noqa: PLC0415 - as above

    for parameter, hint in hints.items():
        try:
            pydantic.TypeAdapter(hint).json_schema(schema_generator=_schema_generator())
        except Exception as reason:  # noqa: BLE001 - types bring code of their own
            raise UsageError(
                f"no JSON schema can be made for the parameter {parameter!r} of the tool {name!r} "
                f"({_first_line(reason)}); use types that JSON has, or bind it with functools.partial"
            ) from None
    raise UsageError(f"no JSON schema can be made for the tool {name!r}: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _close(schema: Schema) -> bool:
    """Shut the objects inside the parameters too, unless one is declared open: whether that is so."""
    objects = [made for made in schema.get("$defs", {}).values() if "properties" in made]
    if any(made.get("additionalProperties") for made in objects):
        return True
    for made in objects:
        made["additionalProperties"] = False
    return False


def _describe(schema: Schema, hints: dict[str, Any], written: dict[str, str]) -> None:
    for name, made in schema.get("properties", {}).items():
        text = _annotated_text(hints.get(name)) or written.get(name)
        if text:
            made.setdefault("description", text)


def _annotated_text(hint: Any) -> str | None:
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((extra for extra in extras if isinstance(extra, str)), None)


def _problems(error: Exception) -> Iterator[str]:
    import pydantic  # noqa: PLC0415 - as above

    if isinstance(error, pydantic.ValidationError):
        yield from _listed(error)
    else:
        yield f"the arguments cannot be read ({type(error).__name__}: {_short(str(error))})"


def _listed(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_context=False):
        place = ".".join(map(str, problem["loc"])) or "the arguments"
        match problem["type"]:
            case "missing" | "missing_argument" | "missing_keyword_only_argument":
                yield f"{place} is missing"
            case "unexpected_keyword_argument" | "extra_forbidden":
                yield f"{place} is unknown"
            case _:
                said = problem["msg"].replace("Input should", "should", 1)
                yield f"{place}: {said}, not {_short(json.dumps(problem['input'], default=repr))}"


def _coerced(given: object, made: object, place: str) -> Iterator[str]:
    """Where pydantic took another value for the one given.

    For `Literal[1]` and enums it compares as Python does (`True == 1 == 1.0`), and a number too large for a
    float it makes infinite. An integer may stand for a float: JSON has one kind of number.
    """
    value = made.value if isinstance(made, Enum) else made
    match given:
        case dict():
            fields = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
            for name in given.keys() & fields.keys():
                yield from _coerced(given[name], fields[name], f"{place}.{name}" if place else str(name))
        case list() if isinstance(value, list | tuple):
            for index, (one, other) in enumerate(zip(given, value, strict=False)):
                yield from _coerced(one, other, f"{place}.{index}")
        case bool() | int() | float() if isinstance(value, int | float):
            if isinstance(value, float) and math.isinf(value):
                yield f"{place}: is too large, {_short(json.dumps(given))}"
            elif type(value) is not type(given) and not (type(given) is int and type(value) is float):
                yield f"{place}: should be {_short(json.dumps(value))}, not {_short(json.dumps(given))}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"

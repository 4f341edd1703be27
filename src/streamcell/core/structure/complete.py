"""Values that show themselves when they are complete, and how pydantic reads them then.

A core schema is all that is known here; the walk through it and what grows are in `shape`.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, cast

from msgspec import UNSET

from streamcell.core.structure.unvalidated import Core

Reader = Callable[[Any], Any]
"""What a complete value of plain JSON is; UNSET when it does not fit."""

_EXACT: Final[dict[str, tuple[type, ...]]] = {"int": (int,), "bool": (bool,), "float": (float, int)}
_ALTERING: Final = ("to_lower", "to_upper", "strip_whitespace")
_OWN: Final = frozenset({*sys.stdlib_module_names, "pydantic", "pydantic_core"})
_BINDERS: Final = "pydantic._internal._decorators"
"""Modules that put functions of the user's into their own."""
_CHECKS: Final = frozenset(
    {
        *("greater_than_validator", "greater_than_or_equal_validator", "multiple_of_validator"),
        *("less_than_validator", "less_than_or_equal_validator", "forbid_inf_nan_check"),
        *("min_length_validator", "max_length_validator", "max_digits_validator"),
        *("decimal_places_validator", "sequence_validator"),
    }
)
"""pydantic's functions that leave a value as it is; source: pydantic/_internal/_validators.py (2.14)."""
_OUTSIDE: Final = frozenset(
    {"import_string", "validate_file", "validate_directory", "validate_new", "validate_socket"}
)
"""Those that look at the disk or import a module, which waits for the whole answer."""


class Surroundings(NamedTuple):
    """What a part of a core schema needs from the whole: its definitions, and its model's configuration."""

    definitions: tuple[Core, ...]
    config: Core


def is_plain_text(core: Core, config: Core) -> bool:
    """Whether a text, once validated, is what the answer says: then half of it is the beginning of it."""
    return core["type"] == "any" or (
        core["type"] == "str"
        and not any(core.get(option, config.get(f"str_{option}")) for option in _ALTERING)
    )


def is_left_out(core: Core) -> bool:
    """Whether the function around a type has no say before the end: it is the user's, or only a check.

    All others, such as those of `SecretStr` and `Path`, make something else of the value.
    """
    function = core["function"]["function"]
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type) or _belongs_to_type(function):
        return False
    if getattr(function, "__name__", "") in _CHECKS | _OUTSIDE:
        return True
    module = getattr(function, "__module__", None) or "builtins"
    return module.startswith(_BINDERS) or module.partition(".")[0] not in _OWN


def _belongs_to_type(function: Any) -> bool:
    """Whether it is a class method of a type that makes its own values, not of one with validated fields."""
    owner = function.__self__ if inspect.ismethod(function) else None
    return isinstance(owner, type) and not (
        hasattr(owner, "__pydantic_decorators__")
        or dataclasses.is_dataclass(owner)
        or hasattr(owner, "__total__")
    )


def reader(core: Core, around: Surroundings, *, written_as_text: bool = False) -> Reader:
    """Reads a value of the type; `written_as_text`, as keys are, also numbers are read."""
    if core["type"] in _EXACT and not written_as_text:
        return functools.partial(_exactly, _EXACT[core["type"]])
    return _validating(core, around)


def _exactly(types: tuple[type, ...], value: Any) -> Any:
    return types[0](value) if type(value) in types else UNSET


def chooser(core: Core, choices: Iterable[Core], around: Surroundings) -> Reader:
    """Says which choice of a union, counted from 0, pydantic takes for a value."""
    labelled = [_labelled(index, choice) for index, choice in enumerate(choices)]
    given = core["choices"]
    named = dict(zip(given, labelled, strict=True)) if isinstance(given, Mapping) else labelled
    return _validating({**core, "choices": named}, around)


def _labelled(index: int, core: Core) -> Core:
    def label(_value: Any) -> int:
        return index

    return {"type": "function-after", "function": {"type": "no-info", "function": label}, "schema": core}


def _validating(core: Core, around: Surroundings) -> Reader:
    @functools.cache
    def validate() -> Callable[[str], Any] | None:
        from pydantic_core import SchemaError, SchemaValidator  # noqa: PLC0415 - only with schema=

        whole: Any = core
        if around.definitions:
            whole = {"type": "definitions", "schema": core, "definitions": list(around.definitions)}
        try:
            return SchemaValidator(whole, cast("Any", around.config)).validate_json
        except SchemaError:
            return None

    def read(value: Any) -> Any:
        known = validate()
        if known is None:
            return UNSET
        try:
            return known(json.dumps(value))
        except Exception:  # noqa: BLE001 - functions of the user's may run; what is wrong is said at the end
            return UNSET

    return read

"""Instances of models and dataclasses of which only some fields are known, made without validation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

Core = Mapping[str, Any]
"""A core schema of pydantic's; see `shape`."""
Make = Callable[[dict[str, Any]], Any]


def maker(core: Core) -> Make:
    """What makes an instance of the object's type from the fields that have come; the others are None."""
    if core["type"] == "typed-dict":
        return dict
    return _of_dataclass(core["cls"]) if core["type"] == "dataclass" else _of_model(core["cls"])


def _of_dataclass(cls: Any) -> Make:
    names = [field.name for field in dataclasses.fields(cls)]

    def make(shown: dict[str, Any]) -> Any:
        instance = object.__new__(cls)
        for name in names:
            object.__setattr__(instance, name, shown.get(name))
        return instance

    return make


def _of_model(cls: Any) -> Make:
    blank = dict.fromkeys(cls.model_fields)
    extra = cls.model_config.get("extra") == "allow"

    # As `model_construct` does, but without defaults, which would show what nobody said, and without
    # `model_post_init`, which may rely on what has not come.
    def make(shown: dict[str, Any]) -> Any:
        instance = cls.__new__(cls)
        object.__setattr__(instance, "__dict__", blank | shown)
        object.__setattr__(instance, "__pydantic_fields_set__", set(shown))
        object.__setattr__(instance, "__pydantic_extra__", {} if extra else None)
        object.__setattr__(instance, "__pydantic_private__", _private(cls))
        return instance

    return make


def _private(cls: Any) -> dict[str, Any] | None:
    """The private attributes with their defaults, as nothing in an answer sets them."""
    if not cls.__private_attributes__:
        return None
    defaults = {name: attribute.get_default() for name, attribute in cls.__private_attributes__.items()}
    return {
        name: value for name, value in defaults.items() if type(value).__name__ != "PydanticUndefinedType"
    }

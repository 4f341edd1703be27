"""The page's types: prints the protocol between kernel and page as TypeScript.

`python -m streamcell.core.typescript FILE` writes what `js/src/protocol.gen.ts` must hold. It reads the
types of `core.protocol` and whatever they refer to, and knows nothing else about them: a struct becomes an
interface, its tag a literal `type`, a union of structs a closed union, a default makes a field optional.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, assert_never, get_args

import msgspec
from msgspec import inspect

from streamcell.core import board, chat_protocol, protocol
from streamcell.events import EVENT_TYPES, ErrorKind, Event, StopReason

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = {
    "ErrorKind": ErrorKind,
    "Format": protocol.Format,
    "Part": protocol.Part,
    "StopReason": StopReason,
    "ViewState": protocol.ViewState,
}
"""Sets of words that get a name of their own on the page."""

UNIONS = {
    "Event": Event,
    "FromChat": chat_protocol.FromChat,
    "FromKernel": protocol.FromKernel,
    "FromPage": protocol.FromPage,
    "ToChat": chat_protocol.ToChat,
}
"""Unions that get a name of their own on the page."""

SCALARS: dict[type[inspect.Type], str] = {
    inspect.AnyType: "Json",
    inspect.NoneType: "null",
    inspect.BoolType: "boolean",
    inspect.IntType: "number",
    inspect.FloatType: "number",
    inspect.StrType: "string",
}

Composed = inspect.LiteralType | inspect.ListType | inspect.DictType | inspect.StructType | inspect.UnionType

HEADER = f"""\
// Printed by `python -m streamcell.core.typescript`; edit `core/protocol.py` or `events.py` instead.

/** What kernel and page say to each other about one view. */

export const PROTOCOL = {protocol.PROTOCOL};

export type Json = null | boolean | number | string | readonly Json[] | {{ readonly [key: string]: Json }};
"""


def source() -> str:
    """Return the whole text of `protocol.gen.ts`."""
    structs = sorted({cls.__name__: cls for cls in _structs()}.values(), key=lambda cls: cls.__name__)
    unions = [f"export type {name} = {_members(name)};\n" for name in UNIONS]
    words = [f"export type {name} = {_quoted(get_args(values))};\n" for name, values in WORDS.items()]
    return "\n".join([HEADER, *words, *map(_interface, structs), *unions])


def _structs() -> Iterator[type[msgspec.Struct]]:
    seen: set[type[msgspec.Struct]] = set()
    traits = (protocol.Snapshot, chat_protocol.Thread, board.Board)
    pending: list[inspect.Type] = [inspect.type_info(trait) for trait in traits]
    pending += [inspect.type_info(union) for union in UNIONS.values()]
    while pending:
        match pending.pop():
            case inspect.StructType(cls=cls, fields=fields) if cls not in seen:
                seen.add(cls)
                pending += [field.type for field in fields]
                yield cls
            case inspect.UnionType(types=types):
                pending += types
            case inspect.ListType(item_type=item):
                pending.append(item)
            case inspect.DictType(value_type=value):
                pending.append(value)
            case _:
                continue


def _interface(cls: type[msgspec.Struct]) -> str:
    info = inspect.type_info(cls)
    if not isinstance(info, inspect.StructType):
        message = f"{cls.__name__} is not a struct"
        raise TypeError(message)
    tag = [f'  readonly type: "{info.tag}";'] if info.tag else []
    fields = [_field(field) for field in info.fields]
    summary = (cls.__doc__ or "").partition("\n")[0]
    return "\n".join([f"/** {summary} */", f"export interface {cls.__name__} {{", *tag, *fields, "}", ""])


def _field(field: inspect.Field) -> str:
    mark = "" if field.required else "?"
    return f"  readonly {field.encode_name}{mark}: {_printed(field.type)};"


def _members(name: str) -> str:
    info = inspect.type_info(UNIONS[name])
    types = info.types if isinstance(info, inspect.UnionType) else (info,)
    return " | ".join(_printed(member) for member in types)


def _printed(node: inspect.Type) -> str:
    if (scalar := SCALARS.get(type(node))) is not None:
        return scalar
    if not isinstance(node, Composed):
        message = f"{node!r} has no TypeScript form here; give it one in _printed"
        raise TypeError(message)
    match node:
        case inspect.LiteralType(values=values):
            return _word(values)
        case inspect.ListType(item_type=item):
            return f"readonly {_printed(item)}[]" if _named(item) else f"readonly ({_printed(item)})[]"
        case inspect.DictType(value_type=value):
            return f"{{ readonly [key: string]: {_printed(value)} }}"
        case inspect.StructType(cls=cls):
            return cls.__name__
        case inspect.UnionType(types=types):
            return "Event" if _is_event(types) else " | ".join(_printed(member) for member in types)
        case _:
            assert_never(node)


def _word(values: tuple[object, ...]) -> str:
    named = (name for name, words in WORDS.items() if set(get_args(words)) == set(values))
    return next(named, _quoted(values))


def _quoted(values: tuple[object, ...]) -> str:
    return " | ".join(f'"{value}"' for value in values)


def _named(node: inspect.Type) -> bool:
    return not isinstance(node, inspect.UnionType) or _is_event(node.types)


def _is_event(types: tuple[inspect.Type, ...]) -> bool:
    members = {member.cls for member in types if isinstance(member, inspect.StructType)}
    return members == set(EVENT_TYPES)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(source(), encoding="utf-8")

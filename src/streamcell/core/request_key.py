"""How a request is known again: what it says as plain values, their hash, and how two of them differ.

What is described can be shown and kept: no address, no header, no key, and of an image only its hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any

import msgspec

from streamcell.messages import ImagePart, Message, Part, Request

Described = dict[str, Any]

HIDDEN = "[not recorded]"
_SECRET = re.compile(r"(?i)(.*[-_])?(key|token|secret|password|authorization|credentials?|headers?)")
_COMPARED = 1000
"""Characters of a prompt that are compared to find the nearest one: the work grows with their square."""
_AROUND = 24


def described(request: Request, *, limit: int | None = None) -> Described:
    """Everything that `request` says and that its answer depends on, in plain JSON values.

    `limit` is our own cap on the answer (`max_output_chunks`).
    """
    bare = msgspec.structs.replace(request, messages=(), extra=_hidden(request.extra))
    said: Described = msgspec.to_builtins(bare, enc_hook=_unknown, str_keys=True)
    said["messages"] = [_message(message) for message in request.messages]
    return said if limit is None else said | {"max_output_chunks": limit}


def key(said: Described) -> str:
    """Equal for equal requests, in every process and on every machine."""
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def nearest(asked: Described, recorded: Iterable[Described]) -> Described | None:
    """The request that differs from `asked` in the fewest places, and there in the fewest words."""
    return min(recorded, key=lambda other: _distance(asked, other), default=None)


def differences(asked: Described, recorded: Described) -> list[str]:
    """What differs, the fields by name and the first difference of the prompt, each on one line."""
    names = sorted((asked.keys() | recorded.keys()) - {"messages"})
    values = ((name, *(said.get(name, _default(name)) for said in (recorded, asked))) for name in names)
    found = [f"{name} was {_short(was)} and is {_short(now)}" for name, was, now in values if was != now]
    return [*found, *_message_differences(asked["messages"], recorded["messages"])]


def _message_differences(asked: list[Any], recorded: list[Any]) -> list[str]:
    for number, (one, other) in enumerate(zip(asked, recorded, strict=False), 1):
        if one != other:
            return [f"message {number} {_difference(_text(one), _text(other))}"]
    if len(asked) != len(recorded):
        return [f"the conversation had {len(recorded)} messages and has {len(asked)}"]
    return []


def _difference(asked: str, recorded: str) -> str:
    pairs = enumerate(zip(asked, recorded, strict=False))
    at = next((index for index, (one, other) in pairs if one != other), min(len(asked), len(recorded)))
    return f"differs at character {at + 1}: it was {_around(recorded, at)} and is {_around(asked, at)}"


def _around(text: str, at: int) -> str:
    begin, end = max(0, at - _AROUND), at + _AROUND
    return f"{'…' if begin else ''}{text[begin:end]!r}{'…' if text[end:] else ''}"


def _text(message: Mapping[str, Any]) -> str:
    """The message in one string: the text as it stands when that is all, so that places can be counted."""
    parts = message["parts"]
    if message["role"] == "user" and [part["type"] for part in parts] == ["text"]:
        return str(parts[0]["text"])
    return json.dumps(message, ensure_ascii=False)


def _distance(asked: Described, other: Described) -> tuple[int, float]:
    one, two = ("\n".join(map(_text, said["messages"]))[:_COMPARED] for said in (asked, other))
    return len(differences(asked, other)), -SequenceMatcher(None, one, two).ratio()


def _message(message: Message) -> Described:
    return {"role": message.role, "parts": [_part(part) for part in message.parts]}


def _part(part: Part) -> Described:
    if isinstance(part, ImagePart):
        digest = hashlib.sha256(part.data).hexdigest()
        return {"type": "image", "media_type": part.media_type, "bytes": len(part.data), "sha256": digest}
    plain: Described = msgspec.to_builtins(part, enc_hook=_unknown, str_keys=True)
    return plain


def _hidden(value: Any) -> Any:
    """The same without the values whose names say that they are secret."""
    if isinstance(value, Mapping):
        return {
            name: HIDDEN if isinstance(name, str) and _SECRET.fullmatch(name) else _hidden(inner)
            for name, inner in value.items()
        }
    return [_hidden(inner) for inner in value] if isinstance(value, list | tuple) else value


def _unknown(value: object) -> str:
    """What JSON cannot say, by its type alone: a repr may hold an address, or a secret."""
    return f"<{type(value).__name__}>"


def _default(name: str) -> object:
    return True if name == "stream" else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 4 * _AROUND else f"{text[: 4 * _AROUND]}…"

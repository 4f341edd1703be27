"""A conversation as a file: JSON with a schema version, every branch in it, images as base64.

Knows no conversation, only what is kept of one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import msgspec

from streamcell.core.turns import Branches, Turn
from streamcell.errors import UsageError

KIND: Final = "streamcell.conversation"
VERSION: Final = 1
_LONGEST_REASON = 200


class Saved(msgspec.Struct, kw_only=True):
    """The file. Keys that are not known are passed by when it is read."""

    turns: list[Turn]
    followed: list[int]
    kind: str = KIND
    version: int = VERSION
    system: str | None = None
    budget_tokens: int | None = None


def text(saved: Saved) -> str:
    """The JSON; raises `UsageError` for a tool's arguments that are no JSON."""
    try:
        return json.dumps(msgspec.to_builtins(saved), indent=1, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the conversation holds what is no JSON: {_short(error)}") from None


def read(path: Path) -> Saved:
    """What the file holds; raises `UsageError` when it is not there, or holds no conversation."""
    try:
        found = json.loads(path.read_bytes())
        _check_version(path, found)
        saved = msgspec.convert(found, Saved)
        Branches(saved.turns, saved.followed)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise UsageError(f"{path} holds no conversation: {_short(error)}") from None
    return saved


def write(path: Path, text: str) -> None:
    """Write the file whole or not at all."""
    # Half a surrogate pair, as a cut stream can leave it, has no UTF-8.
    data = text.encode("utf-8", "replace")
    unfinished = path.with_name(f"{path.name}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _check_version(path: Path, found: object) -> None:
    match found:
        case {"kind": kind} if kind != KIND:
            raise UsageError(f"{path} holds no conversation")
        case {"version": int(version)} if version > VERSION:
            raise UsageError(f"{path} was written by a newer streamcell; update to read it")
        case _:
            pass


def _short(error: Exception) -> str:
    return str(error)[:_LONGEST_REASON]

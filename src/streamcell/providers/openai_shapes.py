"""The commonest chunks of a Chat Completions stream, as exact shapes.

A chunk that fits `plain` says one thing and nothing else, and is read in a quarter of the time that a parse
into dictionaries costs. Any field that would say more is None here, so that such a chunk does not fit.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

UNFITTING: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What `plain` raises for a chunk of another shape, or for what is no chunk at all."""


class _Arguments(msgspec.Struct, gc=False):
    arguments: str
    name: None = None


class _Piece(msgspec.Struct, gc=False):
    index: int
    function: _Arguments
    id: None = None


class Delta(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: None = None
    refusal: Literal[""] | None = None
    tool_calls: tuple[_Piece] | None = None
    function_call: None = None
    annotations: None = None


class _Choice(msgspec.Struct, gc=False):
    delta: Delta
    index: Literal[0] = 0
    finish_reason: None = None
    usage: None = None


class _Plain(msgspec.Struct, gc=False):
    choices: tuple[_Choice]
    usage: None = None
    error: None = None
    x_groq: None = None
    citations: None = None
    search_results: None = None


plain = msgspec.json.Decoder(_Plain).decode

"""What the demo reads from a Chat Completions request: the question, the tools, the results, the schema."""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_WORDS_SHOWN = 40
_WORD_LENGTH = 24
_CHARACTERS_PER_TOKEN = 4
_DECIMAL = re.compile(r"[0-9]\.[0-9]")
_APOSTROPHE = "\u2019"
"""The typographic one: the plain one ends a string in many languages a page is written in."""


class Question(NamedTuple):
    """The last thing the user said, and what was offered with it."""

    text: str
    tools: tuple[Mapping[str, Any], ...]
    results: tuple[str, ...]
    """What tools answered since the user spoke."""
    schema: Mapping[str, Any] | None
    tokens: int
    """An estimate: a token for four characters of the request."""

    @property
    def variant(self) -> int:
        """A number that depends on the question's text alone."""
        return zlib.crc32(self.text.encode())

    @property
    def words(self) -> str:
        """The question's words without any character that Markdown, HTML or a terminal might act on."""
        words = [_inert(word)[:_WORD_LENGTH] for word in self.text.split()]
        kept = [word for word in words if word]
        return " ".join(kept[:_WORDS_SHOWN]) + (" …" if len(kept) > _WORDS_SHOWN else "")

    @property
    def names(self) -> list[str]:
        """Its capitalised words but the first: places and people, for arguments."""
        return [word for word in self.words.split()[1:] if word[:1].isupper()]

    @property
    def numbers(self) -> list[float]:
        """The numbers in it, in order."""
        return [float(found) for found in re.findall(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,15})?", self.text)]


def question(body: Mapping[str, Any]) -> Question:
    """The question in the body of a request; whatever is missing there is empty."""
    messages = [message for message in _sequence(body.get("messages")) if isinstance(message, Mapping)]
    asked = max((at for at, message in enumerate(messages) if message.get("role") == "user"), default=-1)
    results = (message for message in messages[asked + 1 :] if message.get("role") == "tool")
    return Question(
        text=_text(messages[asked].get("content")) if asked >= 0 else "",
        tools=tuple(_functions(body.get("tools"))),
        results=tuple(_text(message.get("content")) for message in results),
        schema=_schema(body.get("response_format")),
        tokens=-(-len(json.dumps(messages)) // _CHARACTERS_PER_TOKEN),
    )


def code_span(text: str, *, limit: int = 400) -> str:
    """`text` as inline code on one line, which Markdown shows as it is."""
    shown = " ".join(text.split())[:limit]
    visible = "".join(character for character in shown if not _controls(character))
    fence = "`" * (max((len(run) for run in re.findall("`+", visible)), default=0) + 1)
    padding = " " if visible.startswith("`") or visible.endswith("`") else ""
    return f"{fence}{padding}{visible or ' '}{padding}{fence}"


def _inert(word: str) -> str:
    word = word.replace("'", _APOSTROPHE)
    kept = (char for at, char in enumerate(word) if _plain(char) or _DECIMAL.match(word, max(0, at - 1)))
    return "".join(kept).strip(_APOSTROPHE + "-")


def _plain(character: str) -> bool:
    return character in {"-", _APOSTROPHE} or unicodedata.category(character)[0] in "LMN"


def _controls(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf"}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = (part for part in _sequence(content) if isinstance(part, Mapping))
    return "".join(str(part.get("text", "")) for part in parts)


def _functions(tools: Any) -> Iterator[Mapping[str, Any]]:
    for tool in _sequence(tools):
        if isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping):
            yield tool["function"]


def _schema(wanted: Any) -> Mapping[str, Any] | None:
    if not isinstance(wanted, Mapping) or wanted.get("type") not in {"json_schema", "json_object"}:
        return None
    held = wanted.get("json_schema")
    schema = held.get("schema") if isinstance(held, Mapping) else None
    return schema if isinstance(schema, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()

"""Secrets in texts and notebooks, found by their shape, by the name beside them, or by their known value.

What is found is told by place, kind and a masked beginning; the secret itself is in no result. One pass over
each text: every pattern has a fixed beginning and bounded repeats, so the time grows with the size alone.
The module reads no file and no environment; known values are handed in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

SHORTEST_SECRET = 8
"""A shorter "key" is a placeholder ("x", "EMPTY", "ollama"): nothing is lost when it is seen."""
_DISTINCT = 8
"""Different characters that a random key has at least; `sk-xxxx…` and `AIzaYOUR…` are examples in prose."""
_SHOWN = 3

_SHAPES = {
    "Anthropic key": r"sk-ant-[\w-]{20,300}",
    "OpenRouter key": r"sk-or-[\w-]{20,300}",
    "OpenAI key": r"sk-[\w-]{32,300}",
    "Google key": r"AIza[\w-]{35}",
    "Groq key": r"gsk_[A-Za-z0-9]{20,300}",
    "xAI key": r"xai-[A-Za-z0-9]{20,300}",
    "Hugging Face token": r"hf_[A-Za-z0-9]{30,300}",
    "GitHub token": r"(?:gh[opsur]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255})",
    "AWS access key": r"A[KS]IA[A-Z0-9]{16}",
    "Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10,300}",
    "JSON web token": r"eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}",
}
_KINDS = tuple(_SHAPES)
_SHAPED = re.compile(rf"(?<![\w-])(?:{'|'.join(f'({shape})' for shape in _SHAPES.values())})", re.ASCII)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----")
_BEARER = re.compile(r"\bBearer[ \t]{1,4}([\w.~+/-]{16,4000}={0,2})", re.ASCII | re.IGNORECASE)
# Mistral's, Together's and Azure's keys have no shape of their own: the name before them tells. Without
# quotes a name may stand there as well as a key, so less is taken for one.
_NAMED = re.compile(
    r"(?P<mistral>mistral_)?(?:api_?key|secret_?key|access_?token|auth_?token)[\"'\])]{0,3}\s{0,4}[:=,]\s{0,4}"
    r"(?:[\"'](?P<quoted>[\w+/=-]{20,300})[\"']|(?P<bare>[A-Za-z0-9]{20,300}+)(?![\w(.\[]))",
    re.ASCII | re.IGNORECASE,
)

_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}m")
"""Tracebacks are coloured; the `m` that ends a colour would stand before a key like a letter of its own."""


class Hit(NamedTuple):
    """A secret in a text: what kind it is, how it begins, and the characters that it takes."""

    kind: str
    shown: str
    begin: int
    end: int


class Finding(NamedTuple):
    """A secret in a notebook. `cell` counts from 1; None: outside the cells."""

    cell: int | None
    place: str
    """As a user calls it: ``source``, ``output 2 (text/html)``, ``metadata``, ``attachment plot.png``."""
    kind: str
    shown: str

    def __str__(self) -> str:
        where = self.place if self.cell is None else f"cell {self.cell}, {self.place}"
        return f"{where}: {self.kind} {self.shown}"


def scan_text(text: str, *, known: Mapping[str, str]) -> list[Hit]:
    """The secrets in `text`, in their order; `known` maps names of variables to the keys they hold."""
    hits: list[Hit] = []
    taken = bytearray(len(text))
    for hit in _candidates(text, known):
        if not any(taken[hit.begin : hit.end]):
            taken[hit.begin : hit.end] = b"\1" * (hit.end - hit.begin)
            hits.append(hit)
    return sorted(hits, key=lambda hit: hit.begin)


def scan_notebook(document: str, *, known: Mapping[str, str]) -> list[Finding]:
    """The secrets in the text of an `.ipynb` file; one that stands twice at a place is told once.

    A document that is no notebook is read as plain text, and its lines are the places.
    """
    try:
        notebook = json.loads(document)
    except (ValueError, RecursionError):
        notebook = None
    if not isinstance(notebook, dict):
        return list(dict.fromkeys(_lines(document, known)))
    return list(dict.fromkeys(_findings(notebook, known)))


def spellings(secret: str) -> frozenset[str]:
    """The secret as it stands, inside JSON and inside a URL."""
    return frozenset({secret, json.dumps(secret)[1:-1], quote(secret, safe="")})


def _candidates(text: str, known: Mapping[str, str]) -> Iterator[Hit]:
    """What may be a secret, the surest first."""
    for name, value in known.items():
        if len(value) >= SHORTEST_SECRET:
            yield from _values(text, name, value)
    for match in _PRIVATE_KEY.finditer(text):
        yield Hit("private key", "-----BEGIN…", *match.span())
    for match in _SHAPED.finditer(text):
        yield from _random(match, match.lastindex or 0, _KINDS[(match.lastindex or 1) - 1])
    for match in _BEARER.finditer(text):
        yield from _random(match, 1, "Authorization: Bearer")
    for match in _NAMED.finditer(text):
        yield from _random(
            match, match.lastgroup or 0, "Mistral key" if match["mistral"] else "key beside its name"
        )


def _values(text: str, name: str, value: str) -> Iterator[Hit]:
    for spelling in sorted(spellings(value), key=len, reverse=True):
        begin = text.find(spelling)
        while begin >= 0:
            end = begin + len(spelling)
            yield Hit(f"value of {name}", _masked(value), begin, end)
            begin = text.find(spelling, end)


def _random(match: re.Match[str], group: int | str, kind: str) -> Iterator[Hit]:
    """The hit, unless it is an example that somebody wrote."""
    secret = match[group]
    if len(set(secret)) >= _DISTINCT and any(map(str.isdigit, secret)):
        yield Hit(kind, _masked(secret), *match.span(group))


def _masked(secret: str) -> str:
    return f"{secret[:_SHOWN]}… ({len(secret)} characters)"


def _lines(text: str, known: Mapping[str, str]) -> Iterator[Finding]:
    line, seen = 1, 0
    for hit in scan_text(text, known=known):
        line += text.count("\n", seen, hit.begin)
        seen = hit.begin
        yield Finding(None, f"line {line}", hit.kind, hit.shown)


def _findings(notebook: dict[str, Any], known: Mapping[str, str]) -> Iterator[Finding]:
    cells = notebook.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else (), 1):
        for place, text in _cell_texts(cell):
            for hit in scan_text(text, known=known):
                yield Finding(number, place, hit.kind, hit.shown)
    for name, value in notebook.items():
        if name != "cells" or not isinstance(cells, list):
            for hit in _hits(value, known):
                yield Finding(None, f"notebook {name}", hit.kind, hit.shown)


def _hits(value: object, known: Mapping[str, str]) -> Iterator[Hit]:
    for text in _texts(value):
        yield from scan_text(text, known=known)


def _cell_texts(cell: object) -> Iterator[tuple[str, str]]:
    """Each text of a cell, with the name of its place."""
    if not isinstance(cell, dict):
        yield from (("content", text) for text in _texts(cell))
        return
    for name, value in cell.items():
        if name == "outputs" and isinstance(value, list):
            for number, output in enumerate(value, 1):
                yield from _output_texts(f"output {number}", output)
        elif name == "attachments" and isinstance(value, dict):
            for file, data in value.items():
                yield from ((f"attachment {file}", text) for text in _texts(data))
        else:
            yield from ((name, text) for text in _texts(value))


def _output_texts(place: str, output: object) -> Iterator[tuple[str, str]]:
    if not isinstance(output, dict):
        yield from ((place, text) for text in _texts(output))
        return
    for name, value in output.items():
        if name == "data" and isinstance(value, dict):
            for kind, data in value.items():
                yield from ((f"{place} ({kind})", text) for text in _texts(data))
        else:
            yield from ((place, text) for text in _texts(value))


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value, names included; a list of lines is the one text that it means."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield _COLOUR.sub(" ", text)
            case list() as items if items and all(isinstance(item, str) for item in items):
                yield _COLOUR.sub(" ", "".join(items))
            case list() as items:
                waiting += items
            case dict() as fields:
                waiting += [*fields, *fields.values()]

"""Fields of Chat Completions that each server writes in its own way: usage, sources, signed thinking."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from streamcell.events import Citation, Usage
from streamcell.providers.loose import count, record, records, string

if TYPE_CHECKING:
    from collections.abc import Iterator


def sources(body: dict[str, Any]) -> Iterator[Citation]:
    """The sources that stand beside the choices (Perplexity repeats them in every chunk)."""
    for name in ("search_results", "citations"):
        listed = body.get(name)
        for source in listed if isinstance(listed, list) else ():
            url = source if isinstance(source, str) else string(record(source).get("url"))
            if url:
                yield Citation(url=url, title=string(record(source).get("title")) or None)


def citation(note: dict[str, Any], *, part: int) -> Citation:
    """An annotation of the text, nested (OpenRouter, OpenAI) or flat."""
    source = record(note.get("url_citation")) or note
    return Citation(
        url=string(source.get("url")) or None,
        title=string(source.get("title")) or string(source.get("filename")) or None,
        quote=string(source.get("content")) or None,
        part=part,
    )


def signed_thinking(details: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Reasoning details (OpenRouter's) with their pieces joined, as they were signed; none if nothing was."""
    if not any(string(entry.get("signature")) or string(entry.get("data")) for entry in details):
        return []
    runs = groupby(details, key=lambda entry: (entry.get("type"), entry.get("index")))
    return [_joined(list(pieces)) for _, pieces in runs]


def _joined(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    whole = {key: value for piece in pieces for key, value in piece.items() if value is not None}
    for key in ("text", "summary", "data"):
        if key in whole:
            whole[key] = "".join(string(piece.get(key)) for piece in pieces)
    return whole


def texts(value: object) -> str:
    """The text of a field that may be a string or a list of text parts."""
    if isinstance(value, str):
        return value
    return "".join(string(entry.get("text")) for entry in records(value))


def usage_of(raw: dict[str, Any]) -> Usage:
    """The counts of a usage object, by the names that the servers in use give them."""
    cached = count(record(raw.get("prompt_tokens_details")).get("cached_tokens"))
    others = (count(raw.get(name)) for name in ("prompt_cache_hit_tokens", "cache_read_input_tokens"))
    return Usage(
        input_tokens=count(raw.get("prompt_tokens")),
        output_tokens=count(raw.get("completion_tokens")),
        reasoning_tokens=count(record(raw.get("completion_tokens_details")).get("reasoning_tokens")),
        cached_tokens=cached if cached is not None else next((n for n in others if n is not None), None),
        raw=raw,
    )

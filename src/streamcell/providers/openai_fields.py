"""Fields of Chat Completions that each server writes in its own way: usage, sources, signed thinking."""

from __future__ import annotations

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


def append_detail(details: list[dict[str, Any]], entry: dict[str, Any]) -> None:
    """Join the pieces of one reasoning detail, so that it can be handed back as it was signed."""
    last = details[-1] if details else {}
    if not last or any(entry.get(key) != last.get(key) for key in ("type", "index", "id")):
        details.append(dict(entry))
        return
    for key, value in entry.items():
        grows = key in ("text", "summary", "data") and isinstance(last.get(key), str)
        last[key] = last[key] + string(value) if grows else last.get(key) if value is None else value


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

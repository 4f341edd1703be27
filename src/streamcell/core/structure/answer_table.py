"""A structured answer as tables: its rows, or its fields, in inert HTML. What is no such JSON stays code.

The page draws the same tables while the answer arrives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from streamcell.core import safe_html
from streamcell.core.structure import growing

MOST_ROWS: Final = 1000
"""Rows that a saved notebook shows; all are in the response."""
_LONGEST_CELL: Final = 300


def html(text: str) -> str:
    """The JSON in `text`, as far as it has come, as one or more tables; other text as preformatted."""
    value = growing.read_beginning(text).whole
    if isinstance(value, list) and _are_rows(value):
        return "".join(_rows(value))
    if isinstance(value, dict) and value:
        return "".join(_object(value))
    return safe_html.preformatted(text)


def _object(value: Mapping[str, Any]) -> Iterator[str]:
    lists = {key: item for key, item in value.items() if isinstance(item, list) and _are_rows(item)}
    fields = [(key, item) for key, item in value.items() if key not in lists]
    if fields:
        yield _table(("Field", "Value"), fields)
    for key, items in lists.items():
        if len(value) > 1:
            yield f"<p><strong>{safe_html.text(key)}</strong></p>\n"
        yield from _rows(items)


def _are_rows(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) for item in items)


def _rows(items: list[dict[str, Any]]) -> Iterator[str]:
    columns = tuple(dict.fromkeys(name for item in items for name in item))
    yield _table(columns, ([item.get(name, "") for name in columns] for item in items[:MOST_ROWS]))
    count = f"{len(items):,} {'row' if len(items) == 1 else 'rows'}"
    more = f", the first {MOST_ROWS:,} shown" if len(items) > MOST_ROWS else ""
    yield f"<p><small>{count}{more}</small></p>\n"


def _table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    body = "".join(_row("td", map(_cell, row)) for row in rows)
    return f"<table>\n<thead>\n{_row('th', columns)}</thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{safe_html.text(cell)}</{tag}>' for cell in cells)}</tr>\n"


def _cell(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _LONGEST_CELL else f"{shown[:_LONGEST_CELL]}…"

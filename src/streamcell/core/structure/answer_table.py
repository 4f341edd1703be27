"""A structured answer as tables: its rows, or its fields, as inert HTML and as text.

What is no such JSON stays code. The page draws the same tables while the answer arrives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from streamcell.core import safe_html
from streamcell.core.structure import growing
from streamcell.core.visible import visible

MOST_ROWS: Final = 1000
"""Rows that a saved notebook shows; all are in the response."""
_LONGEST_CELL: Final = 300
_WIDEST: Final = 40
"""Characters of a cell in plain text."""


class Table(NamedTuple):
    """Cells under their columns; `title` and `note` stand before and behind."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    note: str = ""


def html(text: str) -> str:
    """The JSON in `text`, as far as it has come, as one or more tables; other text as preformatted."""
    return "".join(map(_html, tables(text))) or safe_html.preformatted(text)


def plain(text: str) -> str:
    """The same in columns of plain text; other text as it is."""
    return "\n\n".join(map(_plain, tables(text))) or visible(text)


def tables(text: str) -> list[Table]:
    """The tables that the JSON in `text` is; none when it is no object and no list of objects."""
    value = growing.read_beginning(text).whole
    if isinstance(value, list) and _are_rows(value):
        return [_rows(value)]
    return list(_object(value)) if isinstance(value, dict) and value else []


def _object(value: Mapping[str, Any]) -> Iterator[Table]:
    lists = {key: item for key, item in value.items() if isinstance(item, list) and _are_rows(item)}
    fields = [(key, _cell(item)) for key, item in value.items() if key not in lists]
    if fields:
        yield Table(("Field", "Value"), fields)
    for key, items in lists.items():
        yield _rows(items, title=key if len(value) > 1 else "")


def _are_rows(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) for item in items)


def _rows(items: list[dict[str, Any]], *, title: str = "") -> Table:
    columns = tuple(dict.fromkeys(name for item in items for name in item))
    cells = [[_cell(item.get(name, "")) for name in columns] for item in items[:MOST_ROWS]]
    count = f"{len(items):,} {'row' if len(items) == 1 else 'rows'}"
    more = f", the first {MOST_ROWS:,} shown" if len(items) > MOST_ROWS else ""
    return Table(columns, cells, title, f"{count}{more}")


def _cell(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _cut(shown, _LONGEST_CELL)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _html(table: Table) -> str:
    title = f"<p><strong>{safe_html.text(table.title)}</strong></p>\n" if table.title else ""
    body = "".join(_row("td", row) for row in table.rows)
    note = f"<p><small>{table.note}</small></p>\n" if table.note else ""
    head = _row("th", table.columns)
    return f"{title}<table>\n<thead>\n{head}</thead>\n<tbody>\n{body}</tbody>\n</table>\n{note}"


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{safe_html.text(cell)}</{tag}>' for cell in cells)}</tr>\n"


def _plain(table: Table) -> str:
    rows = [[_cut(visible(" ".join(cell.split())), _WIDEST) for cell in row] for row in _lines(table)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([*([visible(table.title)] if table.title else []), *lines])


def _lines(table: Table) -> Iterator[Sequence[str]]:
    yield table.columns
    yield from table.rows

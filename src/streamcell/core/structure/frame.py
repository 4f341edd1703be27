"""The rows of a structured answer as a pandas DataFrame, whole or growing."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from streamcell.core.structure import growing
from streamcell.core.structure.json_schema import Table
from streamcell.core.structure.schema import Schema
from streamcell.errors import UsageError

SCALARS: Final = "value"
"""The one column of a list whose items are no objects."""


def frame(value: Any, *, text: str, schema: Schema | None) -> Any:
    """The rows in `value`, which is what the text says so far; raises `UsageError` without pandas."""
    try:
        pandas = importlib.import_module("pandas")  # optional, and slow to load
    except ImportError:
        raise UsageError("to_frame() needs pandas: pip install pandas") from None
    value = plain(value)
    table = schema.table if schema is not None else _table_in(value)
    rows = list(_rows(value, table))
    if rows and table.key != "" and _grows(text, table, shown=len(rows)):
        rows.pop()
    named = [*table.columns, *(name for row in rows for name in row)]
    return pandas.DataFrame(rows, columns=list(dict.fromkeys(named)))


def plain(value: Any) -> Any:
    """Dicts and lists in place of models, dataclasses, tuples and sets, all the way down."""
    match value:
        case Mapping():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _ if hasattr(type(value), "__pydantic_root_model__"):
            fields = {name: plain(item) for name, item in value}
            return fields["root"] if type(value).__pydantic_root_model__ else fields
        case _:
            return value


def _rows(value: Any, table: Table) -> Iterator[dict[str, Any]]:
    found = value.get(table.key) if table.key and isinstance(value, dict) else value
    items = found if isinstance(found, list) else [found] if table.key == "" else []
    for item in items:
        if isinstance(item, dict):
            # An answer of which nothing has come is no row yet.
            if table.key != "" or any(part is not None for part in item.values()):
                yield item
        elif item is not None:
            yield {SCALARS: item}


def _table_in(value: Any) -> Table:
    """Where the rows are in plain JSON without a schema."""
    if not isinstance(value, dict):
        return Table(None, (), None)
    lists = [key for key, item in value.items() if _is_rows(item)]
    return Table(lists[0], (), lists[0]) if len(lists) == 1 else Table("", (), "")


def _is_rows(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and all(isinstance(row, dict) for row in item)


def _grows(text: str, table: Table, *, shown: int) -> bool:
    """Whether the last of the rows is still open; the one that is may also have nothing to show yet."""
    if not growing.is_inside_row(text):
        return False
    items = growing.read_beginning(text).value
    if isinstance(items, dict):
        last = next(reversed(items), "")
        if table.key is not None and last not in (table.key, table.written):
            return False
        items = items.get(last)
    return not isinstance(items, list) or sum(item is not None for item in items) <= shown

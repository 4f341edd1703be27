"""Prompts in whatever form they lie around, as tasks: texts, rows of a table, tasks, an asynchronous source.

Everything is taken one by one when it is wanted, so that a million prompts need no memory. The module knows
no pandas: a table is what has columns.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Mapping, Sized
from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec

from streamcell.core.interpolate import interpolate
from streamcell.core.prompt import Prompt
from streamcell.errors import UsageError
from streamcell.many.tasks import Task

Item = Prompt | Task | Mapping[str, Any]
Items = Iterable[Item] | AsyncIterable[Item] | Any
"""Prompts, tasks or rows; or a DataFrame, whose rows are meant."""


class Batch(NamedTuple):
    """`items`, each a prompt or, with a `template`, a row whose values go into its ``{columns}``.

    `common` gives all tasks their agent, options and so on; of an item that is a `Task` only the agent, if
    it names none. A task is named by the label of its row, or else by its number.
    """

    items: Items
    template: str | None
    common: Task

    @property
    def total(self) -> int | None:
        """How many tasks there will be, if the items have a length."""
        return len(self.items) if isinstance(self.items, Sized) else None

    async def tasks(self) -> AsyncGenerator[Task, None]:
        """The tasks; raises `UsageError` for an item that is none of these, or a missing column."""
        number = 0
        async with aclosing(each(self._labelled())) as items:
            async for item in items:
                label, said = item if isinstance(item, _Row) else (number, item)
                number += 1
                yield self._own(said) if isinstance(said, Task) else self._task(str(label), said)

    def _labelled(self) -> Items:
        return _rows(self.items) if hasattr(self.items, "columns") else self.items

    def _own(self, task: Task) -> Task:
        return task if task.agent else msgspec.structs.replace(task, agent=self.common.agent)

    def _task(self, id_: str, said: Item) -> Task:
        return msgspec.structs.replace(self.common, id=id_, prompt=self._prompt(said))

    def _prompt(self, said: Any) -> Prompt:
        if self.template is None:
            if isinstance(said, Mapping):
                raise UsageError("rows need a template, such as template='Classify: {text}'")
            prompt: Prompt = said
            return prompt
        row = said if isinstance(said, Mapping) else {"prompt": said}
        filled = interpolate(self.template, row)
        if filled.unknown:
            missing, known = ", ".join(filled.unknown), ", ".join(map(str, row))
            raise UsageError(
                f"the template names {missing}, the row has {known}; write {{{{name}}}} for a brace"
            )
        return filled.text


class _Row(NamedTuple):
    """A row of a table with its label."""

    label: object
    values: Mapping[str, Any]


async def each(items: Items) -> AsyncGenerator[Any, None]:
    """What is in `items`, be it asynchronous or not; the iterator of an asynchronous one is closed."""
    if isinstance(items, AsyncIterable):
        iterator = aiter(items)
        try:
            async for item in iterator:
                yield item
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
        return
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise UsageError(f"give a list, a table or an iterator of prompts, not {type(items).__name__}")
    for item in items:
        yield item


def _rows(table: Any) -> Iterator[_Row]:
    names = [str(name) for name in table.columns]
    columns = zip(*(table[name] for name in table.columns), strict=True)
    labels = getattr(table, "index", None)
    for label, values in zip(range(len(table)) if labels is None else labels, columns, strict=True):
        yield _Row(label, dict(zip(names, values, strict=True)))

"""The last streams of this notebook: numbered as they begin, to be listed and stopped. Main thread only."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from streamcell.core.static import metrics_line
from streamcell.errors import UsageError
from streamcell.notebook.cell import Cell

_numbers = itertools.count(1)
_cells: deque[Cell] = deque(maxlen=100)


def numbered(make: Callable[[int], Cell]) -> Cell:
    """The cell that `make` makes of its number, remembered."""
    cell = make(next(_numbers))
    _cells.append(cell)
    return cell


def running() -> list[Cell]:
    """The cells whose streams have not ended."""
    return [cell for cell in _cells if not cell.stream.finished]


def models() -> list[str]:
    """The models that were asked, the newest first."""
    return list(dict.fromkeys(cell.model for cell in reversed(_cells)))


def listing() -> str:
    """The streams that run, one a line."""
    return _lines(running()) or "no stream is running"


def status() -> str:
    """The last streams with their ends, one a line."""
    return _lines(_cells) or "no stream has run yet"


def stop(numbers: Sequence[str]) -> str:
    """Stop the streams of these numbers, or all; raises `UsageError` for one that does not run."""
    there = {str(cell.number): cell for cell in running()}
    unknown = [number for number in numbers if number not in there]
    if unknown:
        raise UsageError(f"%stream stop: no running stream {', '.join(unknown)}; `%stream list` shows them")
    chosen = numbers or list(there)
    for number in chosen:
        there[number].stream.cancel()
    return f"stopped {', '.join(chosen)}" if chosen else "no stream is running"


def _lines(cells: Iterable[Cell]) -> str:
    return "\n".join(map(_line, cells))


def _line(cell: Cell) -> str:
    response = cell.stream.response
    replayed = bool(response.metadata.get("replayed"))
    line = metrics_line(cell.stream.ledger.metrics(), model=cell.model, replayed=replayed)
    return f"{cell.number:>3}  {response.stop_reason or 'running':<10} {line}"

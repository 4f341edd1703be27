"""`%stream history` and `%stream cost`: the runs of this process as tables of plain text.

Rows are handed in. What nobody knows is said as unknown, never as a zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from streamcell.core.visible import visible
from streamcell.past_runs import Row

SHOWN = 20
"""How many runs `%stream history` lists, the newest; `streamcell.history()` has all."""
UNKNOWN = "unknown"
_HEAD = ("run", "at", "model", "ended", "first token", "total", "tokens in", "out", "cost")
_TEXTS = ("at", "model", "ended")


def history(rows: Sequence[Row], *, shown: int = SHOWN) -> str:
    """The newest runs, oldest first, one a line."""
    if not rows:
        return "no stream has ended yet"
    lines = _table([_HEAD, *map(_line, rows[-shown:])])
    if len(rows) > shown:
        lines.append(f"the last {shown} of {len(rows):,} runs; streamcell.history() has all")
    return "\n".join(lines)


def cost(rows: Sequence[Row]) -> str:
    """What all runs cost, and by model; a run whose price is not known is counted as unknown."""
    if not rows:
        return "no stream has ended yet"
    models = dict.fromkeys(_model(row) for row in rows)
    by_model = {model: [row for row in rows if _model(row) == model] for model in models}
    head = ("", "runs", "cost")
    lines = [(model, f"{len(runs):,}", _sum(runs)) for model, runs in by_model.items()]
    return "\n".join(_table([head, *lines, ("total", f"{len(rows):,}", _sum(rows))]))


def _line(row: Row) -> tuple[str, ...]:
    return (
        str(row.run),
        UNKNOWN if row.started is None else f"{row.started.astimezone():%H:%M:%S}",
        _model(row),
        f"{row.stop_reason or UNKNOWN}{', replayed' if row.replayed else ''}",
        _seconds(row.time_to_first_token),
        _seconds(row.duration),
        _count(row.input_tokens),
        f"{'~' if row.tokens_estimated else ''}{_count(row.output_tokens)}",
        _sum([row]),
    )


def _sum(rows: Iterable[Row]) -> str:
    """Dollars; runs that asked nobody cost nothing."""
    asked = [row.cost for row in rows if not (row.replayed or row.scripted)]
    known = [dollars for dollars in asked if dollars is not None]
    unknown = len(asked) - len(known)
    if unknown and not known:
        return UNKNOWN
    plus = f" + {unknown:,} {UNKNOWN}" if unknown else ""
    return f"${sum(known):.4f}{plus}" if asked else "none"


def _model(row: Row) -> str:
    return visible(":".join(filter(None, (row.provider, row.model)))) or UNKNOWN


def _seconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f} s"


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def _table(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines with their columns aligned: names to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = [name in _TEXTS or not name for name in lines[0]]
    return [
        "  ".join(
            cell.ljust(width) if begins else cell.rjust(width)
            for cell, width, begins in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in lines
    ]

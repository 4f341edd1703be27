"""A board as a notebook keeps it: HTML that does nothing, with charts that carry their own bytes, and text.

Reading it needs no kernel. Names of models are untrusted text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamcell.core import column_image, safe_html
from streamcell.core.board import Board, BoardRun, Spread
from streamcell.core.picture import cells, one_line, seconds

NOTHING = "No stream has run yet."
_UNKNOWN = "—"
_SMALL_COST = 0.01
_LEVELS = "▁▂▃▄▅▆▇█"
_HEADS = ("model", "state", "first token", "tokens/s", "tokens", "total", "cost")
_TEXTS = 2
"""How many of these are words; the others are numbers and stand on the right."""


def bundle(board: Board) -> dict[str, str]:
    """The board as `text/html` (inert) and `text/plain`."""
    return {"text/html": safe_html.seal("".join(_html(board))), "text/plain": "\n".join(_plain(board))}


def counts(board: Board) -> str:
    """How many runs there are of each kind, in words."""
    kinds = ("running", "done", "stopped", "failed")
    said = [f"{getattr(board, kind):,} {kind}" for kind in kinds if getattr(board, kind)]
    return ", ".join(said) or NOTHING


def totals(board: Board) -> str:
    """What all runs took together, in words; empty before any token."""
    said = [
        f"{board.tokens:,} tokens" if board.tokens else "",
        "" if board.cost is None else _cost(board.cost),
    ]
    return ", ".join(filter(None, said))


def _charts(board: Board) -> Iterator[tuple[str, list[float]]]:
    """Each chart with what it says in words."""
    if board.rates:
        most, over = max(board.rates), seconds(board.seconds)
        yield f"Tokens per second of all streams over {over}: at most {most:,.0f}", board.rates
    for name, spread in (("Time to first token", board.first), ("Gaps between pieces", board.gaps)):
        if spread.bins:
            yield f"{name}: {_quantiles(spread)}", [float(one.count) for one in spread.bins]


def _quantiles(spread: Spread) -> str:
    known = [
        (name, value) for name, value in (("half", spread.p50), ("95 %", spread.p95)) if value is not None
    ]
    said = [f"{name} within {seconds(value)}" for name, value in known]
    ends = f"columns up to {seconds(spread.bins[0].upto)} … {seconds(spread.bins[-1].upto)}"
    return "; ".join([", ".join(said), ends])


def _cells(run: BoardRun) -> tuple[str, ...]:
    figures = run.figures
    about = "~" if figures.tokens_estimated else ""
    marks = [mark for mark, true in (("scripted", run.scripted), ("replayed", run.replayed)) if true]
    rate = figures.tokens_per_second
    return (
        one_line(" ".join([run.model or "unknown model", *(f"({mark})" for mark in marks)])),
        run.state,
        _UNKNOWN if figures.time_to_first_token is None else seconds(figures.time_to_first_token),
        _UNKNOWN if rate is None else f"{about}{rate:,.0f}",
        _UNKNOWN if figures.tokens is None else f"{about}{figures.tokens:,}",
        seconds(figures.elapsed),
        _UNKNOWN if figures.cost is None else _cost(figures.cost),
    )


def _cost(dollars: float) -> str:
    return f"${dollars:.4f}" if dollars < _SMALL_COST else f"${dollars:.2f}"


def _rest(board: Board) -> str:
    return f"and {board.more:,} older" if board.more else ""


# As HTML


def _html(board: Board) -> Iterator[str]:
    heading = "; ".join(filter(None, [counts(board), totals(board)]))
    yield f"<p><strong>Streams: {safe_html.text(heading)}</strong></p>\n"
    for words, values in _charts(board):
        address = column_image.data_address(_shares(values), gap=2 if values is not board.rates else 1)
        yield f'<p>{safe_html.text(words)}<br>\n<img src="{address}" alt="{words}"></p>\n'
    if board.runs:
        yield "<table>\n<thead>\n" + _table_row("th", _HEADS) + "</thead>\n<tbody>\n"
        yield from (_table_row("td", _cells(run)) for run in board.runs)
        yield "</tbody>\n</table>\n"
    if board.more:
        yield f"<p>{_rest(board)}</p>\n"


def _shares(values: Sequence[float]) -> list[float]:
    most = max(values, default=0.0) or 1.0
    return [value / most for value in values]


def _table_row(element: str, texts: Sequence[str]) -> str:
    sides = [*["left"] * _TEXTS, *["right"] * (len(texts) - _TEXTS)]
    inside = "".join(
        f'<{element} align="{side}" style="text-align: {side}">{safe_html.text(text)}</{element}>'
        for side, text in zip(sides, texts, strict=True)
    )
    return f"<tr>{inside}</tr>\n"


# As text


def _plain(board: Board) -> Iterator[str]:
    yield "; ".join(filter(None, [counts(board), totals(board)]))
    for words, values in _charts(board):
        yield f"{words}\n{''.join(_LEVELS[round(share * 7)] for share in _shares(values))}"
    if not board.runs:
        return
    lines = [_HEADS, *map(_cells, board.runs)]
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    yield from (_aligned(line, widths) for line in lines)
    if board.more:
        yield _rest(board)


def _aligned(texts: Sequence[str], widths: Sequence[int]) -> str:
    spaces = [" " * (width - cells(text)) for text, width in zip(texts, widths, strict=True)]
    words = [text + space for text, space in zip(texts[:_TEXTS], spaces, strict=False)]
    numbers = [space + text for text, space in zip(texts[_TEXTS:], spaces[_TEXTS:], strict=True)]
    return "  ".join([*words, *numbers]).rstrip()

"""Several answers together, as a notebook keeps them: each answer, the waits as bars, the figures as a table.

Takes anything with the attributes of `Timed`, by label. It asks nobody and draws nothing itself: an answer is
shown by `core.static`, a bar by `core.bar_image` and `core.picture`. Labels are untrusted text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from streamcell.core import bar_image, safe_html, static
from streamcell.core.picture import Bar, Picture, cells, one_line, said, seconds

_UNKNOWN = "—"
_SMALL_COST = 0.01
_NOTES = {
    "error": "failed",
    "truncated": "cut off",
    "cancelled": "stopped",
    "filter": "filtered",
    None: "not finished",
}


class Timed(static.Answer, Protocol):
    """An answer that says how it came; `StreamingResponse` is one."""

    streamed: bool


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one answer; None where unknown. Times are seconds, cost is US dollars."""

    model: str
    streamed: bool
    time_to_first_token: float | None
    duration: float | None
    tokens_per_second: float | None
    output_tokens: int | None
    tokens_estimated: bool
    cost: float | None
    characters: int
    stop_reason: str | None


def rows(answers: Mapping[str, Timed]) -> list[Row]:
    """The figures of each answer, in the order given."""
    return [_row(label, answer) for label, answer in answers.items()]


def picture(answers: Mapping[str, Timed]) -> Picture:
    """The waits of all answers."""
    return Picture(tuple(_bar(label, answer) for label, answer in answers.items()))


def bundle(answers: Mapping[str, Timed]) -> dict[str, str]:
    """The answers with their waits and figures as `text/html` (inert) and `text/plain`."""
    return {
        "text/html": safe_html.seal("".join(_html(answers))),
        "text/plain": "\n\n".join(_plain(answers)),
    }


def summary(answers: Mapping[str, Timed]) -> dict[str, str]:
    """The same without the answers, for a page that shows those already."""
    return {
        "text/html": safe_html.seal("".join(_summary_html(answers))),
        "text/plain": "\n\n".join(_summary_plain(answers)),
    }


def _row(label: str, answer: Timed) -> Row:
    figures = answer.metrics
    return Row(
        model=label,
        streamed=answer.streamed,
        time_to_first_token=figures.time_to_first_token,
        duration=figures.duration,
        tokens_per_second=figures.tokens_per_second,
        output_tokens=figures.output_tokens,
        tokens_estimated=figures.tokens_estimated,
        cost=figures.cost,
        characters=figures.characters or len(answer.text),
        stop_reason=answer.stop_reason,
    )


def _bar(label: str, answer: Timed) -> Bar:
    figures, note = answer.metrics, _NOTES.get(answer.stop_reason)
    return Bar(label, figures.time_to_first_token, figures.duration, streamed=answer.streamed, note=note)


def _html(answers: Mapping[str, Timed]) -> Iterator[str]:
    for label, answer in answers.items():
        name = safe_html.text(one_line(label))
        shown = static.bundle(answer)["text/html"]
        if answer.streamed:
            yield f"<h2>{name}</h2>\n{shown}\n"
        else:
            yield f"<details><summary>{name}</summary>\n{shown}\n</details>\n"
    yield "<hr>\n"
    yield from _summary_html(answers)


def _summary_html(answers: Mapping[str, Timed]) -> Iterator[str]:
    waits = picture(answers)
    for line in waits.caption.splitlines():
        yield f"<p><strong>{safe_html.text(line[:1].upper() + line[1:])}</strong></p>\n"
    for bar in waits.bars:
        yield _bar_html(bar, waits.longest)
    yield "<table>\n<thead>\n"
    yield _table_row("th", _HEADS)
    yield "</thead>\n<tbody>\n"
    for row in rows(answers):
        yield _table_row("td", _cells(row))
    yield "</tbody>\n</table>\n"


def _bar_html(bar: Bar, longest: float) -> str:
    words = f"{safe_html.text(one_line(bar.label))} · {safe_html.text(said(bar))}"
    if bar.total is None:
        return f"<p>{words}</p>\n"
    begin = bar.total if bar.begin is None else bar.begin
    address = bar_image.data_address(begin / longest, bar.total / longest, thick=bar.begin is not None)
    return f'<p>{words}<br>\n<img src="{address}" alt="{said(bar)}"></p>\n'


def _table_row(element: str, texts: Sequence[str]) -> str:
    sides = ("left", *["right"] * (len(texts) - 2), "left")
    inside = "".join(
        f'<{element} align="{side}" style="text-align: {side}">{safe_html.text(text)}</{element}>'
        for side, text in zip(sides, texts, strict=True)
    )
    return f"<tr>{inside}</tr>\n"


_HEADS = ("model", "first token", "total", "tokens/s", "tokens", "cost", "length", "ended")


def _cells(row: Row) -> tuple[str, ...]:
    about = "~" if row.tokens_estimated else ""
    return (
        one_line(row.model),
        _UNKNOWN if row.time_to_first_token is None else seconds(row.time_to_first_token),
        _UNKNOWN if row.duration is None else seconds(row.duration),
        _UNKNOWN if row.tokens_per_second is None else f"{about}{row.tokens_per_second:,.0f}",
        _UNKNOWN if row.output_tokens is None else f"{about}{row.output_tokens:,}",
        _UNKNOWN if row.cost is None else _dollars(row.cost),
        f"{row.characters:,}",
        row.stop_reason or _NOTES[None],
    )


def _dollars(cost: float) -> str:
    return f"${cost:.4f}" if cost < _SMALL_COST else f"${cost:.2f}"


def _plain(answers: Mapping[str, Timed]) -> Iterator[str]:
    for label, answer in answers.items():
        yield f"== {one_line(label)}\n\n{static.bundle(answer)['text/plain']}"
    yield from _summary_plain(answers)


def _summary_plain(answers: Mapping[str, Timed]) -> Iterator[str]:
    yield str(picture(answers))
    lines = [_HEADS, *(_cells(row) for row in rows(answers))]
    widths = [max(map(cells, column)) for column in zip(*lines, strict=True)]
    yield "\n".join(_aligned(line, widths) for line in lines)


def _aligned(texts: Sequence[str], widths: Sequence[int]) -> str:
    """The name on the left, figures on the right, how it ended on the left again."""
    spaces = [" " * (width - cells(text)) for text, width in zip(texts, widths, strict=True)]
    figures = [space + text for space, text in zip(spaces[1:-1], texts[1:-1], strict=True)]
    return "  ".join([texts[0] + spaces[0], *figures, texts[-1]])

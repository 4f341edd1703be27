"""Waits as bars, side by side: thin while nothing can be read yet, thick while text arrives.

Drawn as SVG, and in block characters where there is only text. It knows seconds and labels; whose they are
and how they were measured it is told. Labels are untrusted text, and never more than text in what is drawn.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape

import msgspec

from streamcell.core.bar_image import ARRIVING, WAITING
from streamcell.core.visible import without_bidi, without_controls

BLOCKING = " (blocking)"
"""Ends the label of a blocking call; before it stands the label of the streamed answer it goes with."""

_NOT_IN_XML = re.compile("[\ufffe\uffff]")
_WIDTH = 368
"""Pixels; fits a telephone held upright, where some pages do not scale images down."""
_MARGIN = 16
_INSIDE = _WIDTH - 2 * _MARGIN
_LINE = 20
_BAR = 14
_THIN = 6
_ROW = 64
_LEAST = 3
_MOST_CELLS = 44
"""Letters in a line at 13 pixels, in the wider of the common fonts."""
_TEXT_WIDTH = 40
_CARD, _EDGE, _INK, _SOFT = "#f8f9fa", "#d0d4da", "#1f2328", "#57606a"


class Bar(msgspec.Struct, frozen=True):
    """One answer: `wait` seconds until there is something to read, `total` until the end.

    No `wait`: nothing ever came. No `total`: nobody measured. `streamed` False: it came all at once. `note`
    says how it ended, if not well.
    """

    label: str
    wait: float | None = None
    total: float | None = None
    streamed: bool = True
    note: str | None = None

    @property
    def begin(self) -> float | None:
        """When reading can begin, never after the end; None when it never can."""
        if self.wait is None or self.total is None:
            return None
        return min(max(self.wait, 0.0), self.total) if self.streamed else self.total


class Picture(msgspec.Struct, frozen=True):
    """Bars on one scale, with a caption; shown as SVG where that can be, else as text (`str`)."""

    bars: tuple[Bar, ...]

    @property
    def longest(self) -> float:
        """The seconds at the right end of the scale; more than 0."""
        return max((bar.total or 0.0 for bar in self.bars), default=0.0) or 1.0

    @property
    def caption(self) -> str:
        """What the bars tell, in words; a line for each pair of a streamed answer and a blocking call."""
        return "\n".join(_captions(self.bars))

    @property
    def svg(self) -> str:
        """A picture for an `<img>`: a light card with a title and a description, and nothing that loads."""
        return "\n".join(filter(None, _svg(self)))

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return {"image/svg+xml": self.svg, "text/plain": str(self)}

    def __str__(self) -> str:
        return "\n".join(_plain(self))


def seconds(value: float) -> str:
    """A time as people say it: milliseconds only where seconds would hide it."""
    if value >= 1:
        return f"{value:.1f} s"
    return f"{value:.2f} s" if value >= 0.01 else f"{value * 1000:.0f} ms"  # noqa: PLR2004 - 10 ms


def one_line(label: str) -> str:
    """A label that stands in one line and does nothing to what is around it."""
    return _NOT_IN_XML.sub("\ufffd", " ".join(without_bidi(without_controls(label)).split()))


def cells(text: str) -> int:
    """How wide `text` is where every letter has the same width: wide East Asian ones and emoji have two."""
    return sum(_cells(letter) for letter in text)


def shortened(text: str, most: int) -> str:
    """`text` in at most `most` cells; what has to go goes from its middle, where names differ least."""
    if cells(text) <= most:
        return text
    end = _beginning(text[::-1], most // 2)[::-1]
    return f"{_beginning(text, most - most // 2 - 1)}…{end}"


def said(bar: Bar) -> str:
    """The times of a bar in words."""
    if bar.total is None:
        return bar.note or "not timed"
    if bar.begin is None:
        words = f"no text in {seconds(bar.total)}"
    elif bar.streamed:
        words = f"first text {seconds(bar.begin)}, all {seconds(bar.total)}"
    else:
        words = f"all text at once {seconds(bar.total)}"
    return f"{words}, {bar.note}" if bar.note else words


def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _beginning(text: str, most: int) -> str:
    taken = 0
    for place, letter in enumerate(text):
        taken += _cells(letter)
        if taken > most:
            return text[:place]
    return text


# In words


def _captions(bars: Sequence[Bar]) -> Iterator[str]:
    pairs = list(_pairs(bars))
    for streamed, blocking in pairs:
        whose = f" ({one_line(streamed.label)})" if len(pairs) > 1 else ""
        early, late = seconds(streamed.begin or 0.0), seconds(blocking.begin or 0.0)
        yield f"first text after {early} instead of {late}{whose}"
    if not pairs:
        yield _of_streams(bars)


def _pairs(bars: Sequence[Bar]) -> Iterator[tuple[Bar, Bar]]:
    """Each streamed answer with its blocking call, where both gave something to read."""
    blocking = {bar.label: bar for bar in bars if not bar.streamed and bar.begin is not None}
    for bar in bars:
        other = blocking.get(bar.label + BLOCKING)
        if bar.streamed and bar.begin is not None and other is not None:
            yield bar, other


def _of_streams(bars: Sequence[Bar]) -> str:
    begins = sorted((bar.begin, one_line(bar.label)) for bar in bars if bar.begin is not None)
    match begins:
        case []:
            return "no text came" if bars else "nothing was asked"
        case [(begin, _)]:
            return f"first text after {seconds(begin)}"
        case [(early, _), *_, (late, _)] if seconds(early) == seconds(late):
            return f"first text after {seconds(early)} from each"
        case [(early, first), *_, (late, last)]:
            return f"first text after {seconds(early)} ({first}) to {seconds(late)} ({last})"
    return ""


def _plain(picture: Picture) -> Iterator[str]:
    yield picture.caption
    for bar in picture.bars:
        yield f"{one_line(bar.label)}: {said(bar)}"
        if bar.total is not None:
            yield _blocks(bar, picture.longest)


def _blocks(bar: Bar, longest: float) -> str:
    last = max(round((bar.total or 0.0) / longest * _TEXT_WIDTH), 1)
    first = last if bar.begin is None else min(round(bar.begin / longest * _TEXT_WIDTH), last - 1)
    return "─" * first + "█" * (last - first)


# As SVG


def _svg(picture: Picture) -> Iterator[str]:
    captions = picture.caption.splitlines()
    lines = [line for caption in captions for line in textwrap.wrap(_sentence(caption), _MOST_CELLS)]
    top = _MARGIN + _LINE * len(lines)
    height = top + _ROW * len(picture.bars) + _LINE + _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH}" height="{height}"'
        f' viewBox="0 0 {_WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13">'
    )
    yield f"<title>{escape('; '.join(map(_sentence, captions)))}</title>"
    yield f"<desc>{escape('; '.join(f'{one_line(bar.label)}: {said(bar)}' for bar in picture.bars))}</desc>"
    yield (
        f'<rect x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"'
        f' fill="{_CARD}" stroke="{_EDGE}"/>'
    )
    for number, line in enumerate(lines):
        yield _text(line, _MARGIN, _MARGIN + 12 + _LINE * number, bold=True)
    for number, bar in enumerate(picture.bars):
        yield from _row(bar, top + _ROW * number, picture.longest)
    yield from _legend(height - _MARGIN)
    yield "</svg>"


def _row(bar: Bar, top: int, longest: float) -> Iterator[str]:
    yield _text(one_line(bar.label), _MARGIN, top + 20)
    yield _text(said(bar), _MARGIN, top + 56, small=True)
    if bar.total is None:
        return
    last = max(bar.total / longest * _INSIDE, _LEAST)
    first = last if bar.begin is None else min(bar.begin / longest * _INSIDE, last - _LEAST)
    yield _block(0, first, top + 26 + (_BAR - _THIN) // 2, _THIN, WAITING)
    yield _block(first, last, top + 26, _BAR, ARRIVING)


def _block(left: float, right: float, top: int, height: int, colour: str) -> str:
    if right <= left:
        return ""
    return (
        f'<rect x="{_MARGIN + left:.1f}" y="{top}" width="{right - left:.1f}" height="{height}"'
        f' fill="{colour}"/>'
    )


def _legend(y: int) -> Iterator[str]:
    yield _block(0, 20, y - 7, _THIN, WAITING)
    yield _text("waiting", _MARGIN + 26, y, small=True)
    yield _block(96, 116, y - 11, _BAR, ARRIVING)
    yield _text("text arriving", _MARGIN + 122, y, small=True)


def _text(words: str, x: int, y: int, *, small: bool = False, bold: bool = False) -> str:
    look = f' font-size="12" fill="{_SOFT}"' if small else f' fill="{_INK}"'
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}"{look}{weight}>{escape(shortened(words, _MOST_CELLS))}</text>'


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]

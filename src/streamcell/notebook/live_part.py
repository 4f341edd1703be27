"""The part of a terminal that is drawn again and again, at the end of what scrolls by.

It adds to Rich's `Live` that a change of the width leaves nothing behind: terminals wrap lines that have
become too long, so what was drawn takes more rows than it had lines. What is drawn it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleRenderable
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment, SegmentLines
from rich.style import Style


class LivePart(Live):
    """Lines below everything else that is printed on the console; gone after `stop`. Started once."""

    def __init__(self, console: Console) -> None:
        super().__init__(console=console, auto_refresh=False, transient=True)
        self._lines: Sequence[list[Segment]] = ()
        self._widths: list[int] = []

    def show(self, lines: Sequence[list[Segment]]) -> None:
        """Draw these in the place of those before."""
        self._lines = [_trimmed(line) for line in lines]
        self.update(SegmentLines(self._lines, new_lines=True), refresh=True)

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """What Rich calls whenever something is printed: first the old lines are erased."""
        drawn = super().process_renderables(renderables)
        if not self.console.is_interactive:
            return drawn
        width = max(self.console.width, 1)
        wrapped = sum(max(old - 1, 0) // width for old in self._widths)
        self._widths = [min(Segment.get_line_length(line), width) for line in self._lines]
        up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        return [Control(ControlType.CARRIAGE_RETURN, *up * wrapped), *drawn]


def _trimmed(line: list[Segment]) -> list[Segment]:
    """Without spaces at its end that nobody sees: some terminals wrap those, some do not."""
    end = len(line)
    while end and not line[end - 1].text.strip() and not _is_seen(line[end - 1].style):
        end -= 1
    if not end or _is_seen(line[end - 1].style):
        return line[:end]
    last = line[end - 1]
    return [*line[: end - 1], Segment(last.text.rstrip(), last.style)]


def _is_seen(style: Style | None) -> bool:
    return style is not None and bool(style.bgcolor or style.reverse or style.underline)

"""The end of a growing Markdown text: which of its blocks may still change.

For displays that print a block once and never touch it again. It knows lines, not Markdown's grammar, and
where that is not enough it keeps a block back.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"`{3,}(?=[^`]*$)|~{3,}")
_GOES_ON = (" ", "\t", "-", "*", "+", ">", "|", *"0123456789")
"""A line that begins so may belong to the list, quote or table above the blank line before it."""


class Tail:
    """The Markdown that may still change: `feed` text, take what has settled, read what has not.

    A block has settled when a blank line outside a fence is followed by a line that cannot continue it. Each
    line is looked at once.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._blank_seen = False
        self._fence: str | None = None
        self._opening = ""

    def feed(self, text: str) -> str:
        """Take more text; the blocks that it settled, or an empty string."""
        settled: list[str] = []
        *ended, rest = text.split("\n")
        for piece in ended:
            self._line.append(piece)
            settled += self._end_line("".join(self._line))
            self._line.clear()
        if rest:
            self._line.append(rest)
        return "".join(f"{line}\n" for line in settled)

    @property
    def unsettled(self) -> str:
        """The text not yet settled."""
        return "\n".join([*self._lines, *self._line_so_far()])

    def end(self, *, lines: int, characters: int) -> str:
        """The end of the unsettled text, at most so much of it; a fence open there is opened again."""
        last = [*self._lines[-lines:], *self._line_so_far()][-lines:]
        kept = "\n".join(last)[-characters:]
        whole = len(last) > len(self._lines) and len(kept) == len("\n".join(last))
        return kept if whole or self._fence is None else f"{self._opening}\n{kept}"

    def _line_so_far(self) -> list[str]:
        self._line[:] = ["".join(self._line)]
        return self._line

    def _end_line(self, line: str) -> list[str]:
        settled: list[str] = []
        if self._blank_seen and line.strip() and not line.startswith(_GOES_ON):
            settled, self._lines = self._lines, []
        self._lines.append(line)
        self._follow_fence(line.strip())
        self._blank_seen = self._fence is None and not line.strip()
        return settled

    def _follow_fence(self, line: str) -> None:
        mark = _FENCE.match(line)
        if mark is None:
            return
        if self._fence is None:
            self._fence, self._opening = mark[0], line
        elif line == mark[0] and line.startswith(self._fence):
            self._fence = None

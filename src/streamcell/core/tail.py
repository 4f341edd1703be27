"""The end of a growing Markdown text: which of its blocks may still change.

For displays that print a block once and never touch it again. It knows lines, not Markdown's grammar, and
where that is not enough it keeps a block back.
"""

from __future__ import annotations

_FENCES = ("```", "~~~")
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

    def unsettled(self, longest: int | None = None) -> str:
        """The text not yet settled: its last `longest` characters, an open fence opened again."""
        if longest is None:
            return "\n".join([*self._lines, "".join(self._line)])
        kept: list[str] = []
        room = longest
        for line in ("".join(self._line), *reversed(self._lines)):
            if room <= 0:
                break
            kept.append(line[-room:])
            room -= len(line) + 1
        if self._fence is not None and len(kept) <= len(self._lines):
            kept.append(self._fence)
        return "\n".join(reversed(kept))

    def _end_line(self, line: str) -> list[str]:
        settled: list[str] = []
        if self._blank_seen and line.strip() and not line.startswith(_GOES_ON):
            settled, self._lines = self._lines, []
        self._lines.append(line)
        mark = line.lstrip()[:3]
        if self._fence is None:
            self._fence = mark if mark in _FENCES else None
        elif mark == self._fence:
            self._fence = None
        self._blank_seen = self._fence is None and not line.strip()
        return settled

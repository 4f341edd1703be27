"""Inline thinking: ``<think>…</think>`` at the start of an answer's text, split over any number of deltas.

Only the start counts: a tag later on is the answer's own text. Knows no provider and no events.
"""

from __future__ import annotations

from typing import Literal

_OPEN, _CLOSE = "<think>", "</think>"

Piece = tuple[Literal["thinking", "text"], str]


class ThinkTags:
    """Sorts pieces of text into thinking and text; `settled` once no tag can come any more."""

    def __init__(self) -> None:
        self._held = ""
        self._inside = False
        self.settled = False

    def feed(self, text: str) -> list[Piece]:
        """The pieces that `text` makes certain."""
        if self.settled:
            return [("text", text)]
        self._held += text
        return self._within() if self._inside else self._before()

    def close(self) -> list[Piece]:
        """What was held back, when no more text comes."""
        held, self._held = self._held, ""
        self.settled = True
        return [("thinking" if self._inside else "text", held)] if held else []

    def _before(self) -> list[Piece]:
        start = self._held.lstrip()
        if start.startswith(_OPEN):
            self._inside = True
            self._held = start.removeprefix(_OPEN)
            return self._within()
        return [] if _OPEN.startswith(start) else self.close()

    def _within(self) -> list[Piece]:
        thinking, found, rest = self._held.partition(_CLOSE)
        if found:
            self.settled, self._held = True, ""
            return [piece for piece in (("thinking", thinking), ("text", rest)) if piece[1]]
        kept = next((n for n in range(len(_CLOSE) - 1, 0, -1) if thinking.endswith(_CLOSE[:n])), 0)
        certain, self._held = thinking[: len(thinking) - kept], thinking[len(thinking) - kept :]
        return [("thinking", certain)] if certain else []

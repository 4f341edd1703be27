"""What lasts of a chat: all of it as inert HTML and plain text, readable without a kernel.

A turn is written once and kept until it says something else, so a long chat costs no more after each answer
than a short one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple

from streamcell.core import safe_html, static, transcript
from streamcell.core.response import StreamingResponse
from streamcell.core.turns import Turn

Bundle = dict[str, str]


class _Written(NamedTuple):
    """A turn as it was when it was written."""

    turn: Turn
    response: StreamingResponse | None
    stop_reason: str | None
    bundle: Bundle


class Lasting:
    """Writes chats; callable from any thread."""

    def __init__(self) -> None:
        self._written: dict[int, _Written] = {}
        self._lock = threading.Lock()

    def bundle(self, turns: Sequence[tuple[Turn, StreamingResponse | None]], *, title: str = "") -> Bundle:
        """The chat as `text/html` and `text/plain`; a turn with a response holds its question alone."""
        if not turns:
            return transcript.bundle([], system=None)
        with self._lock:
            self._written = {turn.id: self._write(turn, response) for turn, response in turns}
            bundles = [one.bundle for one in self._written.values()]
        above = f"<p><strong>{safe_html.text(title)}</strong></p>\n" if title else ""
        html = "\n".join(one["text/html"] for one in bundles)
        return {
            "text/html": f"{above}{html}",
            "text/plain": "\n\n".join(one["text/plain"] for one in bundles),
        }

    def _write(self, turn: Turn, response: StreamingResponse | None) -> _Written:
        known = self._written.get(turn.id)
        stop_reason = None if response is None else response.stop_reason
        if known is not None and known[:2] == (turn, response) and known.stop_reason == stop_reason:
            return known
        return _Written(turn, response, stop_reason, _bundle(turn, response))


def _bundle(turn: Turn, response: StreamingResponse | None) -> Bundle:
    if response is None:
        return transcript.bundle([turn], system=None)
    question = transcript.bundle([turn], system=None)
    answer = static.bundle(response)
    return {
        "text/html": f"{question['text/html']}\n<p><strong>Assistant</strong></p>\n{answer['text/html']}",
        "text/plain": f"{question['text/plain']}\n\n# Assistant\n\n{answer['text/plain']}",
    }

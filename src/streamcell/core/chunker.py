"""Groups the provider's text deltas into the chunks users read."""

from __future__ import annotations

from typing import Any

from streamcell.messages import StreamChunk


class Chunker:
    """Joins `size` text deltas into one chunk; with size 1 (lowest latency) each delta is a chunk."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._texts: list[str] = []
        self.metadata: dict[str, Any] = {}
        """What every chunk carries: provider, model, event type. Each chunk gets a copy of its own."""

    def add(self, text: str, timestamp: float) -> StreamChunk | None:
        """The chunk that `text` completes, if it completes one."""
        if self._size == 1:
            return StreamChunk(text, text, self.metadata.copy(), timestamp=timestamp)
        self._texts.append(text)
        return self.flush(timestamp) if len(self._texts) >= self._size else None

    def flush(self, timestamp: float) -> StreamChunk | None:
        """What is left at the end, as a last, smaller chunk."""
        if not self._texts:
            return None
        content = "".join(self._texts)
        token = content if len(self._texts) == 1 else None
        self._texts.clear()
        return StreamChunk(content, token, self.metadata.copy(), timestamp=timestamp)

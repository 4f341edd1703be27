"""What a piece of code prints, kept apart from what everything else prints at the same time.

`contextlib.redirect_stdout` turns the whole process's output away; here the context tells whose print it is,
so that it works for threads and for tasks side by side.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Generator
from contextvars import ContextVar
from typing import Any, Final

LIMIT: Final = 10_000
"""Characters that are kept of what one piece of code prints."""

_kept: ContextVar[Printed | None] = ContextVar("streamcell_printed", default=None)
_lock = threading.Lock()
_open = 0


class Printed:
    """The text printed so far, up to `LIMIT` characters."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._room = LIMIT

    def write(self, text: str) -> int:
        self._text.write(text[: self._room])
        self._room = max(0, self._room - len(text))
        return len(text)

    def __str__(self) -> str:
        return self._text.getvalue() + ("" if self._room else "\n…")


class _Door:
    """Stands in for `sys.stdout` or `sys.stderr`: keeps what is printed inside `kept`, passes on the rest."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def write(self, text: str) -> int:
        kept = _kept.get()
        written: int = self.real.write(text) if kept is None else kept.write(text)
        return written

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@contextlib.contextmanager
def kept() -> Generator[Printed]:
    """What is printed inside the block, and by threads and tasks begun in it."""
    printed = Printed()
    _enter()
    token = _kept.set(printed)
    try:
        yield printed
    finally:
        _kept.reset(token)
        _leave()


def _enter() -> None:
    global _open  # noqa: PLW0603 - one process, one standard output
    with _lock:
        if _open == 0:
            sys.stdout, sys.stderr = _Door(sys.stdout), _Door(sys.stderr)
        _open += 1


def _leave() -> None:
    global _open  # noqa: PLW0603
    with _lock:
        _open -= 1
        if _open:
            return
        # Somebody may have put another stream in place meanwhile, which is theirs to take back.
        if isinstance(sys.stdout, _Door):
            sys.stdout = sys.stdout.real
        if isinstance(sys.stderr, _Door):
            sys.stderr = sys.stderr.real

"""Ctrl-C as a wish that is noted, and met between two steps.

An exception in the middle of one would leave half a drawn frame, and Python drops those that are raised
inside its own callbacks (the locks of imports, finalisers).
"""

from __future__ import annotations

import signal
from collections.abc import Generator
from contextlib import contextmanager
from typing import Self


class CtrlC:
    """Entered on the main thread: the first Ctrl-C sets `heard`, a second one raises `KeyboardInterrupt`.

    A program that ignores Ctrl-C, or that has a handler of its own, keeps it.
    """

    def __init__(self) -> None:
        self.heard = False
        self._raises = False
        self._ours = False

    def __enter__(self) -> Self:
        self._ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._ours:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    @contextmanager
    def ends_a_question(self) -> Generator[None]:
        """Inside, Ctrl-C breaks off what waits for the user; it counts as heard."""
        self._raises = True
        try:
            yield
        except KeyboardInterrupt:
            self.heard = True
        finally:
            self._raises = False

    def _note(self, *_: object) -> None:
        if self._raises or self.heard:
            raise KeyboardInterrupt
        self.heard = True

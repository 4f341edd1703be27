"""The last image that a cell showed, for `--image last`. Loads nothing.

IPython forgets an image once it is on the page: matplotlib closes its figures, and neither `Out` nor the
history of a kernel holds what `display` was given. So the formatter, which makes every image, is listened to.
"""

from __future__ import annotations

from typing import Any

KINDS = ("image/png", "image/jpeg")


class Listener:
    """Stands before a shell's formatter. `last`: the newest image, as IPython made it (base64 or bytes)."""

    def __init__(self, formatted: Any) -> None:
        self._formatted = formatted
        self.last: str | bytes | None = None

    def __call__(self, *given: Any, **said: Any) -> Any:
        data, metadata = self._formatted(*given, **said)
        for kind in KINDS:
            if kind in data:
                self.last = data[kind]
                break
        return data, metadata


def listen(shell: Any) -> None:
    formatter = shell.display_formatter
    formatter.format = Listener(formatter.format)


def forget(shell: Any) -> None:
    """Take back what `listen` did, unless somebody else listens through it by now."""
    held = vars(shell.display_formatter)
    if isinstance(held.get("format"), Listener):
        del held["format"]


def last(shell: Any) -> str | bytes | None:
    """The image, or None when no cell has shown one since the extension was loaded."""
    listener = vars(shell.display_formatter).get("format")
    return listener.last if isinstance(listener, Listener) else None

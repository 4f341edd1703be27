"""The page's code: each bundle is held once per kernel, and every widget refers to it.

Every widget instance sends its whole module to the page, so that is a small loader; the first loader of
a page fetches the bundle from the model that `page_code` made. What the bundles do, nobody here knows.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import anywidget
import ipywidgets
import traitlets

from streamcell.core.protocol import Bundle, Part
from streamcell.errors import UsageError

STATIC = Path(__file__).parent / "static"


class PageCode(anywidget.AnyWidget):
    """Holds the source of one bundle, once per kernel."""

    _esm = "export default {}"
    version = traitlets.Unicode().tag(sync=True)
    source = traitlets.Unicode().tag(sync=True)


@cache
def source(name: str) -> str:
    """The text of a built file; raises `UsageError` when it was not built."""
    path = STATIC / name
    if not path.exists():
        raise UsageError(f"the page's code {name} was not built; run `npm ci && npm run build` in js/")
    return path.read_text(encoding="utf-8")


@cache
def page_code(name: str) -> PageCode:
    """The one holder of the bundle of this name."""
    text = source(name)
    return PageCode(version=hashlib.sha256(text.encode()).hexdigest()[:16], source=text)


def delivery(name: str, part: Part | None) -> Bundle:
    """The bundle of this name as a message to a page; with `part`, that part of the page's code instead."""
    return Bundle(page_code(name).version, source(f"{part}.js" if part else name), part)


@cache
def layout() -> ipywidgets.Layout:
    """One for all widgets: each would otherwise open a model for its own."""
    return ipywidgets.Layout()


class _UnopenedLayout(ipywidgets.Layout):  # type: ignore[misc]
    def open(self) -> None:
        """Nobody is there to lay anything out."""


@cache
def unopened_layout() -> _UnopenedLayout:
    """One for widgets that no page shows."""
    return _UnopenedLayout()

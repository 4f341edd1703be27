"""The parts of a live view, found as a user or a screen reader finds them: by role and name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from lab import Notebook


def view(notebook: Notebook, index: int = 1) -> Locator:
    """The live view in the output of a cell; several when it is displayed several times."""
    return notebook.output(index).get_by_role("region", name="streamcell", exact=True)


def article(notebook: Notebook, index: int = 1) -> Locator:
    return view(notebook, index).get_by_role("article", name="Assistant message", exact=True)


def status(notebook: Notebook, index: int = 1) -> Locator:
    return view(notebook, index).get_by_role("status", name="Stream status", exact=True)


def wait_until_replaced(notebook: Notebook, index: int = 1) -> Locator:
    """Waits until the static answer stands in place of the live view, and returns the output."""
    view(notebook, index).wait_for(state="detached")
    output = notebook.output(index)
    output.locator(".jp-RenderedHTML").first.wait_for()
    return output


def is_running(notebook: Notebook, index: int = 1) -> bool:
    """Whether the page waits for the cell's reply."""
    return notebook._tell("return panel.content.widgets[given].model.executionState === 'running'", index)

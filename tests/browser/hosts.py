"""Pages of hosts other than Jupyter's own (Voilà, marimo): one command serves one page on loopback."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import server

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

SECONDS = 120


@dataclass
class HostPage:
    """A page that `views` and `talk` take for a notebook: all that is on it is one output."""

    page: Page

    def output(self, _index: int = 0) -> Locator:
        return self.page.locator("body")


@contextlib.contextmanager
def opened(folder: Path, command: Callable[[int], list[str]], browser: Browser):
    """The page that a command serves, in a fresh profile; `command` takes the port, `folder` is furnished."""
    port = server.free_port()
    url = f"http://127.0.0.1:{port}"
    with server.running(command(port), folder) as process:
        server.wait_until_up(process, folder, lambda: _answers(url))
        context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(SECONDS * 1000)
        page = context.new_page()
        page.goto(url)
        yield HostPage(page)
        context.close()


def _answers(url: str) -> bool:
    """Any answer will do, also one that says that there is no such page."""
    try:
        urllib.request.urlopen(f"{url}/health", timeout=60).close()  # noqa: S310 - loopback
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True

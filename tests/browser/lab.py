"""A notebook in a real browser, as a user has it: JupyterLab or Notebook 7, on one kernel.

Commands and state go through `window.jupyterapp`, what a user sees through the DOM. Every wait is for a
condition; timeouts are long because the machine may be slow and busy: they end a hang, they measure nothing.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import TimeoutError  # noqa: A004 - Playwright's own name for it

if TYPE_CHECKING:
    import re

    from playwright.sync_api import BrowserContext, Locator, Page

    from server import Server

LOG = logging.getLogger(__name__)
ARTEFACTS = Path(__file__).parents[1] / "artefacts"
SECONDS = 90
START_SECONDS = 180  # a first page on a cold, busy machine
CHROMIUM_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip

STARTS = 3
WAKES = 3
ANSWER_SECONDS = 10

# Whether the page's kernel is there, and answers an empty request, in time.
ANSWERS = """
const empty = {code: '', silent: true, store_history: false};
const ask = () => panel.sessionContext.session.kernel.requestExecute(empty).done;
const late = new Promise((resolve) => setTimeout(() => resolve(false), given));
return Promise.race([panel.sessionContext.ready.then(ask).then(() => true, () => false), late]);
"""

# The open notebook's panel, in Lab and in Notebook 7.
PANEL = "const app = window.jupyterapp; const panel = app.shell.currentWidget;"
SPLASH = "#jupyterlab-splash"
LOADED = (
    f"document.querySelector('{SPLASH}') === null && panel?.context?.isReady"
    " && panel.content.widgets.length > 0"
)
SHOWN = f"{LOADED} && panel.sessionContext.isReady && panel.sessionContext.session?.kernel"


class NotReadyError(Exception):
    """A page or its kernel did not start."""


class Lab:
    """Opens notebooks. `context` is one browser profile: its pages share cookies, as a user's tabs do."""

    def __init__(self, server: Server, context: BrowserContext) -> None:
        self.server = server
        self.context = context
        self.strangers: list[str] = []
        self._opened = 0
        context.set_default_timeout(SECONDS * 1000)
        context.on("request", lambda request: self._note(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._note(socket.url)))

    def open(self, cells: list[str], *, kernel: str = "ipykernel-7.4", app: str = "lab") -> Notebook:
        """A new notebook with these code cells, its kernel started and idle. `app`: `lab` or `notebook`.

        A start that fails is given up whole, with its file, kernel and page: a kernel restarted under the
        same page does not help, since Lab sends nothing before it has the answer that went missing.
        """
        for _ in range(STARTS - 1):
            path = self._write(cells, kernel)
            try:
                return self.show(path, app=app)
            except NotReadyError as error:
                LOG.warning("A start failed and is repeated: %s", error)
            self.context.pages[-1].close()
            self.server.end_kernels(path)
        return self.show(self._write(cells, kernel), app=app)

    def show(self, path: Path, *, app: str = "lab") -> Notebook:
        """A page on a notebook file that exists, in a workspace of its own."""
        page = self.context.new_page()
        name = path.relative_to(self.server.notebooks).as_posix()
        self._opened += 1
        place = f"lab/workspaces/{self._name()}/tree" if app == "lab" else "notebooks"
        page.goto(f"{self.server.url}/{place}/{name}?token={self.server.token}")
        notebook = Notebook(page, path, self, app)
        notebook.wait_until_ready()
        notebook.widen()
        return notebook

    def _write(self, cells: list[str], kernel: str) -> Path:
        self._opened += 1
        return self.server.write(f"{self._name()}.ipynb", cells, kernel=kernel)

    def _name(self) -> str:
        return f"page-{id(self):x}-{self._opened}"

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        own = urlsplit(self.server.url).netloc
        if parts.scheme not in ("data", "blob", "about", "chrome") and parts.netloc != own:
            self.strangers.append(url)


@dataclass
class Notebook:
    """One page on one notebook. Cells are counted from 0."""

    page: Page
    path: Path
    lab: Lab = field(repr=False)
    app: str = "lab"
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    # -- running ---------------------------------------------------------------------------------

    def run(self, index: int = 0) -> None:
        """Starts a cell, as Ctrl-Enter does, and returns once the page has taken it."""
        self._tell("panel.content.deselectAll(); panel.content.activeCellIndex = given", index)
        self._start("notebook:run-cell", index)

    def run_all(self) -> None:
        """Starts all cells and returns once the page has taken the first."""
        self._start("notebook:run-all-cells", 0)

    def interrupt(self) -> None:
        """The kernel's interrupt, as the toolbar's black square sends it."""
        self._tell("return panel.sessionContext.session.kernel.interrupt()")

    def restart(self) -> None:
        """A fresh kernel under the same page."""
        self._tell("return panel.sessionContext.session.kernel.restart()")
        self.wait_until_ready()

    def stop(self, index: int = 0) -> None:
        """Clicks the Stop button that the output of this cell shows."""
        self.output(index).get_by_role("button", name="Stop", exact=True).click()

    # -- seeing ----------------------------------------------------------------------------------

    def cell(self, index: int = 0) -> Locator:
        """The cell on the page; scrolled to first, since Lab keeps only cells in sight in the page."""
        self._tell("return panel.content.scrollToItem(given)", index)
        return self.page.locator(f".jp-Notebook:visible .jp-Cell[data-windowed-list-index='{index}']")

    def output(self, index: int = 0) -> Locator:
        """What the cell shows below its source."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def wait_for_output(self, text: str | re.Pattern[str], index: int = 0) -> Locator:
        """Waits until the output of the cell shows this text, and returns the output."""
        output = self.output(index)
        output.filter(has_text=text).wait_for()
        return output

    def outputs(self, index: int = 0) -> list[dict]:
        """The cell's outputs as the page's model holds them (nbformat), before any saving."""
        return self._tell("return panel.content.widgets[given].model.outputs?.toJSON() ?? []", index)

    def kernel_state(self) -> str:
        """`idle`, `busy`, … On ipykernel 7.4 each widget message of an awaited cell ends in an `idle`."""
        return self._tell("return panel.sessionContext.session?.kernel?.status ?? 'none'")

    def wait_for_kernel(self, state: str) -> None:
        self._wait("panel.sessionContext.session?.kernel?.status === given", state)

    def wait_until_run(self, index: int = 0) -> None:
        """Waits until the cell has its number: its run is over, well or not, and its reply has come."""
        self._wait(
            "panel.content.widgets[given].model.executionState === 'idle'"
            " && panel.content.widgets[given].model.executionCount !== null",
            index,
        )

    def wait_until_ready(self) -> None:
        """Waits until the notebook is on the page and its kernel is idle and answers; wakes a deaf one."""
        try:
            self._wait(LOADED)
        except TimeoutError:
            raise NotReadyError(f"no notebook on the page in {SECONDS} s\n{self._story()}") from None
        if not self._answers():
            raise NotReadyError(f"the kernel did not answer the page\n{self._story()}")
        self.wait_for_kernel("idle")

    def _answers(self) -> bool:
        for _ in range(WAKES):
            if self._tell(ANSWERS, ANSWER_SECONDS * 1000):
                return True
            self.lab.server.wake(self.path)
        return bool(self._tell(ANSWERS, ANSWER_SECONDS * 1000))

    def _story(self) -> str:
        return f"{self.lab.server.story(self.path)}\nThe page: {'; '.join(self.errors) or 'no errors'}"

    # -- the page and the file -------------------------------------------------------------------

    def save(self) -> nbformat.NotebookNode:
        """Saves, and returns the file."""
        self._tell("return panel.context.save()")
        return self.file()

    def file(self) -> nbformat.NotebookNode:
        """The notebook as it lies on disk."""
        return nbformat.read(self.path, as_version=4)

    def reload(self) -> None:
        """Reloads the page. What a busy kernel allows after that is the test's to wait for."""
        self.page.reload()
        self._wait(SHOWN, seconds=START_SECONDS)

    def second_page(self) -> Notebook:
        """Another tab on the same notebook and kernel."""
        return self.lab.show(self.path, app=self.app)

    def theme(self, name: str) -> None:
        """`light` or `dark`."""
        self._tell(
            "return app.commands.execute('apputils:change-theme', {theme: given})",
            f"JupyterLab {name.capitalize()}",
        )
        self._wait("document.body.dataset.jpThemeLight === given", json.dumps(name == "light"))
        self.page.locator(SPLASH).wait_for(state="detached")

    def resize(self, width: int, height: int = 900) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    def widen(self) -> None:
        """Folds the side bar away, so that the notebook has the width of the page."""
        self._tell("app.shell.collapseLeft()")

    def screenshot(self, name: str, index: int | None = None) -> Path:
        """A picture of the page, or of one cell, at `tests/artefacts/NAME.png`."""
        path = ARTEFACTS / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.page if index is None else self.cell(index)).screenshot(path=path)
        return path

    # -- the page's own objects ------------------------------------------------------------------

    def _start(self, command: str, index: int) -> None:
        before = self._tell("return panel.content.widgets[given].model.executionCount", index)
        self._tell("void app.commands.execute(given)", command)
        self._wait(
            "panel.content.widgets[given[0]].model.executionState === 'running'"
            " || panel.content.widgets[given[0]].model.executionCount !== given[1]",
            [index, before],
        )

    def _tell(self, script: str, given: object = None) -> object:
        return self.page.evaluate(f"given => {{ {PANEL} {script} }}", given)

    def _wait(self, condition: str, given: object = None, *, seconds: float = SECONDS) -> None:
        script = f"given => {{ if (!window.jupyterapp) return false; {PANEL} return {condition}; }}"
        self.page.wait_for_function(script, arg=given, timeout=seconds * 1000)

"""The page: how late a token is in the DOM, and what showing it costs, in JupyterLab in a real Chromium.

The control is a bare widget that appends plain text sixty times a second. CPU is the main thread's
`TaskDuration`; a headless browser draws in software, so only ratios mean something.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import sync_playwright

import cells
from answer import EVERY, MARKER, pieces
from lab import CHROMIUM_FLAGS, Lab
from process import HERE, model
from rounds import Rounds
from server import serving
from table import Row, ratio_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Notebook
    from process import Model

CHROMIUM = os.environ.get("STREAMCELL_CHROMIUM") or "/usr/bin/chromium"
SETTLE_MS = 700
LATENCY_MS = 33.0
CONTROL_BUDGET = 2.0
GROWTH_BUDGET = 1.3
PACE = 1000
CONTESTANTS = {"plain": cells.PLAIN, "stream": cells.WIDGET}
_PROBE = (HERE / "probe.js").read_text()
_SOURCE = (
    "given => window.jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.setSource(given)"
)
_CLEAR = "() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')"


def rows(*, seconds: float, rounds: int, growth: tuple[int, int]) -> list[Row]:
    """Latency, then page CPU, then whether a token costs more late in a long answer."""
    with _page() as page:
        for cell in CONTESTANTS.values():
            page.cpu(cell, count=50, pace=0)
        return [
            *_latency_rows(page, pace=100, seconds=seconds),
            *_latency_rows(page, pace=PACE, seconds=seconds),
            _cpu_row(page, count=round(PACE * seconds), rounds=rounds),
            _growth_row(page, *growth, rounds=rounds),
        ]


def _latency_rows(page: Page, *, pace: int, seconds: float) -> list[Row]:
    count = round(pace * seconds)
    plain, stream = (page.latency(cell, count=count, pace=pace) for cell in CONTESTANTS.values())
    ratio = stream.p50 / plain.p50
    within = stream.p50 <= LATENCY_MS and ratio <= CONTROL_BUDGET and not stream.missing
    budget = f"p50 <= {LATENCY_MS:g} ms, <= {CONTROL_BUDGET:g}x"
    return [
        Row(
            f"token sent to in the DOM, {pace} tok/s",
            str(stream),
            str(plain),
            f"{ratio:.2f}x",
            budget,
            within,
        )
    ]


def _cpu_row(page: Page, *, count: int, rounds: int) -> Row:
    measured = Rounds.of(
        {
            name: lambda cell=cell: page.cpu(cell, count=count, pace=PACE)
            for name, cell in CONTESTANTS.items()
        },
        rounds=rounds,
        warm=False,
    )
    return ratio_row(
        f"page CPU, {count} tokens at {PACE} tok/s, Markdown against plain text",
        f"{measured.median('stream'):.2f} s",
        control=f"{measured.median('plain'):.2f} s",
        ratio=measured.ratio("stream", "plain"),
        budget=CONTROL_BUDGET,
    )


def _growth_row(page: Page, short: int, long: int, *, rounds: int) -> Row:
    brief = statistics.median(page.cpu(cells.WIDGET, count=short, pace=PACE) for _ in range(rounds)) / short
    late = page.cpu(cells.WIDGET, count=long, pace=PACE) / long
    return ratio_row(
        f"page CPU a token at {long} tokens, against {short}",
        f"{late * 1e6:.0f} us",
        control=f"{brief * 1e6:.0f} us",
        ratio=late / brief,
        budget=GROWTH_BUDGET,
    )


class Latency(NamedTuple):
    """Milliseconds from sent to in the DOM, and how many markers never came."""

    p50: float
    p99: float
    missing: int

    def __str__(self) -> str:
        lost = f", {self.missing} missing" if self.missing else ""
        return f"p50 {self.p50:.0f}, p99 {self.p99:.0f} ms{lost}"


class Page:
    """One notebook with one cell, which is given each contestant in turn."""

    def __init__(self, notebook: Notebook, served: Model) -> None:
        self._notebook = notebook
        self._page = notebook.page
        self._served = served
        self._numbers = itertools.count()
        self._devtools = notebook.page.context.new_cdp_session(notebook.page)
        self._devtools.send("Performance.enable")

    def cpu(self, cell: str, *, count: int, pace: int) -> float:
        """Seconds the main thread worked, from the cell's start until after its end."""
        self._prepare(cell, count=count, pace=pace)
        before = self._task_seconds()
        self._run()
        return self._task_seconds() - before

    def latency(self, cell: str, *, count: int, pace: int) -> Latency:
        """From the model's send to the DOM, by the markers of the answer."""
        name = self._prepare(cell, count=count, pace=pace)
        self._page.evaluate(_PROBE, 0)
        self._run()
        seen = {int(number): at for number, at in self._page.evaluate("() => window.endProbe()").items()}
        sent = json.loads((self._served.times / f"{name}.json").read_text())
        late = sorted(at - sent[number] * 1000 for number, at in seen.items() if number < len(sent))
        quantiles = statistics.quantiles(late, n=100)
        return Latency(quantiles[49], quantiles[98], _markers(count) - len(late))

    def _prepare(self, cell: str, *, count: int, pace: int) -> str:
        name = f"n{count}-p{pace}-page{next(self._numbers)}"
        self._page.evaluate(_CLEAR)
        self._page.evaluate(_SOURCE, cell.format(model=name, url=self._served.base_url, options=""))
        self._page.wait_for_timeout(SETTLE_MS)
        return name

    def _run(self) -> None:
        self._notebook.run(0)
        self._notebook.wait_for_kernel("busy")
        self._notebook.wait_for_kernel("idle")
        self._notebook.wait_until_run(0)
        self._page.wait_for_timeout(SETTLE_MS)

    def _task_seconds(self) -> float:
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def _markers(count: int) -> int:
    """How many numbered words an answer of so many pieces holds."""
    return sum(bool(MARKER.search(piece)) for piece in pieces(count)[::EVERY])


@contextlib.contextmanager
def _page() -> Iterator[Page]:
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(model())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamcell-bench-")))
        jupyter = stack.enter_context(serving(folder / "server"))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        stack.callback(browser.close)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        notebook = Lab(jupyter, context).open(["%load_ext streamcell"], kernel="python3")
        notebook.run(0)
        notebook.wait_until_run(0)
        yield Page(notebook, served)

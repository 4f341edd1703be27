"""What `%load_ext streamcell` adds to an IPython that has just started, and how heavy the page's code is."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rounds import Rounds
from table import Row, ratio_row

START_BUDGET = 0.1
BUNDLE_BUDGET = 60  # KiB
BUNDLE = Path(__file__).parents[1] / "src" / "streamcell" / "notebook" / "static" / "widget.js"
LAZY = ("anthropic", "anywidget", "httpx", "httpx2", "ipywidgets", "openai")
"""What must wait for the first use: clients and widgets cost 0.03 to 0.8 s of CPU each."""

_CODE = """
import json, sys, time
started, before = time.process_time(), set(sys.modules)
get_ipython().run_line_magic("load_ext", "streamcell")
loaded = time.process_time() - started
print(json.dumps([started, loaded, sorted(set(sys.modules) - before)]))
"""


def rows(*, rounds: int) -> list[Row]:
    """CPU and modules of loading the extension; size of the bundle."""
    measured = Rounds()
    last = _load()  # compiles what is not compiled yet
    for _ in range(rounds):
        last = _load()
        measured.add("start", last.start)
        measured.add("load", last.load)
    heavy = [name for name in LAZY if name in last.modules]
    return [
        ratio_row(
            "%load_ext streamcell, CPU, against IPython's start",
            f"{measured.median('load') * 1e3:.1f} ms",
            control=f"{measured.median('start') * 1e3:.0f} ms",
            ratio=measured.ratio("load", "start"),
            budget=START_BUDGET,
        ),
        Row(
            "clients and widgets imported by %load_ext",
            ", ".join(heavy) or f"none ({len(last.modules)} modules)",
            budget="none",
            within=not heavy,
        ),
        _bundle_row(),
    ]


class _Load(NamedTuple):
    start: float
    load: float
    modules: list[str]


def _load() -> _Load:
    with tempfile.TemporaryDirectory(prefix="streamcell-bench-") as folder:
        environment = {**os.environ, "HOME": folder, "IPYTHONDIR": folder}
        command = [sys.executable, "-m", "IPython", "--no-banner", "-c", _CODE]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return _Load(*json.loads(done.stdout.splitlines()[-1]))


def _bundle_row() -> Row:
    if not BUNDLE.exists():
        return Row("page code, gzip", "not built: `npm run build` in js/")
    size = len(gzip.compress(BUNDLE.read_bytes(), 9)) / 1024
    return Row(
        "page code, gzip", f"{size:.1f} KiB", budget=f"<= {BUNDLE_BUDGET} KiB", within=size <= BUNDLE_BUDGET
    )

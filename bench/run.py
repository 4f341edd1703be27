"""`make bench`: one table of what speed costs, each figure beside a control from the same run.

    python bench/run.py [--quick] [--check] [PART …]

It reports, and exits 0 also when a budget is missed; with --check it then exits 1. What the rows mean
stands in docs/PERFORMANCE.md.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
CHROMIUM = os.environ.get("STREAMCELL_CHROMIUM") or "/usr/bin/chromium"


class Part(NamedTuple):
    """A function `module:name` that gives rows, and what it is asked in a quick and in a full run."""

    function: str
    quick: dict[str, object]
    full: dict[str, object]


PARTS = {
    "decode": Part("decoding:rows", {"rounds": 5}, {"rounds": 15}),
    "kernel": Part("streaming:cpu_rows", {"count": 3000, "rounds": 2}, {"count": 8000, "rounds": 3}),
    "traffic": Part(
        "streaming:traffic_rows",
        {"lengths": (1000, 8000), "parallel": 200},
        {"lengths": (2000, 32000), "parallel": 400},
    ),
    "page": Part(
        "page:rows",
        {"seconds": 2.0, "rounds": 1, "growth": (1000, 4000)},
        {"seconds": 3.0, "rounds": 3, "growth": (2000, 32000)},
    ),
    "load": Part("loading:rows", {"rounds": 3}, {"rounds": 9}),
    "serve": Part(
        "serving:rows",
        {"readers": 500, "count": 100, "rounds": 1},
        {"readers": 500, "count": 200, "rounds": 3},
    ),
    "many": Part(
        "many:rows",
        {"count": 25, "silence": 3, "rounds": 3},
        {"count": 100, "silence": 4, "rounds": 5},
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts asked for, print the table, return the exit code."""
    asked = _parser().parse_args(arguments)
    _make_importable()
    begun = time.monotonic()
    table = importlib.import_module("table")
    rows = [row for name in asked.parts or PARTS for row in _run(name, quick=asked.quick)]
    over = [row for row in rows if row.within is False]
    print(table.markdown(rows))
    print(f"\n{len(rows)} rows in {time.monotonic() - begun:.0f} s, {len(over)} over budget; {_machine()}")
    return 1 if over and asked.check else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="The speed table.")
    parser.add_argument("--quick", action="store_true", help="shorter streams, fewer rounds: under 2 minutes")
    parser.add_argument("--check", action="store_true", help="exit 1 when a budget is missed")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    return parser


def _make_importable() -> None:
    """Let parts find each other, the package of this checkout and the browser harness; kernels inherit it."""
    folders = [str(ROOT / "bench"), str(ROOT / "src"), str(ROOT / "tests" / "browser")]
    sys.path[:0] = folders
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([folders[1], *([inherited] if inherited else [])])


def _run(name: str, *, quick: bool) -> list:
    part = PARTS[name]
    if name == "page" and not Path(CHROMIUM).exists():
        print(f"page: no Chromium at {CHROMIUM}, left out; set STREAMCELL_CHROMIUM", file=sys.stderr)
        return []
    print(f"{name} …", file=sys.stderr, flush=True)
    module, _, function = part.function.partition(":")
    return getattr(importlib.import_module(module), function)(**(part.quick if quick else part.full))


def _machine() -> str:
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    sys.exit(main())

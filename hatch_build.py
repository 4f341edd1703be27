"""Builds the page's bundle from `js/` when it is missing or older than its sources, whatever is in it.

An sdist carries the bundle, so that installing from one needs no Node.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = "src/streamcell/notebook/static"
PAGE = ("widget", "loader", "chat", "chat_loader", "dashboard", "dashboard_loader", "maths", "highlight")
BUNDLE = tuple(f"{STATIC}/{name}.js" for name in PAGE)
SOURCES = ("js/src/**/*", "js/*.json", "js/*.mjs", "js/*.js", "js/*.ts")
INSTALLED = "js/node_modules/.package-lock.json"  # npm writes it at the end of an install


class BundleHook(BuildHookInterface[Any]):
    """Runs before hatchling collects files for an sdist, a wheel or an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Leaves a bundle that is no older than its sources, or ends the build with one line."""
        root = Path(self.root)
        if not is_stale(root):
            return
        if shutil.which("npm") is None:
            self._without_node(root)
            return
        if needs_install(root):
            self._npm(root, "ci", "--include=dev")
        self._npm(root, "run", "build")

    def _without_node(self, root: Path) -> None:
        if all((root / name).exists() for name in BUNDLE):
            self.app.display_warning(
                "streamcell: npm was not found; taking the page's bundle as it is, older than js/src"
            )
            return
        self.app.abort(
            "streamcell: the page's bundle is not built and npm was not found. "
            "Install Node.js 20 or newer and try again, or install a released wheel."
        )

    def _npm(self, root: Path, *arguments: str) -> None:
        done = subprocess.run(
            ["npm", *arguments],
            cwd=root / "js",
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            self.app.display_error(done.stdout)
            self.app.abort(
                f"streamcell: `npm {' '.join(arguments)}` in js/ failed with exit code {done.returncode}"
            )


def is_stale(root: Path) -> bool:
    """Whether a file of the bundle is missing or older than any source. Equal times (an sdist) are fresh."""
    built = [root / name for name in BUNDLE]
    if not all(file.exists() for file in built):
        return True
    sources = (file for pattern in SOURCES for file in root.glob(pattern) if file.is_file())
    newest = max((file.stat().st_mtime for file in sources), default=0.0)
    return min(file.stat().st_mtime for file in built) < newest


def needs_install(root: Path) -> bool:
    """Whether `node_modules` is missing or older than the lock file."""
    installed, lock = root / INSTALLED, root / "js/package-lock.json"
    return not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime

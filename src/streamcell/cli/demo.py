"""`streamcell demo`: the quick-start notebook, copied to the current folder and opened in JupyterLab."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import streamcell
from streamcell.errors import UsageError
from streamcell.notebook.call_options import OptionParser

NAME: Final = "streamcell-quickstart.ipynb"
_PACKAGE: Final = Path(streamcell.__file__).parent
_PLACES: Final = (
    _PACKAGE / "notebook/quickstart.ipynb",  # where a wheel has it
    _PACKAGE.parents[1] / "notebooks/quickstart.ipynb",  # where a checkout has it
)


def run(words: Sequence[str]) -> int:
    """Open the notebook, made unless it is there already; the exit code is JupyterLab's."""
    said = _parser().parse_args(words)
    if find_spec("jupyterlab") is None:
        raise UsageError("JupyterLab is not installed here; `pip install jupyterlab`, then try again")
    notebook = _copied(Path(NAME))
    print(f"opening {notebook} in JupyterLab; Ctrl-C ends it", flush=True)  # noqa: T201 - the answer
    options = ["--no-browser"] * said.no_browser + ["--allow-root"] * said.allow_root
    options += [] if said.port is None else [f"--port={said.port}"]
    return _wait([sys.executable, "-m", "jupyterlab", str(notebook), *options])


def _parser() -> OptionParser:
    parser = OptionParser(
        "streamcell demo",
        where="`streamcell demo --help` shows what it takes",
        description=f"Copies the quick start to {NAME} in this folder, unless it is there, and opens it in"
        " JupyterLab. It runs on the scripted demo provider: no key, no network.",
    )
    parser.add_argument("--no-browser", action="store_true", help="start the server, and print its address")
    parser.add_argument("--port", type=int, metavar="PORT", help="port of JupyterLab; a free one unless said")
    parser.add_argument(
        "--allow-root", action="store_true", help="JupyterLab may run as root, as in a container"
    )
    return parser


def _copied(target: Path) -> Path:
    if target.exists():
        return target
    source = next((place for place in _PLACES if place.is_file()), None)
    if source is None:
        raise UsageError("this installation has no quick-start notebook; install streamcell anew")
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise UsageError(f"cannot write {target.absolute()}: {error.strerror}") from None
    return target


def _wait(words: list[str]) -> int:
    """The exit code of the command. It hears Ctrl-C itself, and asks before it ends."""
    with subprocess.Popen(words) as server:  # noqa: S603 - our own Python
        while True:
            try:
                return server.wait()
            except KeyboardInterrupt:
                continue

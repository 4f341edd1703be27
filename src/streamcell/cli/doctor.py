"""`streamcell doctor`: what is installed and found here, and what to do about it. Nothing is sent or changed.

It looks at the environment it runs in; a kernel may live in another one. Of keys it tells the names alone.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

import streamcell
from streamcell.cli import FAILED, WELL
from streamcell.cli.providers import Standing, standings, usual
from streamcell.core.visible import visible
from streamcell.errors import UsageError
from streamcell.notebook.call_options import OptionParser

_FRONT_ENDS: Final = {
    "jupyterlab": "`pip install jupyterlab` to see live answers in a page",
    "notebook": "the classic look; `pip install notebook` if you prefer it to JupyterLab",
    "ipykernel": "`pip install ipykernel`; without it notebooks have no kernel here",
    "ipython": "`pip install ipython`; %%stream cells need it",
    "anywidget": "`pip install anywidget`; without it answers appear only when they are whole",
    "ipywidgets": "`pip install ipywidgets`; without it answers appear only when they are whole",
}
_NEEDED: Final = ("ipython", "anywidget", "ipywidgets")
_DEAF: Final = ((7, 0), (7, 4))
"""ipykernel's issue 1554: from the one version to before the other."""
_HEARING: Final = (
    "a page that is opened or reloaded can find its kernel deaf; `pip install -U 'ipykernel>=7.4'`"
)
_EXTRAS: Final = {
    "asyncio": "asyncio.run inside cells",
    "metrics": "Prometheus and OpenTelemetry",
    "prices": "what a run costs in dollars",
    "redis": "limits and logs shared between processes",
    "serve": "the server",
}
_BUNDLE: Final = Path(streamcell.__file__).parent / "notebook/static/widget.js"
_MARK: Final = {"fine": "✓", "absent": "-", "wrong": "✗"}


class Finding(NamedTuple):
    """One line of the report. `mark`: it is there, it is not, or it must be mended."""

    what: str
    state: str
    mark: str = "fine"
    remedy: str | None = None


def run(words: Sequence[str]) -> int:
    """Print what is found; 1 when something must be mended. What is merely not installed is no failure."""
    _parser().parse_args(words)
    sections = {
        "Here": list(_here()),
        "Providers": [_of_provider(one) for one in standings()],
        "Front ends": list(_front_ends()),
        "Extras": list(_extras()),
    }
    print(visible("\n\n".join(_section(name, found) for name, found in sections.items())))  # noqa: T201 - the answer
    wrong = sum(one.mark == "wrong" for found in sections.values() for one in found)
    print(f"\n{wrong} to mend, marked ✗." if wrong else "\nNothing to mend.")  # noqa: T201 - the answer
    return FAILED if wrong else WELL


def _parser() -> OptionParser:
    return OptionParser(
        "streamcell doctor",
        where="it takes no options",
        description="Tells what is installed and found in this Python environment. Exit code 1 when something"
        " must be mended.",
    )


def _section(name: str, found: Sequence[Finding]) -> str:
    width = max((len(one.what) for one in found), default=0)
    return "\n".join([name, *(_line(one, width) for one in found)])


def _line(one: Finding, width: int) -> str:
    remedy = f": {one.remedy}" if one.remedy else ""
    return f"  {_MARK[one.mark]} {one.what:<{width}}  {one.state}{remedy}"


def _here() -> Iterator[Finding]:
    yield Finding("streamcell", f"{streamcell.__version__} in {Path(streamcell.__file__).parent}")
    yield Finding("Python", f"{platform.python_version()} in {sys.prefix}")
    if _BUNDLE.is_file():
        yield Finding("page's code", "built")
    else:
        yield Finding("page's code", "missing", "wrong", "run `make setup`, or install a released wheel")
    yield _without_model()


def _without_model() -> Finding:
    try:
        return Finding("without -m", usual())
    except UsageError as error:
        return Finding("without -m", str(error), "wrong")


def _of_provider(one: Standing) -> Finding:
    mark = "wrong" if one.broken else "fine" if one.ready else "absent"
    return Finding(one.name, one.state, mark, one.remedy)


def _front_ends() -> Iterator[Finding]:
    for name, remedy in _FRONT_ENDS.items():
        version = _version(name)
        if version is None:
            yield Finding(name, "not installed", "wrong" if name in _NEEDED else "absent", remedy)
        elif name == "ipykernel" and is_deaf(version):
            yield Finding(name, version, "wrong", _HEARING)
        else:
            yield Finding(name, version)


def is_deaf(version: str) -> bool:
    """Whether this ipykernel may stop hearing a page that was opened or reloaded."""
    numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
    return _DEAF[0] <= numbers < _DEAF[1]


def _extras() -> Iterator[Finding]:
    for extra, packages in _packages().items():
        missing = [package for package in packages if _version(package) is None]
        meaning = _EXTRAS.get(extra, extra)
        if missing:
            yield Finding(
                extra,
                f"{', '.join(missing)} not installed",
                "absent",
                f"`pip install 'streamcell[{extra}]'` for {meaning}",
            )
        else:
            yield Finding(extra, meaning)


def _packages() -> dict[str, list[str]]:
    """The packages of each extra, as the installed metadata name them; none where it is not installed."""
    packages: dict[str, list[str]] = {}
    if _version("streamcell") is None:
        return packages
    for requirement in metadata.requires("streamcell") or ():
        found = re.match(r"([\w.-]+).*;.*extra == ['\"](\w+)['\"]", requirement)
        if found is not None:
            packages.setdefault(found[2], []).append(found[1])
    return packages


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

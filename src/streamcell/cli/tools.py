"""Tools on the command line: functions of Python files and modules, and who consents to their calls.

What a tool is and when it asks is the business of `core.tools` and `approvals`.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from streamcell.core.protocol import Decide
from streamcell.core.response import StreamingResponse
from streamcell.core.tools import Tool, toolbox
from streamcell.errors import UsageError
from streamcell.events import ApprovalRequest
from streamcell.handle import Stream
from streamcell.notebook import consent
from streamcell.options import Options

_SUFFIX = ".py"


def named(names: Sequence[str]) -> list[Callable[..., Any]]:
    """The functions of ``FILE.py:FUNCTION`` and ``MODULE:FUNCTION``; the files are run, as imports are."""
    return [_function(name) for name in names]


def see_to_consent(stream: Stream, options: Options, *, asks: bool) -> None:
    """Let the user be asked if `asks`; else raise `UsageError` when one of the tools would have to."""
    if asks:
        stream.approvals.attach()
        return
    tools = toolbox(options.get("tools") or ())
    asking = [tool.name for tool in tools.values() if stream.approvals.asks(tool)]
    if asking and "replay" not in options:  # a replay runs nothing
        raise UsageError(
            f"--tool: {', '.join(asking)} must ask before running, and nobody can be asked here; --yes runs"
            " tools without asking, all but those marked approve='always'"
        )


def can_ask() -> bool:
    """Whether the user sees a question, and can answer it."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(request: ApprovalRequest, response: StreamingResponse) -> Decide:
    """The user's answer on standard input; the end of it (Ctrl-D) is a no."""
    try:
        return consent.ask(request, response)
    except EOFError:
        print()  # noqa: T201 - ends the line of the question
        return Decide("", request.id, request.digest, approved=False)


def _function(name: str) -> Callable[..., Any]:
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise UsageError(f"--tool takes FILE.py:FUNCTION or MODULE:FUNCTION, not {name!r}")
    module = _loaded(place)
    function = getattr(module, attribute, None)
    if not callable(function):
        there = ", ".join(_tools_of(module)) or "none"
        raise UsageError(f"--tool: {place} has no function {attribute!r}; there are {there}")
    return function  # type: ignore[no-any-return]  # callable() says nothing of the result


def _tools_of(module: ModuleType) -> list[str]:
    """The names of its own functions, and of its tools."""
    return [
        name
        for name, value in sorted(vars(module).items())
        if isinstance(value, Tool) or (inspect.isfunction(value) and value.__module__ == module.__name__)
    ]


def _loaded(place: str) -> ModuleType:
    try:
        return _of_file(Path(place)) if place.endswith(_SUFFIX) else importlib.import_module(place)
    except Exception as error:  # noqa: BLE001 - whatever the user's own file raises
        raise UsageError(f"--tool: {place} cannot be loaded: {type(error).__name__}: {error}") from None


def _of_file(file: Path) -> ModuleType:
    """The module in `file`, which may import its neighbours and is run once, as a script would be."""
    name = f"_streamcell_tools_{file.resolve()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    sys.path.insert(0, str(file.resolve().parent))
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module

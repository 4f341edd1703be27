"""Streams over HTTP: `sse`, `websocket` and `Guard` for one's own app, `create_app` and `run` for a server.

`sse` needs no framework at all; the others need the extra ``streamcell[serve]``. Nothing is loaded before it
is named, and importing `streamcell` does not load this package.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from streamcell.errors import UsageError

if TYPE_CHECKING:
    from streamcell.serve.app import create_app
    from streamcell.serve.event_stream import sse
    from streamcell.serve.guard import Guard
    from streamcell.serve.limits import Limits
    from streamcell.serve.process import run
    from streamcell.serve.sockets import websocket

# No module bears the name of a public function: importing the module would put it in the function's place.
_HOMES = {
    "Guard": "guard",
    "Limits": "limits",
    "create_app": "app",
    "run": "process",
    "sse": "event_stream",
    "websocket": "sockets",
}

__all__ = ["Guard", "Limits", "create_app", "run", "sse", "websocket"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'streamcell.serve' has no attribute {name!r}")
    try:
        module = importlib.import_module(f"streamcell.serve.{home}")
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise UsageError(f"streamcell.serve.{name} needs {error.name}; install streamcell[serve]") from None
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

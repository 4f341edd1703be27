"""`%stream asyncio`: `asyncio.run` inside a cell, for code that was written for a script.

A notebook runs a loop already, and asyncio refuses a second one inside it. streamcell needs no such thing.
"""

from __future__ import annotations

import asyncio
import importlib

from streamcell.errors import UsageError


def allow() -> str:
    """Let loops nest in this process, and say what was done.

    Raises `UsageError` without the extra `[asyncio]`, and on a loop that cannot be patched (uvloop).
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return "no loop is running here, so asyncio.run works as it is; nothing was changed"
    try:
        nesting = importlib.import_module("nest_asyncio")  # only who asks for it needs it
    except ImportError:
        raise UsageError("%stream asyncio needs nest-asyncio: pip install streamcell[asyncio]") from None
    try:
        nesting.apply(loop)
    except ValueError:
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise UsageError(
            f"loops cannot nest on {kind}; write `await …` in place of `asyncio.run(…)`"
        ) from None
    return (
        "asyncio.run and loop.run_until_complete now work inside cells, by nest-asyncio, until the kernel is"
        " restarted; streamcell itself needs no such thing"
    )

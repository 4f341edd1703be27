"""streamcell: LLM streaming that is at home in Jupyter.

``%load_ext streamcell`` gives notebooks `%%stream` cells; the names below are the same engine in Python.
They load on first use: importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamcell.agent import Agent, stream
    from streamcell.core.conversation import Conversation
    from streamcell.core.metrics import Metrics
    from streamcell.core.response import StreamingResponse
    from streamcell.core.tools import tool
    from streamcell.errors import (
        BackpressureTimeout,
        LimitExceeded,
        ProtocolError,
        ProviderError,
        StreamcellError,
        StreamInterruptedError,
        ToolError,
        TransportError,
        UsageError,
    )
    from streamcell.events import Usage
    from streamcell.foreign import wrap
    from streamcell.handle import Stream
    from streamcell.many.bus import EventBus
    from streamcell.many.comparison import compare
    from streamcell.many.scheduler import Scheduler
    from streamcell.many.tasks import Task
    from streamcell.many.verdict import ensemble
    from streamcell.many.workflow import Workflow
    from streamcell.messages import ImagePart, Message, StreamChunk, TextPart
    from streamcell.notebook.chat import ChatWidget
    from streamcell.notebook.chats import conversation
    from streamcell.notebook.dashboard import Dashboard
    from streamcell.notebook.present import show
    from streamcell.notebook.view import StreamView
    from streamcell.past_runs import history, stats
    from streamcell.run import Timeouts

__version__ = "0.1.0"

_HOMES = {
    "Agent": "agent",
    "BackpressureTimeout": "errors",
    "ChatWidget": "notebook.chat",
    "Conversation": "core.conversation",
    "Dashboard": "notebook.dashboard",
    "EventBus": "many.bus",
    "ImagePart": "messages",
    "LimitExceeded": "errors",
    "Message": "messages",
    "Metrics": "core.metrics",
    "ProtocolError": "errors",
    "ProviderError": "errors",
    "Scheduler": "many.scheduler",
    "Stream": "handle",
    "StreamChunk": "messages",
    "StreamInterruptedError": "errors",
    "StreamView": "notebook.view",
    "StreamcellError": "errors",
    "StreamingResponse": "core.response",
    "Task": "many.tasks",
    "TextPart": "messages",
    "Timeouts": "run",
    "ToolError": "errors",
    "TransportError": "errors",
    "Usage": "events",
    "UsageError": "errors",
    "Workflow": "many.workflow",
    "compare": "many.comparison",
    "conversation": "notebook.chats",
    "ensemble": "many.verdict",
    "history": "past_runs",
    "show": "notebook.present",
    "stats": "past_runs",
    "stream": "agent",
    "tool": "core.tools",
    "wrap": "foreign",
}

__all__ = [
    "Agent",
    "BackpressureTimeout",
    "ChatWidget",
    "Conversation",
    "Dashboard",
    "EventBus",
    "ImagePart",
    "LimitExceeded",
    "Message",
    "Metrics",
    "ProtocolError",
    "ProviderError",
    "Scheduler",
    "Stream",
    "StreamChunk",
    "StreamInterruptedError",
    "StreamView",
    "StreamcellError",
    "StreamingResponse",
    "Task",
    "TextPart",
    "Timeouts",
    "ToolError",
    "TransportError",
    "Usage",
    "UsageError",
    "Workflow",
    "compare",
    "conversation",
    "ensemble",
    "history",
    "show",
    "stats",
    "stream",
    "tool",
    "wrap",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'streamcell' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"streamcell.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext streamcell`."""
    importlib.import_module("streamcell.notebook.magic").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext streamcell`."""
    importlib.import_module("streamcell.notebook.magic").unload(shell)

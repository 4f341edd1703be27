"""Asking for consent by a question on standard input, where no button can be clicked.

Used on the main thread: in a terminal, and in a kernel whose page shows its input box.
"""

from __future__ import annotations

import sys
from typing import Any

from streamcell.core.protocol import Decide
from streamcell.core.response import StreamingResponse
from streamcell.core.static import arguments_of
from streamcell.core.visible import visible
from streamcell.events import ApprovalRequest
from streamcell.notebook import kernel


def can_ask(shell: Any) -> bool:
    """Whether somebody can answer a question on standard input."""
    if kernel.host(shell) != "terminal":
        return kernel.takes_input(shell)
    return sys.stdin is not None and sys.stdin.isatty()


def ask(request: ApprovalRequest, response: StreamingResponse) -> Decide:
    """The user's answer; anything but a clear yes is a no."""
    call = next((call for call in response.tool_calls if call.id == request.id), None)
    shown = "" if call is None else f" with\n{visible(arguments_of(call))}"
    question = f"Run {visible(request.name)}{shown}\n[y]es, [n]o, [a]lways for this tool? "
    answer = input(question).strip().lower()
    always = answer in ("a", "always")
    return Decide("", request.id, request.digest, approved=always or answer in ("y", "yes"), always=always)

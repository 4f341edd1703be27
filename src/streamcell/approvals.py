"""Who says that a tool may run: a policy, or the user in front of a display of the run.

An answer counts only for a request that this run made, and only with that request's digest, which is made of
the tool and its arguments: a page, or whoever speaks for it, cannot consent to anything it was not shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Final, Literal, NamedTuple

from streamcell.core.protocol import Decide
from streamcell.core.tools import Tool
from streamcell.errors import UsageError
from streamcell.events import ApprovalRequest, ToolCall
from streamcell.io import worker

log = logging.getLogger("streamcell")

Policy = Callable[[ToolCall], object] | Literal["never", "always"]
"""Whether to ask: never, always, or a function (sync or async) that is asked and consents with True."""

Trusted = list[Callable[..., object]]
"""The functions that the user allowed to run without being asked again."""

_HOW: Final = (
    'pass approve= (a function of the call that returns True or False, or "never" to ask nobody),'
    ' or say it of the tool: tool(f, read_only=True), tool(f, approve="never")'
)


class _Waiting(NamedTuple):
    """A request that nobody has answered yet."""

    request: ApprovalRequest
    tool: Tool
    answer: asyncio.Future[bool]
    loop: asyncio.AbstractEventLoop


class Approvals:
    """The consents of one run. `attach` and `decide` may be called from any thread."""

    def __init__(self, policy: Policy | None = None, *, trusted: Trusted | None = None) -> None:
        if policy is not None and not callable(policy) and policy not in ("never", "always"):
            raise UsageError(f'approve takes a function, "never" or "always", not {policy!r}')
        self._policy = policy
        self._trusted: Trusted = [] if trusted is None else trusted
        self._open: dict[str, _Waiting] = {}
        self._lock = threading.Lock()
        self._attached = False

    @property
    def waiting(self) -> bool:
        """Whether a request stands open."""
        return bool(self._open)

    @property
    def attached(self) -> bool:
        return self._attached

    def attach(self) -> None:
        """A display of the run is there, on which a user can be asked."""
        self._attached = True

    def check(self, tools: Iterable[Tool]) -> None:
        """Raise `UsageError` when one of the tools would ask and nobody can be asked."""
        if callable(self._policy) or self._attached:
            return
        asking = sorted(tool.name for tool in tools if self.asks(tool))
        if asking:
            raise UsageError(
                f"{', '.join(asking)} must ask before running, and nobody can be asked here: {_HOW}"
            )

    def asks(self, tool: Tool) -> bool:
        """Whether consent is needed before `tool` runs; who wants to ask goes before who does not."""
        if tool.approve == "always" or self._policy == "always":
            return tool.function not in self._trusted
        return tool.asks and self._policy != "never" and tool.function not in self._trusted

    @property
    def policy(self) -> Callable[[ToolCall], object] | None:
        """The function that consents in the user's place, if there is one."""
        return self._policy if callable(self._policy) else None

    @contextlib.contextmanager
    def asked(self, tool: Tool, request: ApprovalRequest) -> Generator[asyncio.Future[bool]]:
        """The user's answer to `request`, to be awaited inside the block; afterwards none is heard."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(request, tool, loop.create_future(), loop)
        with self._lock:
            self._open[request.id] = waiting
        try:
            yield waiting.answer
        finally:
            with self._lock:
                self._open.pop(request.id, None)

    def decide(self, answer: Decide) -> bool:
        """The user's answer; False when nothing was asked that it answers."""
        with self._lock:
            waiting = self._open.get(answer.id)
            if waiting is None or waiting.request.digest != answer.digest:
                return False
            del self._open[answer.id]
            if answer.approved and answer.always:
                self._trusted.append(waiting.tool.function)
        with contextlib.suppress(RuntimeError):  # its loop is gone, and the run with it
            waiting.loop.call_soon_threadsafe(_settle, waiting.answer, answer.approved)
        return True


async def ask_policy(policy: Callable[[ToolCall], object], call: ToolCall) -> bool:
    """True only for a plain True: what is merely truthy, as a forgotten `await`, is no consent."""
    try:
        answer = policy(call) if worker.is_async(policy) else await worker.call(policy, call)
        if inspect.isawaitable(answer):
            answer = await answer
    except (Exception, SystemExit, KeyboardInterrupt):  # out of a task the last two would end the loop
        log.exception("approve= raised; the call of %s is not run", call.name)
        return False
    return answer is True


def _settle(answer: asyncio.Future[bool], approved: bool) -> None:  # noqa: FBT001 - a callback
    if not answer.done():
        answer.set_result(approved)

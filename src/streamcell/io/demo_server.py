"""Where the `demo` provider's answers come from: a loopback server for each loop, while a run needs it.

The first run on a loop starts it, the last one to end closes it, so that nothing is left behind. It knows no
answers; they are `providers.demo`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from streamcell.io.transport import Answer, transport_for
from streamcell.io.wire_server import WireServer
from streamcell.providers.demo import answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable, Mapping

    from streamcell.core.script import Script
    from streamcell.providers.contract import Call, Provider

PACE_NAME = "STREAMCELL_DEMO_PACE"
_LONGEST_PACE = 60.0


class _Host:
    """A loop's server and the number of runs that use it; touched on that loop only."""

    def __init__(self) -> None:
        self.server = WireServer(_answer)
        self.users = 0
        self.started = False
        self.starting = asyncio.Lock()

    async def ready(self) -> str:
        """The base URL, once the server listens."""
        async with self.starting:
            if not self.started:
                await self.server.start()
                self.started = True
        return f"{self.server.base_url}/v1"


_hosts: WeakKeyDictionary[asyncio.AbstractEventLoop, _Host] = WeakKeyDictionary()


@contextlib.asynccontextmanager
async def demo_server() -> AsyncIterator[str]:
    """The base URL (with `/v1`) of the running loop's demo server, which lives at least as long as the block.

    Pace and delay are the request's own (`providers.demo`), else STREAMCELL_DEMO_PACE, in seconds a piece.
    """
    loop = asyncio.get_running_loop()
    host = _hosts.setdefault(loop, _Host())
    host.users += 1
    try:
        yield await host.ready()
    finally:
        host.users -= 1
        if not host.users:
            del _hosts[loop]
            await host.server.close()


def _answer(_path: str, _headers: Mapping[str, str], body: dict[str, Any]) -> Script:
    return answer(body, pace=_environment_pace())


def _environment_pace() -> float | None:
    """Seconds between two pieces; a value that is no number counts as not set."""
    with contextlib.suppress(ValueError):
        return min(max(0.0, float(os.environ.get(PACE_NAME, ""))), _LONGEST_PACE)
    return None


class DemoTransport:
    """The transport of a scripted provider: its server is there while a call is open.

    A provider with a base URL of its own (`testing.ScriptedProvider`) is asked there.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @property
    def account(self) -> Hashable:
        """As `io.transport.Transport.account`."""
        return (self._provider.facts.name, self._provider.facts.base_url)

    @contextlib.asynccontextmanager
    async def open(self, call: Call, *, connect: float) -> AsyncIterator[Answer]:
        """The answer to `call`; as `io.transport.Transport.open`."""
        own = self._provider.facts.base_url
        async with demo_server() if own is None else contextlib.nullcontext(own) as base_url:
            transport = transport_for(self._provider, base_url=base_url)
            async with transport.open(call, connect=connect) as received:
                yield received

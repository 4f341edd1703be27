"""The doors of the engine: `stream` asks once, an `Agent` remembers a model, its options and its tools.

Nothing here waits or sends. What a call means is worked out by `question`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, Unpack, cast

from streamcell.approvals import Trusted
from streamcell.choice import link, resolve
from streamcell.core.prompt import Prompt
from streamcell.core.response import StreamingResponse
from streamcell.core.tools import AnyTool, toolbox
from streamcell.errors import UsageError
from streamcell.handle import Stream
from streamcell.io.transport import Transport
from streamcell.options import Options, check_options
from streamcell.providers.contract import Call
from streamcell.question import OF_ONE_PROVIDER, question


def stream(prompt: Prompt, model: str | None = None, **options: Unpack[Options]) -> Stream:
    """A stream of the model's answer; nothing is sent until it is read.

    `model` is ``provider:model``; without one the environment decides (`LLM_PROVIDER`, keys found), and
    without any key the scripted `demo` answers. Raises `UsageError` at once for anything wrong with the call:
    an unknown option or model prefix, a missing key, a parameter the provider does not take.
    """
    return question(prompt, model, options, streamed=True).stream()


class Agent:
    """A model with its options; every option can also be given, or changed, per call.

    `name` is for logs and schedulers. All calls may be made from any thread; `await` and ``async for`` run on
    the caller's loop.
    """

    def __init__(
        self, model: str | None = None, *, name: str | None = None, **options: Unpack[Options]
    ) -> None:
        check_options(options)
        self.provider, self.model = resolve(model, options)
        self._named = bool(model)
        self.name = name or self.provider.facts.name
        self._options = options
        self._trusted: Trusted = []
        toolbox(options.get("tools") or ())

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> Stream:
        """The streamed answer to `prompt`."""
        return self._ask(prompt, options, streamed=True)

    def run(self, prompt: Prompt, **options: Unpack[Options]) -> StreamingResponse:
        """The whole answer from one blocking call; works in a plain cell."""
        return self._ask(prompt, options, streamed=False).result()

    async def arun(self, prompt: Prompt, **options: Unpack[Options]) -> StreamingResponse:
        """The whole answer from one blocking call, awaited."""
        return await self._ask(prompt, options, streamed=False)

    def add_tool(self, function: AnyTool) -> AnyTool:
        """Offer one more tool with every call from now on; the function itself, so that it can decorate.

        Raises `UsageError` for what is no tool, and for a second one of its name.
        """
        tools: tuple[Callable[..., Any], ...] = (*(self._options.get("tools") or ()), function)
        toolbox(tools)
        self._options["tools"] = tools
        return function

    def with_model(self, model: str) -> Agent:
        """The same with another model; a key, an address and a client stay behind with their provider."""
        own = self._options
        provider, _ = resolve(model, {})
        if provider.facts.name != self.provider.facts.name:
            own = cast("Options", {key: value for key, value in own.items() if key not in OF_ONE_PROVIDER})
        other = Agent(model, **own)
        other._trusted = self._trusted
        return other

    @property
    def account(self) -> Hashable:
        """Equal for agents that share the limits of one address and key."""
        try:
            return link(self.provider, self._options).account
        except UsageError:  # without a key there is nothing to share
            return self.provider.facts.name

    def get_provider_info(self) -> dict[str, Any]:
        """Name and model of the provider, and what it can do."""
        facts = self.provider.facts
        return {
            "name": facts.name,
            "model": self.model,
            "supports_streaming": True,
            "parameters": sorted(facts.parameters),
            "supports_tools": "tools" in facts.parameters,
            "scripted": facts.scripted,
        }

    async def aclose(self) -> None:
        """Close this loop's idle connections now; without it they close within half a second."""
        with contextlib.suppress(UsageError):  # without a key, as in a replay, nothing was opened
            transport = link(self.provider, self._options)
            if isinstance(transport, Transport):
                await transport.aclose()

    def _ask(self, prompt: Prompt, options: Options, *, streamed: bool) -> Stream:
        check_options(options)
        merged = cast("Options", {**self._options, **options})
        model = f"{self.provider.facts.name}:{self.model}"
        return question(
            prompt, model, merged, streamed=streamed, named=self._named, trusted=self._trusted
        ).stream()

    def __repr__(self) -> str:
        named = "" if self.name == self.provider.facts.name else f"{self.name!r}, "
        return f"Agent({named}{self.provider.facts.name}:{self.model})"


class Asked(NamedTuple):
    """A stream with the name of the model it asks, and whether that is only a script."""

    stream: Stream
    model: str
    scripted: bool


def ask(
    prompt: Prompt,
    model: str | None,
    options: Options,
    *,
    streamed: bool,
    trusted: Trusted | None = None,
) -> Asked:
    """The same as `stream`, for callers that also want to say what is asked."""
    asked = question(prompt, model, options, streamed=streamed, trusted=trusted)
    return Asked(asked.stream(), asked.model, asked.provider.facts.scripted)


def describe(prompt: Prompt, model: str | None, options: Options, *, streamed: bool) -> tuple[Call, str]:
    """What would be sent and to which address, without a key; nothing is sent."""
    return question(prompt, model, options, streamed=streamed).call()

"""Who answers in a chat: agents of one or several models, or a function of the user's.

A chat asks all of them in the same way. Nothing is sent before the stream that is given is started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, Unpack

from streamcell.agent import Agent
from streamcell.approvals import Policy
from streamcell.core.conversation import Place
from streamcell.core.tools import Tool
from streamcell.errors import UsageError
from streamcell.handle import Stream
from streamcell.notebook.called import called
from streamcell.options import Options

Function = Callable[[str, list[dict[str, str]]], Any]
"""``(message, history)``: gives text, an iterator of text (both sync or async), or a `Stream`."""


class Answering(Protocol):
    """Somebody who can be asked."""

    @property
    def models(self) -> Sequence[str]:
        """The names to choose from, the usual one first."""
        ...

    def named(self, model: str) -> str:
        """The name in `models` that is meant by `model`; raises `UsageError` when there is none."""
        ...

    def is_scripted(self, model: str) -> bool:
        """Whether the answers are not a model's."""
        ...

    def ask(self, place: Place, model: str) -> Stream:
        """The answer that will stand at `place`; raises `UsageError` when it cannot be asked for."""
        ...


class Agents:
    """One agent for each model. `options` go over those that the agents have."""

    def __init__(self, agent: Agent, others: Iterable[str] = (), **options: Unpack[Options]) -> None:
        agents = [agent, *map(agent.with_model, others)]
        self._agents = {_label(one): one for one in reversed(agents)}
        self._options = options
        self.models = list(dict.fromkeys(map(_label, agents)))

    def named(self, model: str) -> str:
        if not model:
            return self.models[0]
        if model not in self._agents:
            model = _label(self._agents[self.models[0]].with_model(model))
        if model not in self._agents:
            raise UsageError(f"this chat does not offer {model}; it offers {', '.join(self.models)}")
        return model

    def is_scripted(self, model: str) -> bool:
        return self._agents[model].provider.facts.scripted

    def ask(self, place: Place, model: str) -> Stream:
        options: Options = {**self._options, "conversation": place}
        return self._agents[model].stream(list(place.messages), **options)


class FunctionAnswers:
    """A function of the user's, under its own name."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self.models = [getattr(function, "__name__", type(function).__name__)]

    def named(self, model: str) -> str:
        if model not in ("", *self.models):
            raise UsageError(f"this chat is answered by the function {self.models[0]} alone")
        return self.models[0]

    def is_scripted(self, model: str) -> bool:
        return False

    def ask(self, place: Place, model: str) -> Stream:
        return called(self._function, place, name=model)


def answering(
    who: str | Agent | Function | None,
    *,
    system: str | None = None,
    tools: Sequence[Tool | Callable[..., Any]] | None = None,
    approve: Policy | None = None,
    models: Sequence[str] = (),
) -> Answering:
    """Whom a chat asks; raises `UsageError` for what cannot answer, and for what a function cannot use.

    `system` goes over the system prompt that an agent has of its own.
    """
    if isinstance(models, str):
        raise UsageError(f"models is a list of names; write models=[{models!r}]")
    options: Options = {}
    if tools is not None:
        options["tools"] = tools
    if approve is not None:
        options["approve"] = approve
    if isinstance(who, str | None):
        return Agents(Agent(who or (models[0] if models else None), **options), models)
    if isinstance(who, Agent):
        if system is not None:
            options["system"] = system
        return Agents(who, models, **options)
    if not callable(who):
        raise UsageError(
            "a chat is answered by a model's name, an Agent or a function (message, history),"
            f" not by {type(who).__name__}"
        )
    if options or models:
        raise UsageError("a function answers by itself; leave out models=, tools= and approve=")
    return FunctionAnswers(who)


def _label(agent: Agent) -> str:
    return f"{agent.provider.facts.name}:{agent.model}"

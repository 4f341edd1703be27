"""The models that callers choose from: those the operator named, with the operator's keys and addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from streamcell.agent import Agent
from streamcell.core.prompt import Prompt
from streamcell.errors import UsageError
from streamcell.handle import Stream
from streamcell.options import Options
from streamcell.serve.refusals import bad_request, refused


class Models:
    """Models by name; iterating gives the names, the first of which is the one that answers by default."""

    def __init__(self, models: Sequence[str | Agent]) -> None:
        self._agents: dict[str, Agent] = {}
        for model in [models] if isinstance(models, str) else models:
            name, agent = (model, Agent(model)) if isinstance(model, str) else (model.name, model)
            if name in self._agents:
                raise UsageError(f"two models are called {name!r}; give one of them as Agent(…, name=…)")
            self._agents[name] = agent
            agent.stream("?")  # sends nothing: a missing key is told now, and to the operator
        if not self._agents:
            raise UsageError("a server needs at least one model")

    def __iter__(self) -> Iterator[str]:
        return iter(self._agents)

    def chosen(self, name: str | None) -> str:
        """The name of the model; raises the refusal (404) for one that is not offered."""
        if name is None:
            return next(iter(self))
        if name not in self._agents:
            offered = ", ".join(self)
            raise refused(404, f"there is no model {name[:80]!r} here; choose from: {offered}")
        return name

    def stream(self, said: Prompt, name: str, options: Options) -> Stream:
        """The stream to be begun; raises the refusal (400) for a call that is wrong."""
        try:
            return self._agents[name].stream(said, **options)
        except UsageError as error:
            raise bad_request(error) from None

    async def aclose(self) -> None:
        """Close the connections of this loop."""
        for agent in self._agents.values():
            await agent.aclose()

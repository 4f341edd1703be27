"""What one run may cost in dollars: nothing is sent that costs more, and an answer that gets to is cut.

A budget is a `run.Source` around another one, which may ask several times (tools, a fallback). What is not
counted by the provider yet is estimated at four characters a token; thinking that is not shown cannot be
estimated, and is known only when the provider counts it. It knows no price list: prices are handed in.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec

from streamcell.core.turn_usage import Price, Pricing, TurnUsage
from streamcell.core.turns import estimated_tokens
from streamcell.errors import LimitExceeded, UsageError
from streamcell.events import (
    Event,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolResult,
    Usage,
    UsageReport,
)
from streamcell.messages import Message, Request
from streamcell.run import Deliver, Source

_MILLION: Final = 1_000_000
_CENT: Final = 0.01
_DIGITS_BELOW_A_CENT: Final = 6


class Budget:
    """`source` for at most `limit` dollars, at the prices that `pricing` has for the models that answer.

    Raises `UsageError` at once when the price of `request` is unknown (`reason` says why) or its prompt alone
    costs more; the run raises `LimitExceeded` when its estimated cost passes the limit, or when the next turn
    would begin above it. An answer that is over is not refused any more.
    """

    def __init__(
        self, source: Source, *, limit: float, pricing: Pricing, request: Request, reason: str
    ) -> None:
        if not (math.isfinite(limit) and limit >= 0):
            raise UsageError(f"max_cost must be a number of dollars, 0 or more, not {limit!r}")
        self._source = source
        self._limit = limit
        self._pricing = pricing
        self._prompt = estimated_prompt(request)
        self._spent = 0.0
        self._added = 0
        self._turn = TurnUsage()
        self._open = False
        self._streamed = True
        tariff = _Tariff.of(pricing(request.provider, request.model), self._prompt)
        if tariff is None:
            raise UsageError(f"max_cost cannot be kept: {reason}; leave max_cost out to ask all the same")
        if tariff.prompt > limit:
            raise UsageError(
                f"the prompt alone costs about {dollars(tariff.prompt)}, more than max_cost={limit:g};"
                " shorten it or raise max_cost"
            )
        self._tariff = tariff

    async def __call__(self, deliver: Deliver) -> None:
        async def deliver_counted(events: list[Event]) -> None:
            await deliver(events)
            self._count(events)

        await self._source(deliver_counted)

    @property
    def cost(self) -> float:
        """US dollars so far, of all turns: by the provider's counts, and by our estimate behind them."""
        running = self._tariff.prompt + self._tariff.token * (self._turn.tokens or 0)
        return self._spent + running if self._open else self._spent

    def _count(self, events: list[Event]) -> None:
        """Raise `LimitExceeded` when what was received has passed the limit."""
        grew = False
        for event in events:
            if isinstance(event, (TextDelta, ReasoningDelta)):
                grew = True
                self._turn.add(event.text)
            elif isinstance(event, ToolCallDelta):
                grew = True
                self._turn.add(event.arguments)
            else:
                self._note(event)
        # A whole answer is paid for, and nothing can be saved by cutting it.
        if grew and self._streamed and self.cost > self._limit:
            raise LimitExceeded(
                f"the answer cost about {dollars(self.cost)} when it was cut, more than"
                f" max_cost={self._limit:g}; raise max_cost to let it go on"
            )

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self._begin_turn(event)
        elif isinstance(event, UsageReport):
            self._turn.report(event.usage)
            self._tariff = self._tariff.corrected(event.usage)
        elif isinstance(event, ToolResult) and not event.server:
            self._check_next_turn(event)

    def _begin_turn(self, event: Started) -> None:
        self._spent, self._prompt = self.cost, self._next_prompt()
        self._turn, self._added = TurnUsage(), 0
        self._open, self._streamed = True, event.streamed
        price = self._pricing(event.provider, event.model)
        tariff = _Tariff.of(price, self._prompt)
        if tariff is None:
            raise LimitExceeded(
                f"no price is known for {event.provider}:{event.model}, which answers:"
                " leave max_cost out, or name a model with a price"
            )
        self._tariff = tariff

    def _check_next_turn(self, result: ToolResult) -> None:
        """The next request carries this turn and its results, too; refuse it before it is sent."""
        self._added += estimated_tokens([Message("user", result.content)])
        next_turn = self._tariff.of_prompt(self._next_prompt())
        if self.cost + next_turn > self._limit:
            raise LimitExceeded(
                f"the next turn was not asked for: its prompt would bring the cost to about"
                f" {dollars(self.cost + next_turn)}, more than max_cost={self._limit:g}; raise it to go on"
            )

    def _next_prompt(self) -> int:
        """Tokens of the next request: the same again (a fallback), or behind it an answer and its results."""
        if not self._added:
            return self._prompt
        return self._prompt + (self._turn.tokens or 0) + self._added


class _Tariff(msgspec.Struct, frozen=True):
    """Dollars for the prompt of a turn and for each token of its answer."""

    price: Price
    prompt: float
    token: float

    @classmethod
    def of(cls, price: Price | None, prompt: int) -> _Tariff | None:
        """The tariff of a prompt of so many tokens (the price of a token may depend on it)."""
        asked = None if price is None else price(_usage(prompt, 0))
        answered = None if price is None else price(_usage(prompt, _MILLION))
        if price is None or asked is None or answered is None:
            return None
        return cls(price, asked, (answered - asked) / _MILLION)

    def of_prompt(self, tokens: int) -> float:
        """Dollars for another prompt to the same model."""
        return self.price(_usage(tokens, 0)) or 0.0

    def corrected(self, usage: Usage) -> _Tariff:
        """With what the prompt really costs, now that the provider counts it; the same while it does not."""
        whole = self.price(usage)
        if whole is None:
            return self
        return msgspec.structs.replace(self, prompt=whole - self.token * (usage.output_tokens or 0))


def estimated_prompt(request: Request) -> int:
    """About how many tokens a request sends: its messages, its system prompt, its tools and schema."""
    system = [Message("system", request.system)] if request.system else []
    described = [msgspec.json.encode(tool).decode() for tool in request.tools]
    if request.schema is not None:
        described.append(msgspec.json.encode(request.schema).decode())
    return estimated_tokens([*request.messages, *system, *(Message("system", text) for text in described)])


def dollars(amount: float) -> str:
    """An amount for the eye: whole cents, below one cent to a millionth of a dollar."""
    if amount >= _CENT or not amount:
        return f"${amount:.2f}"
    return f"${amount:.{_DIGITS_BELOW_A_CENT}f}".rstrip("0")


def _usage(prompt: int, answer: int) -> Usage:
    return Usage(input_tokens=prompt, output_tokens=answer)

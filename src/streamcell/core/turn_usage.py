"""What one model turn has taken so far: the provider's counts, and our estimate of what came behind them.

Some providers count at the end, some with every piece, some (Anthropic) at the start and at the end; a turn
that is cut in between has a count that is out of date, and this module knows it. It knows no price list:
prices are handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from streamcell.events import Usage

Price = Callable[[Usage], float | None]
"""US dollars for the usage of one turn; None when that is not known."""

Pricing = Callable[[str, str], Price | None]
"""The price of a model, by the names that `Started` gives the provider and the model; None when unknown."""

_BYTES_PER_TOKEN = 4
"""The usual estimate for English text; used only for what the provider did not count."""


class TurnUsage:
    """The usage of one turn; written by the run's own task, readable from any thread."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self._counted: int | None = None
        self._bytes = 0

    def add(self, text: str) -> None:
        """A piece of output came: text, thinking, or arguments of a call."""
        self._bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))

    def report(self, usage: Usage) -> None:
        """The provider counted everything that came so far."""
        self.usage = usage
        if usage.output_tokens is not None:
            self._counted, self._bytes = usage.output_tokens, 0

    @property
    def tokens(self) -> int | None:
        """Output tokens; None before any content."""
        uncounted = math.ceil(self._bytes / _BYTES_PER_TOKEN)
        return uncounted or None if self._counted is None else self._counted + uncounted

    @property
    def estimated(self) -> bool:
        """Whether some of `tokens` is our estimate."""
        return self._bytes > 0

    def cost(self, price: Callable[[], Price | None]) -> float | None:
        """What the turn cost by the provider's own count; `price` is looked up only when there is one."""
        if self.usage is None or self.estimated:
            return None
        found = price()
        return None if found is None else found(self.usage)

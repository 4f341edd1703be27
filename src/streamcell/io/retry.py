"""When to try again, as a pure policy: no clock, no sleep, no random source of its own.

Only attempts that showed nothing are ever retried; that rule lives in `run`, which knows what was shown.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from streamcell.events import ErrorInfo


# What is no answer at all is seldom one the second time, and each time it may have to be paid.
_ONCE = frozenset({"protocol", "truncated"})


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how patiently a failed attempt is repeated; all times in seconds."""

    retries: int = 2
    base: float = 0.5
    """The first pause; it doubles with each further one, up to `cap`."""
    cap: float = 8.0
    retry_after_cap: float = 60.0
    """A server that asks for a longer pause fails the call at once: nobody waits that long in a cell."""

    def delay(self, attempt: int, error: ErrorInfo, jitter: float) -> float | None:
        """Seconds to wait after failed attempt number `attempt` (from 1), or None: do not try again.

        `jitter` in [0, 1) spreads the attempts of many streams: a pause is the upper half of its back-off,
        and a pause the server asked for is never cut short, only lengthened by up to `base`.
        """
        if attempt > self.retries or not error.retryable or (attempt > 1 and error.kind in _ONCE):
            return None
        asked = _seconds(error.retry_after)
        if asked is None:
            return self._backoff(attempt) * (0.5 + 0.5 * jitter)
        if asked > self.retry_after_cap:
            return None
        return asked + self.base * jitter

    def pause(self, error: ErrorInfo) -> float:
        """Seconds that all callers are to stay away because of `error`; 0 when it asks for nothing."""
        asked = _seconds(error.retry_after)
        return asked if error.retryable and asked is not None and asked <= self.retry_after_cap else 0.0

    def _backoff(self, attempt: int) -> float:
        # The exponent is bounded: 2.0 ** 1024 would overflow before `cap` could hold it.
        return min(self.cap, self.base * 2.0 ** min(attempt - 1, 64))


def _seconds(retry_after: float | None) -> float | None:
    """The pause a server asked for; None when it asked for none or for nonsense."""
    if retry_after is None or math.isnan(retry_after) or retry_after < 0:
        return None
    return retry_after

"""How much one caller may ask of the server. Values, and a bucket that fills with time; knows no HTTP."""

from __future__ import annotations

import math

import msgspec

from streamcell.errors import UsageError


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Caps of the server. A caller is a token, or everybody where none is asked for."""

    body_bytes: int = 1024 * 1024
    """The longest request body, and the longest message of a WebSocket."""
    body_seconds: float = 30.0
    """For how long the body of a request may be on its way."""
    streams: int = 16
    """Runs of one caller at the same time."""
    starts_per_minute: int = 120
    """Runs that one caller may begin."""
    kept: int = 256
    """Finished streams that can still be read, those of all callers together."""
    kept_seconds: float = 600.0
    """For how long they can."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not value > 0:
                raise UsageError(f"the limit {name!r} must be more than 0, not {value!r}")


class Allowance:
    """Grants `per_minute` requests a minute, that many at once after a quiet minute."""

    def __init__(self, per_minute: int, *, now: float) -> None:
        self._per_second = per_minute / 60
        self._most = self._left = float(per_minute)
        self._last = now

    def take(self, now: float) -> int:
        """0 when granted; else in how many seconds the next will be."""
        self._left = min(self._most, self._left + (now - self._last) * self._per_second)
        self._last = now
        if self._left < 1:
            return math.ceil((1 - self._left) / self._per_second)
        self._left -= 1
        return 0

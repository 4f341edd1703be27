"""How much each account may use in any sixty seconds: requests and tokens, as moving windows.

An account is what a provider counts by: address and key. Tokens are estimated before a request and put right
after it. What was used beyond an estimate is a debt, paid before the next request; so the rate holds over
time although nobody knows an answer's length. The module knows no queue: it says how long to wait and waits
for nothing.

The windows of one process are our own, those of several are kept by the `limits` library. Its memory storage
reads the machine's clock, which cannot be handed in, holds one list entry for each token and starts threads.
"""

from __future__ import annotations

import importlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, NamedTuple, Protocol

from streamcell.errors import TransportError, UsageError
from streamcell.io.clock import Clock

MINUTE: Final = 60
USUAL_TOKENS: Final = 500
"""What a request is thought to use besides its prompt before anything is known of the account."""
_LEAST_WAIT = 0.001
_WEIGHT = 0.2
"""How much one answer counts in what is usual."""
_REQUESTS, _TOKENS = "requests", "tokens"


class Windows(Protocol):
    """Where it is written what was used; the interface of `limits`' asynchronous storages."""

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Whether `amount` fitted in, and is noted now."""
        ...

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest use that counts was noted, and how much counts in all."""
        ...


Close = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """What closes windows that hold nothing open."""


class MemoryWindows:
    """The windows of this process, one entry for each request, by a clock that is handed in."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._uses: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._sums: defaultdict[str, int] = defaultdict(int)

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        self._forget(key, expiry)
        if self._sums[key] + amount > limit:
            return False
        self._uses[key].append((self._now(), amount))
        self._sums[key] += amount
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        self._forget(key, expiry)
        uses = self._uses[key]
        return (uses[0][0] if uses else self._now()), self._sums[key]

    def give_back(self, key: str, amount: int, expiry: int) -> None:
        """Take `amount` out again, of the oldest use that counts: never more room than there would be."""
        self._forget(key, expiry)
        uses = self._uses[key]
        while amount > 0 and uses:
            at, used = uses.popleft()
            given = min(amount, used)
            amount -= given
            self._sums[key] -= given
            if used > given:
                uses.appendleft((at, used - given))

    def _forget(self, key: str, expiry: int) -> None:
        uses, oldest = self._uses[key], self._now() - expiry
        while uses and uses[0][0] <= oldest:
            self._sums[key] -= uses.popleft()[1]


class Charge(NamedTuple):
    """What a request was charged, at what time; with `wait` seconds above 0 nothing was, and it must wait."""

    wait: float
    tokens: int = 0
    at: float = 0.0


class Rates:
    """Charges accounts for their requests. Belongs to one loop; `None` as a limit is no limit.

    With `storage` (``redis://…``, see `limits`) all processes that name it share the windows, by the
    machine's wall clock. There an account is told by its address and by where its key comes from, never by
    the key; and an estimate that was too high is not given back. Raises `UsageError` for a limit below 1 and
    a storage that cannot be used.
    """

    def __init__(
        self,
        *,
        requests: int | None = None,
        tokens: int | None = None,
        clock: Clock,
        storage: str | None = None,
    ) -> None:
        self._limits = {
            name: _checked(name, limit)
            for name, limit in ((_REQUESTS, requests), (_TOKENS, tokens))
            if limit is not None
        }
        self._now = clock.monotonic if storage is None else clock.time
        self._windows: Windows
        self._windows, self._close = (
            (MemoryWindows(self._now), _nothing) if storage is None else _shared(storage)
        )
        self._owed: defaultdict[str, int] = defaultdict(int)
        self._usual: dict[Hashable, float] = {}

    def estimate(self, account: Hashable, characters: int, max_tokens: int | None) -> int:
        """Tokens that a request with a prompt of so many characters will probably use."""
        usual = self._usual.get(account, USUAL_TOKENS if max_tokens is None else max_tokens)
        return round(characters / 4 + usual)

    async def take(self, account: Hashable, tokens: int) -> Charge:
        """Charge one request and `tokens`, if there is room for both.

        When another process takes the room for the tokens in between, the request stays charged: the rate
        holds, and a little of it is lost.
        """
        costs = {_REQUESTS: 1, _TOKENS: tokens}
        for step in (self._wait, self._pay):
            for name in self._limits:
                wait = await step(account, name, costs[name])
                if wait:
                    return Charge(wait)
        return Charge(0.0, tokens, self._now())

    def settle(
        self, account: Hashable, charge: Charge, *, characters: int, tokens: int | None, retries: int = 0
    ) -> None:
        """The request is over: `tokens` is what it used (None: unknown), `retries` were sent besides it."""
        if _REQUESTS in self._limits:
            self._owed[_key(account, _REQUESTS)] += retries
        if tokens is None or _TOKENS not in self._limits:
            return
        if tokens:  # a request that was refused teaches nothing
            beside = max(0.0, tokens - characters / 4)
            known = self._usual.get(account, beside)
            self._usual[account] = known + _WEIGHT * (beside - known)
        self._correct(_key(account, _TOKENS), charge, tokens - charge.tokens)

    async def aclose(self) -> None:
        """Close the connections to the storage; the next charge opens one anew."""
        await self._close()

    def _correct(self, key: str, charge: Charge, more: int) -> None:
        if more > 0 or self._owed[key] > 0:
            self._owed[key] += more
            more = min(0, self._owed[key])
            self._owed[key] -= more
        if more < 0 and isinstance(self._windows, MemoryWindows) and self._now() - charge.at < MINUTE:
            self._windows.give_back(key, -more, MINUTE)

    async def _wait(self, account: Hashable, name: str, cost: int) -> float:
        """Seconds until there may be room for `cost`; debts are paid first."""
        key, limit = _key(account, name), self._limits[name]
        while self._owed[key] > 0:
            due = min(self._owed[key], limit)
            if not await self._acquire(key, limit, due):
                return await self._until_oldest(key, limit)
            self._owed[key] -= due
        _, used = await self._window(key, limit)
        return await self._until_oldest(key, limit) if used + min(cost, limit) > limit else 0.0

    async def _pay(self, account: Hashable, name: str, cost: int) -> float:
        """Charge, and owe what would never fit; or seconds to wait, because another process was faster."""
        key, limit = _key(account, name), self._limits[name]
        fits = min(cost, limit)
        if fits and not await self._acquire(key, limit, fits):
            return await self._until_oldest(key, limit)
        self._owed[key] += cost - fits
        return 0.0

    async def _until_oldest(self, key: str, limit: int) -> float:
        oldest, _ = await self._window(key, limit)
        return max(_LEAST_WAIT, oldest + MINUTE - self._now())

    async def _acquire(self, key: str, limit: int, amount: int) -> bool:
        try:
            return await self._windows.acquire_entry(key, limit, MINUTE, amount)
        except Exception as error:  # noqa: BLE001 - whatever the client of the storage raises
            failure = _unreachable(error)
        raise failure

    async def _window(self, key: str, limit: int) -> tuple[float, int]:
        try:
            return await self._windows.get_moving_window(key, limit, MINUTE)
        except Exception as error:  # noqa: BLE001 - the same
            failure = _unreachable(error)
        raise failure


def _key(account: Hashable, name: str) -> str:
    # The repr of a key says where it comes from and is the same in every process.
    return f"streamcell/{account!r}/{name}"


def _checked(name: str, limit: int) -> int:
    if isinstance(limit, bool) or not (isinstance(limit, int) and limit >= 1):
        raise UsageError(f"{name}_per_minute must be a whole number of 1 or more, not {limit!r}")
    return limit


def _shared(storage: str) -> tuple[Windows, Close]:
    """The windows kept there, and what closes the connections to them."""
    # Loaded by name: 60 ms that only shared limits are worth.
    storages: Any = importlib.import_module("limits.storage")
    scheme = storage.partition(":")[0]
    options: dict[str, Any] = {"implementation": "redispy"} if scheme.startswith("redis") else {}
    close = _nothing
    try:
        if scheme in {"redis", "rediss"}:
            # Our own, for `limits` never closes the one it makes.
            pool: Any = importlib.import_module("redis.asyncio").ConnectionPool.from_url(storage)
            options["connection_pool"], close = pool, pool.disconnect
        windows: Windows = storages.storage_from_string(f"async+{storage}", **options)
    except Exception as error:  # noqa: BLE001 - a library that is missing, an address that is none
        reason = type(error).__name__
    else:
        return windows, close
    raise UsageError(
        f"the storage {scheme}://… cannot be used ({reason}); it is written as redis://host:port, and its "
        "library comes with pip install 'streamcell[redis]'"
    )


def _unreachable(error: Exception) -> TransportError:
    return TransportError(
        f"the shared storage of the rates did not answer ({type(error).__name__}); is it running?",
        retryable=True,
    )

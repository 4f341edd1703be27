"""The runs of this process that are over: one row for each, and the totals of all of them.

A row holds figures and names, never a prompt, an answer, a message of an error or a key. The module knows no
provider and no display; it is told at the beginning and at the end of a run, and at no event in between.
"""

from __future__ import annotations

import importlib
import threading
from collections import Counter, deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal

import msgspec

from streamcell.core.ledger import Ledger
from streamcell.core.response import StreamingResponse
from streamcell.events import ErrorKind, StopReason

KEPT: Final = 10_000
"""How many rows are kept; the counters go on."""

_SUMMED: Final = ("chunks", "characters", "retries", "stalls")
_BILLED: Final = ("input_tokens", "output_tokens")
_ENDS: Final = ("started", "completed", "failed", "cancelled", "replayed")
_COUNTERS: Final = (*(f"tasks.stream_{end}" for end in _ENDS), *_SUMMED, *_BILLED)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One finished run; None where unknown. Times are seconds, `started` is in UTC, `cost` US dollars.

    `output_tokens` holds our estimate where `tokens_estimated` says so. `replayed`: it came from a recording,
    `scripted`: no model answered; neither cost anything.
    """

    run: int
    started: datetime | None
    provider: str
    model: str
    streamed: bool
    stop_reason: StopReason | None
    error: ErrorKind | None
    time_to_first_token: float | None
    duration: float | None
    chunks: int
    characters: int
    input_tokens: int | None
    output_tokens: int | None
    tokens_estimated: bool
    tokens_per_second: float | None
    cost: float | None
    stalls: int
    retries: int
    replayed: bool
    scripted: bool

    @property
    def outcome(self) -> Literal["completed", "failed", "cancelled"]:
        if self.stop_reason == "cancelled":
            return "cancelled"
        failed = self.error is not None or self.stop_reason in ("error", "truncated")
        return "failed" if failed else "completed"


class History:
    """Rows of the runs that are over, oldest first, and totals. Callable from any thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._rows: deque[Row] = deque(maxlen=kept)
        self._counters = Counter(dict.fromkeys(_COUNTERS, 0))
        self._costs: dict[str, float] = {}
        self._ended = 0
        self._lock = threading.Lock()

    def follow(self, ledger: Ledger) -> None:
        """Write down the run of `ledger`, which has not begun, when it begins and when it ends."""
        ledger.watch(begun=self._begin, finished=self._end)

    def rows(self) -> list[Row]:
        """The rows that are kept."""
        with self._lock:
            return list(self._rows)

    def stats(self) -> dict[str, Any]:
        """The totals, as `stats` describes them."""
        with self._lock:
            counters, costs, rows = dict(self._counters), dict(self._costs), list(self._rows)
        asked = [row for row in rows if not row.replayed]
        return {
            "counters": counters,
            "time_to_first_token": _distribution(row.time_to_first_token for row in asked),
            "duration": _distribution(row.duration for row in asked),
            "tokens_per_second": _distribution(row.tokens_per_second for row in asked),
            "cost": sum(costs.values()) if costs else None,
            "cost_by_model": costs,
        }

    def _begin(self, response: StreamingResponse) -> None:
        with self._lock:
            self._counters["tasks.stream_started"] += 1

    def _end(self, response: StreamingResponse) -> None:
        with self._lock:
            self._ended += 1
            row = _row(self._ended, response)
            self._rows.append(row)
            self._add(row)

    def _add(self, row: Row) -> None:
        self._counters[f"tasks.stream_{row.outcome}"] += 1
        self._counters["tasks.stream_replayed"] += row.replayed
        for name in _SUMMED if row.replayed else _SUMMED + _BILLED:
            self._counters[name] += getattr(row, name) or 0
        if row.cost is not None:
            model = f"{row.provider}:{row.model}"
            self._costs[model] = self._costs.get(model, 0.0) + row.cost


past_runs: Final = History()
"""Those of this process."""


def history() -> Any:
    """Every run of this process, oldest first: a pandas DataFrame, or a list of dicts without pandas.

    The columns are the fields of `Row`. The newest 10,000 runs are kept.
    """
    rows = [msgspec.structs.asdict(row) for row in past_runs.rows()]
    try:
        pandas = importlib.import_module("pandas")  # optional, and slow to load
    except ImportError:
        return rows
    return pandas.DataFrame(rows, columns=list(Row.__struct_fields__))


def stats() -> dict[str, Any]:
    """Totals of every run of this process.

    `counters`: runs by their end (``tasks.stream_started``, ``…_completed``, ``…_failed``, ``…_cancelled``,
    ``…_replayed``), chunks, characters, tokens, retries, stalls. `time_to_first_token`, `duration` (seconds)
    and `tokens_per_second`: ``{"p50": …, "p95": …}`` over the runs in `history`. `cost` in US dollars, also
    `cost_by_model`, of the runs whose cost is known; None when that is none. What a replay has in tokens,
    times and cost was taken when it was recorded, and is left out.
    """
    return past_runs.stats()


def _row(number: int, response: StreamingResponse) -> Row:
    metadata, metrics = response.metadata, response.metrics
    replayed = bool(metadata.get("replayed"))
    start = response.start_time
    return Row(
        run=number,
        started=None if start is None else datetime.fromtimestamp(start, UTC),
        provider=str(metadata.get("provider") or ""),
        model=str(metadata.get("model") or ""),
        streamed=response.streamed,
        stop_reason=response.stop_reason,
        error=None if response.error is None else response.error.kind,
        time_to_first_token=metrics.time_to_first_token,
        duration=metrics.duration,
        chunks=metrics.chunks,
        characters=metrics.characters,
        input_tokens=response.usage.input_tokens,
        output_tokens=metrics.output_tokens,
        tokens_estimated=metrics.tokens_estimated,
        tokens_per_second=metrics.tokens_per_second,
        cost=None if replayed else metrics.cost,
        stalls=metrics.stalls,
        retries=metrics.retries,
        replayed=replayed,
        scripted=bool(metadata.get("scripted")),
    )


def _distribution(values: Iterable[float | None]) -> dict[str, float | None]:
    known = sorted(value for value in values if value is not None)
    return {name: _quantile(known, share) for name, share in (("p50", 0.5), ("p95", 0.95))}


def _quantile(ordered: list[float], share: float) -> float | None:
    """The value at `share` of the way, between its neighbours as spreadsheets and numpy do."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

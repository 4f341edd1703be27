"""The totals of this process as Prometheus reads them: a text to serve or to push. Needs no client library.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from streamcell.live_runs import live_runs
from streamcell.past_runs import past_runs

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_SUMMARIES = {
    "time_to_first_token": ("time_to_first_token_seconds", "From the request to the first content."),
    "duration": ("duration_seconds", "From the request to the end."),
    "tokens_per_second": ("tokens_per_second", "Output tokens per second while they came."),
}
_QUANTILES = {"p50": "0.5", "p95": "0.95"}


def text(stats: Mapping[str, Any] | None = None, *, running: int | None = None) -> str:
    """Counters, quantiles and cost of every run of this process, and the number of streams that run now.

    Another `stats` has the form of `streamcell.stats()`.
    """
    known = past_runs.stats() if stats is None else stats
    count = len(live_runs.running()) if running is None else running
    return "".join(f"{line}\n" for line in _lines(known, count))


def _lines(stats: Mapping[str, Any], running: int) -> Iterator[str]:
    yield from _head("running", "gauge", "Streams that have not ended.")
    yield f"streamcell_running {running}"
    for name, count in sorted(stats["counters"].items()):
        total = f"{name.replace('.', '_')}_total"
        yield from _head(total, "counter", f"Sum of {name} over all runs of the process.")
        yield f"streamcell_{total} {count}"
    for name, (metric, meaning) in _SUMMARIES.items():
        yield from _head(metric, "gauge", meaning)
        for share, value in stats[name].items():
            if value is not None:
                yield f'streamcell_{metric}{{quantile="{_QUANTILES[share]}"}} {value}'
    yield from _head("cost_dollars_total", "counter", "US dollars of the runs whose cost is known.")
    for model, cost in sorted(stats["cost_by_model"].items()):
        yield f'streamcell_cost_dollars_total{{model="{_escaped(model)}"}} {cost}'


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP streamcell_{name} {meaning}"
    yield f"# TYPE streamcell_{name} {kind}"


def _escaped(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

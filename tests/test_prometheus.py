"""The figures as Prometheus reads them, read by its own parser."""

from __future__ import annotations

import pytest

from streamcell import prometheus

parser = pytest.importorskip("prometheus_client.parser")
STATS = {
    "counters": {"tasks.stream_started": 3, "characters": 12},
    "time_to_first_token": {"p50": 0.25, "p95": None},
    "duration": {"p50": None, "p95": None},
    "tokens_per_second": {"p50": 70.0, "p95": 80.5},
    "cost": 0.5,
    "cost_by_model": {'openai:"odd"\\name\n': 0.5},
}


def samples(text):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_every_figure_that_is_known():
    assert samples(prometheus.text(STATS, running=2)) == {
        ("streamcell_running",): 2,
        ("streamcell_tasks_stream_started_total",): 3,
        ("streamcell_characters_total",): 12,
        ("streamcell_time_to_first_token_seconds", "0.5"): 0.25,
        ("streamcell_tokens_per_second", "0.5"): 70.0,
        ("streamcell_tokens_per_second", "0.95"): 80.5,
        ("streamcell_cost_dollars_total", 'openai:"odd"\\name\n'): 0.5,
    }


def test_the_figures_of_this_process_are_such():
    assert ("streamcell_tasks_stream_failed_total",) in samples(prometheus.text())

"""The rows and totals of runs, on ledgers written by hand."""

import sys
import threading
from datetime import UTC, datetime

import pytest

from runs import FAILURE, FINISHED, STARTED, texts
from streamcell import past_runs as module
from streamcell.core.ledger import Ledger
from streamcell.events import Finished, Notice, Retrying, Started, Usage, UsageReport
from streamcell.messages import Message
from streamcell.past_runs import History, Row

ANSWER = [STARTED, *texts("abcd", "efgh"), UsageReport(Usage(10, 4)), FINISHED]


def ten_cents(*_):
    return lambda _: 0.1


def write(past, *events, pricing=None, at=0.0, seconds=2.0, prompt=(), **metadata):
    """Have `past` follow a run of these events, the last of them after `seconds`."""
    ledger = Ledger(pricing=pricing, prompt=prompt)
    ledger.response.metadata |= metadata
    past.follow(ledger)
    ledger.begin(at, 1_700_000_000.0)
    *said, end = events or ANSWER
    for event in said:
        ledger.append([event], at + 0.5, 1_700_000_000.5)
    ledger.append([end], at + seconds, 1_700_000_000.0 + seconds)


@pytest.fixture
def past():
    return History()


def counters(past):
    return {name: count for name, count in past.stats()["counters"].items() if count}


def test_a_run_is_one_row_with_its_figures(past):
    write(past, pricing=ten_cents)
    (row,) = past.rows()
    assert row == Row(
        run=1,
        started=datetime.fromtimestamp(1_700_000_000, UTC),
        provider="scripted",
        model="m",
        streamed=True,
        stop_reason="stop",
        error=None,
        time_to_first_token=0.5,
        duration=2.0,
        chunks=2,
        characters=8,
        input_tokens=10,
        output_tokens=4,
        tokens_estimated=False,
        tokens_per_second=2.0,
        cost=0.1,
        stalls=0,
        retries=0,
        replayed=False,
        scripted=False,
    )


@pytest.mark.parametrize(
    ("end", "name"),
    [
        (FINISHED, "completed"),
        (Finished("length"), "completed"),
        (Finished("cancelled"), "cancelled"),
        (Finished("error", FAILURE), "failed"),
        (Finished("truncated", FAILURE), "failed"),
    ],
)
def test_a_run_counts_by_its_end(past, end, name):
    write(past, end)
    assert counters(past) == {"tasks.stream_started": 1, f"tasks.stream_{name}": 1}


def test_a_run_that_goes_is_started_and_has_no_row(past):
    ledger = Ledger()
    past.follow(ledger)
    assert counters(past) == {}
    ledger.begin(0.0, 0.0)
    assert (counters(past), past.rows()) == ({"tasks.stream_started": 1}, [])


def test_the_error_is_kept_by_its_kind_alone(past):
    write(past, Finished("error", FAILURE))
    assert past.rows()[0].error == "server"


def test_what_runs_took_and_gave_adds_up(past):
    write(past, Retrying(1, 0.1, FAILURE), *ANSWER)
    write(past)
    totals = counters(past)
    assert totals["tasks.stream_started"] == totals["tasks.stream_completed"] == 2
    assert (totals["chunks"], totals["characters"], totals["retries"]) == (4, 16, 1)
    assert (totals["input_tokens"], totals["output_tokens"]) == (20, 8)


def test_costs_add_up_by_model(past):
    write(past, pricing=ten_cents)
    write(past, Started("scripted", "other"), *ANSWER[1:], pricing=ten_cents)
    write(past, pricing=ten_cents)
    stats = past.stats()
    assert stats["cost_by_model"] == pytest.approx({"scripted:m": 0.2, "scripted:other": 0.1})
    assert stats["cost"] == pytest.approx(0.3)


def test_a_cost_that_nobody_knows_is_none(past):
    write(past)
    assert (past.rows()[0].cost, past.stats()["cost"]) == (None, None)


def test_a_model_that_is_free_costs_nothing_which_is_known(past):
    write(past, pricing=lambda *_: lambda _: 0.0)
    assert past.stats()["cost"] == 0.0


def test_a_replay_counts_as_a_run_but_takes_nothing(past):
    write(past, pricing=ten_cents, replayed=True)
    stats, totals = past.stats(), counters(past)
    assert (totals["tasks.stream_completed"], totals["tasks.stream_replayed"], totals["chunks"]) == (1, 1, 2)
    assert "output_tokens" not in totals
    assert (stats["cost"], stats["duration"]["p50"], past.rows()[0].cost) == (None, None, None)


def test_a_script_is_labelled(past):
    write(past, Started("demo", "markdown", scripted=True), *ANSWER[1:])
    assert past.rows()[0].scripted


def test_the_distributions_are_over_the_runs(past):
    for seconds in (1.0, 2.0, 3.0):
        write(past, seconds=seconds)
    assert past.stats()["duration"] == {"p50": 2.0, "p95": pytest.approx(2.9)}
    assert past.stats()["time_to_first_token"] == {"p50": 0.5, "p95": 0.5}


def test_without_a_run_there_is_no_distribution_and_every_counter_is_zero(past):
    stats = past.stats()
    assert stats["tokens_per_second"] == {"p50": None, "p95": None}
    assert set(stats["counters"].values()) == {0}


def test_the_oldest_rows_go_and_the_numbers_and_counters_stay():
    past = History(kept=2)
    for _ in range(3):
        write(past, pricing=ten_cents)
    assert [row.run for row in past.rows()] == [2, 3]
    assert past.stats()["counters"]["tasks.stream_completed"] == 3
    assert past.stats()["cost"] == pytest.approx(0.3)


def test_no_prompt_no_answer_and_no_message_is_kept(past):
    private = "grandmother's recipe"
    events = [STARTED, *texts(private), Notice("moderation", private)]
    end = Finished("error", type(FAILURE)("server", private), stop=private)
    write(past, *events, end, prompt=(Message("user", private),), note=private)
    assert private not in repr(past.rows()) + repr(past.stats())


def test_runs_of_many_threads_are_all_counted(past):
    threads = [threading.Thread(target=lambda: [write(past) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row.run for row in past.rows()) == list(range(1, 161))
    assert past.stats()["counters"]["tasks.stream_completed"] == 160


def test_history_is_a_data_frame(past, monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr(module, "past_runs", past)
    assert list(module.history().columns) == list(Row.__struct_fields__)
    write(past)
    frame = module.history()
    assert isinstance(frame, pandas.DataFrame)
    assert (frame.output_tokens.sum(), str(frame.started.dt.tz)) == (4, "UTC")


def test_without_pandas_history_is_a_list_of_dicts(past, monkeypatch):
    monkeypatch.setattr(module, "past_runs", past)
    monkeypatch.setitem(sys.modules, "pandas", None)
    write(past)
    (row,) = module.history()
    assert (row["run"], row["model"], row["stop_reason"]) == (1, "m", "stop")


def test_stats_are_those_of_the_process(past, monkeypatch):
    monkeypatch.setattr(module, "past_runs", past)
    write(past)
    assert module.stats()["counters"]["tasks.stream_completed"] == 1

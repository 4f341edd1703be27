"""The book of one run: what its watchers are told, and the price that survives the beginning."""

import pytest

from runs import FINISHED, STARTED, texts
from streamcell.core.ledger import Ledger
from streamcell.events import Usage, UsageReport

ANSWER = [STARTED, *texts("Hi"), UsageReport(Usage(1, 3)), FINISHED]


def run(ledger):
    ledger.begin(1.0, 100.0)
    for event in ANSWER:
        ledger.append([event], 2.0, 101.0)


def watched(**options):
    ledger, told = Ledger(**options), []
    ledger.watch(
        begun=lambda response: told.append(("begun", response.start_time)),
        finished=lambda response: told.append(("finished", response.text, response.metrics.chunks)),
    )
    run(ledger)
    return told


@pytest.mark.parametrize("keep", [True, False])
def test_a_watcher_is_told_of_the_beginning_and_of_the_end(keep):
    text = "Hi" if keep else ""
    assert watched(keep=keep) == [("begun", 100.0), ("finished", text, 1)]


def test_who_reads_to_the_end_finds_that_the_watchers_were_told():
    ledger, closed = Ledger(), []
    ledger.watch(begun=lambda _: None, finished=lambda _: closed.append(ledger.closed))
    run(ledger)
    assert closed == [False]
    assert ledger.closed


def test_a_watcher_that_raises_harms_neither_the_run_nor_other_watchers(caplog):
    ledger, told = Ledger(), []

    def broken(_):
        raise RuntimeError("broken watcher")

    ledger.watch(begun=broken, finished=broken)
    ledger.watch(begun=told.append, finished=told.append)
    run(ledger)
    assert told == [ledger.response] * 2
    assert ledger.closed
    assert "broken watcher" in caplog.text


def test_the_price_counts_from_the_beginning_of_the_run():
    ledger = Ledger(pricing=lambda *_: lambda _: 0.25)
    run(ledger)
    assert ledger.response.metrics.cost == 0.25
    assert ledger.metrics().cost == 0.25

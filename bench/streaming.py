"""What a `%%stream` cell costs the kernel and sends, beside showing nothing and beside `print`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import cells
import traffic
from kernel import kernel
from process import model
from rounds import Rounds
from table import Row, ratio_row

if TYPE_CHECKING:
    from kernel import Kernel, Trace
    from process import Model

CONTESTANTS = {"floor": cells.FLOOR, "print": cells.PRINT, "stream": cells.WIDGET}
FLOOR_BUDGET = 1.3
PRINT_BUDGET = 0.3
PACE = 1000
PARALLEL = 20
PARALLEL_PACE = 100
_numbers = itertools.count()


def cpu_rows(*, count: int, rounds: int) -> list[Row]:
    """CPU a token, and the messages and the text of the same runs."""
    with model() as served, kernel() as started:
        started.run(cells.LOAD)
        for cell in CONTESTANTS.values():
            ask(started, served, cell, count=50, pace=0)
        measured = Rounds()
        traces: dict[str, Trace] = {}
        for _ in range(rounds):
            for name, cell in CONTESTANTS.items():
                traces[name] = ask(started, served, cell, count=count, pace=PACE)
                measured.add(name, traces[name].cpu / count)
    stream, printed = traces["stream"], traces["print"]
    return [
        *_budget_rows(measured),
        traffic.messages_row(stream, control=printed, name=f"one stream at {PACE} tok/s"),
        traffic.lost_row(stream, control=printed, count=count),
        *traffic.bytes_rows(stream, control=printed, count=count),
    ]


def traffic_rows(*, lengths: tuple[int, ...], parallel: int) -> list[Row]:
    """Bytes and lost text by length; messages of many streams at once, each of `parallel` tokens."""
    with model() as served, kernel() as started:
        started.run(cells.LOAD)
        ask(started, served, cells.WIDGET, count=50, pace=0)
        traces = {count: ask(started, served, cells.WIDGET, count=count, pace=PACE) for count in lengths}
        many = started.run(
            *(
                _cell(served, cells.WIDGET, count=parallel, pace=PARALLEL_PACE, options="--bg")
                for _ in range(PARALLEL)
            )
        )
    longest = max(lengths)
    rows = [row for count in lengths for row in traffic.bytes_rows(traces[count], count=count)]
    return [
        *rows,
        traffic.flat_row(traces),
        traffic.lost_row(traces[longest], count=longest),
        traffic.messages_row(many, name=f"{PARALLEL} streams with --bg"),
    ]


def ask(started: Kernel, served: Model, cell: str, *, count: int, pace: int) -> Trace:
    """One cell that asks the model for so many pieces at that pace."""
    return started.run(_cell(served, cell, count=count, pace=pace))


def _cell(served: Model, cell: str, *, count: int, pace: int, options: str = "") -> str:
    name = f"n{count}-p{pace}-{next(_numbers)}"
    return cell.format(model=name, url=served.base_url, options=options)


def _budget_rows(measured: Rounds) -> list[Row]:
    budgets = (
        ("floor", "against reading, parsing and showing nothing", FLOOR_BUDGET),
        ("print", "against the openai client and print(flush)", PRINT_BUDGET),
    )
    return [
        ratio_row(
            f"kernel CPU a token at {PACE} tok/s, {against}",
            f"{measured.median('stream') * 1e6:.0f} us",
            control=f"{measured.median(control) * 1e6:.0f} us",
            ratio=measured.ratio("stream", control),
            budget=budget,
        )
        for control, against, budget in budgets
    ]

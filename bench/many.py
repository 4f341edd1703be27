"""A thousand streams at once in one process, beside one stream and beside the official client by hand."""

from __future__ import annotations

import contextlib
import resource
import statistics
import subprocess
import sys
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec

from crowd import AT_ONCE, Outcome
from crowd_model import Counts
from process import HERE
from table import Row, ratio_row

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONS = 1200
"""More than may run at once, so that the bound is felt."""
PACE = 50
FAULTS = 10
CPU_BUDGET = 1.5
ALONE = 200
"""Tokens of the one stream they are compared with: so many that its beginning weighs little."""
LONG = 50_000
GROWTH_BUDGET = 16
"""MiB that may come on top where nothing is kept: an allocator does not return to the same place twice."""
_DESCRIPTORS = 4096


class Model(NamedTuple):
    """The running model: its address with ``/v1``, and the pipes by which it tells its counts."""

    address: str
    ask: IO[str]
    told: IO[str]

    def counts(self) -> Counts:
        print(file=self.ask, flush=True)
        return msgspec.json.decode(self.told.readline(), type=Counts)


def rows(*, count: int, silence: int, rounds: int) -> list[Row]:
    """`count` tokens an answer at 50 a second; in a crowd after `silence` seconds, in which all are asked."""
    make_room()
    wave, broken = (f"{QUESTIONS}/n{count}-p{PACE}-d{silence}-f{percent}" for percent in (0, FAULTS))
    single = f"1/n{ALONE}-p{PACE}-d0-f0"
    with model() as served:
        _, *singles, first, faults = asked("scheduler", served, *[single] * (rounds + 1), wave, broken)
        counts = served.counts()
        by_hand = asked("gather", served, single, f"{AT_ONCE}/n{count}-p{PACE}-d{silence}-f0")[-1]
        long = asked("scheduler", served, single, f"1/n{LONG}-p0-d0-f0")[-1]
    one = statistics.median(per_token(outcome, ALONE) for outcome in singles)
    return [
        _ends_row(f"{QUESTIONS} streams, {AT_ONCE} at once, whole answers", first, control=by_hand),
        _ends_row(f"the same, {FAULTS} % of them broken by the server", faults),
        Row(
            "most streams under way at the server",
            str(counts.peak),
            budget=f"<= {AT_ONCE}",
            within=counts.peak <= AT_ONCE,
        ),
        *_cpu_rows(per_token(first, count), one=one, by_hand=per_token(by_hand, count)),
        _memory_row(first, by_hand=by_hand),
        _growth_row(f"memory that {QUESTIONS} more add", faults.peak - first.peak),
        _growth_row(f"memory that one answer of {LONG} tokens adds", long.peak - long.size),
    ]


def make_room() -> None:
    """Allow this process and its children more open files, if the system does: a stream needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def model() -> Iterator[Model]:
    """`crowd_model` in a process of its own, ended on leaving."""
    command = [sys.executable, str(HERE / "crowd_model.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Model(f"{process.stdout.readline().strip()}/v1", process.stdin, process.stdout)
        finally:
            process.stdin.close()
            process.terminate()


def asked(way: str, served: Model, *waves: str) -> list[Outcome]:
    """The outcomes of `waves` in a fresh process."""
    command = [sys.executable, str(HERE / "crowd.py"), way, served.address, *waves]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=list[Outcome])


def per_token(outcome: Outcome, count: int) -> float:
    """Microseconds of CPU, of a wave of whole answers of `count` tokens."""
    return outcome.cpu / max(1, outcome.whole * count) * 1e6


def _ends_row(quantity: str, outcome: Outcome, *, control: Outcome | None = None) -> Row:
    wrong = sum(outcome.unexpected.values())
    return Row(
        quantity,
        f"{outcome.whole} whole, {outcome.failed} failed, {wrong} unexpected",
        "" if control is None else f"{control.whole} whole, {control.failed} failed",
        budget="0 unexpected",
        within=not wrong,
    )


def _cpu_rows(own: float, *, one: float, by_hand: float) -> list[Row]:
    return [
        ratio_row(
            f"CPU a token of {AT_ONCE} streams at once, against one stream",
            f"{own:.0f} us",
            control=f"{one:.0f} us",
            ratio=own / one,
            budget=CPU_BUDGET,
        ),
        Row(
            "the same, against gather over the openai client",
            f"{own:.0f} us",
            f"{by_hand:.0f} us",
            f"{own / by_hand:.2f}x",
        ),
    ]


def _memory_row(outcome: Outcome, *, by_hand: Outcome) -> Row:
    own, other = (each.peak - each.size for each in (outcome, by_hand))
    quantity = f"memory of {AT_ONCE} streams at once, against gather over the openai client"
    return Row(quantity, f"{own:.0f} MiB", f"{other:.0f} MiB", f"{own / other:.2f}x")


def _growth_row(quantity: str, growth: float) -> Row:
    budget = f"<= {GROWTH_BUDGET} MiB"
    return Row(quantity, f"{growth:.1f} MiB", budget=budget, within=growth <= GROWTH_BUDGET)

"""The server with many readers, beside FastAPI's StreamingResponse around the openai client."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import httpx2

from process import HERE, cpu_seconds
from rounds import Rounds
from table import Row, ratio_row

if TYPE_CHECKING:
    from collections.abc import Iterator

PACE = 20
LONG = "n50000-p0"
"""The answer that nobody reads: as events some megabytes, more than all buffers on the way hold."""
WARM = f"n40-p{PACE}"
IDLE = 100
IDLE_BUDGET = 512
"""KiB that a reader who reads nothing may cost: the connection, and what is written ahead of it."""
CONTESTANTS = ("ours", "control")


class App(NamedTuple):
    """A running server."""

    port: int
    pid: int


def rows(*, readers: int, count: int, rounds: int) -> list[Row]:
    """`count` events for each of `readers`, 20 a second each."""
    name = f"n{count}-p{PACE}"
    late, middle, cpu, lost = Rounds(), Rounds(), Rounds(), dict.fromkeys(CONTESTANTS, 0)
    with _model() as model:
        for _ in range(rounds):
            for kind in CONTESTANTS:
                with _app(kind, model, name, WARM) as app:
                    _read(app, readers=10, model=WARM)
                    before = cpu_seconds(app.pid)
                    found = _read(app, readers=readers, model=name)
                    cpu.add(kind, (cpu_seconds(app.pid) - before) / found["pieces"])
                late.add(kind, found["p99"])
                middle.add(kind, found["p50"])
                lost[kind] += readers * count - found["pieces"]
        kept = _idle_memory(model)
    told = f"{readers} readers, {PACE} events/s each"
    return [
        _delay_row(f"added delay an event, p99, {told}", late, budget=1.0),
        _delay_row("the same, median", middle),
        Row("events lost", str(lost["ours"]), str(lost["control"]), budget="0", within=not lost["ours"]),
        Row(
            "server CPU an event",
            f"{cpu.median('ours') * 1e6:.0f} us",
            f"{cpu.median('control') * 1e6:.0f} us",
            f"{cpu.ratio('ours', 'control'):.2f}x",
        ),
        Row(
            f"memory of a reader that never reads, {IDLE} of them",
            f"{kept:.0f} KiB",
            budget=f"<= {IDLE_BUDGET} KiB",
            within=kept <= IDLE_BUDGET,
        ),
    ]


def _delay_row(quantity: str, delays: Rounds, *, budget: float | None = None) -> Row:
    own, other = (f"{delays.median(kind) * 1e3:.1f} ms" for kind in CONTESTANTS)
    ratio = delays.ratio("ours", "control")
    if budget is None:
        return Row(quantity, own, other, f"{ratio:.2f}x")
    return ratio_row(quantity, own, control=other, ratio=ratio, budget=budget)


@contextlib.contextmanager
def _model() -> Iterator[str]:
    """The address of the model, in a process of its own."""
    command = [sys.executable, str(HERE / "serving_model.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.terminate()


@contextlib.contextmanager
def _app(kind: str, model: str, *names: str) -> Iterator[App]:
    """One of `serving_apps`, listening."""
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    command = [sys.executable, str(HERE / "serving_apps.py"), kind, str(port), model, *names]
    with subprocess.Popen(command) as process:
        try:
            _await(process, port)
            yield App(port, process.pid)
        finally:
            process.terminate()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    """Return when somebody listens at the port."""
    transport = httpx2.HTTPTransport(retries=12)  # with growing pauses: a minute altogether
    with httpx2.Client(transport=transport, timeout=60) as web:
        web.get(f"http://127.0.0.1:{port}/healthz")
    if process.poll() is not None:
        raise RuntimeError(f"the server ended with {process.returncode}")


def _read(app: App, *, readers: int, model: str) -> dict[str, float]:
    command = [sys.executable, str(HERE / "serving_readers.py"), str(app.port), str(readers), model]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _idle_memory(model: str) -> float:
    """KiB of the server for each reader of a finished answer who takes nothing of it."""
    with _app("ours", model, LONG) as app, httpx2.Client(base_url=f"http://127.0.0.1:{app.port}") as web:
        asked = {"prompt": "hi", "model": LONG}
        with web.stream("POST", "/v1/streams", json=asked, timeout=120) as answer:
            place = answer.headers["location"]
            for _ in answer.iter_raw():
                pass
        request = f"GET {place} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        with contextlib.ExitStack() as stack:
            _idle(app, request, stack)  # what the first one costs all others share
            before = _resident(app.pid)
            for _ in range(IDLE):
                _idle(app, request, stack)
            web.get("/healthz")
            return (_resident(app.pid) - before) / IDLE


def _idle(app: App, request: bytes, stack: contextlib.ExitStack) -> None:
    """A reader whose first bytes have come, and who takes no others."""
    line = stack.enter_context(socket.socket())
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", app.port))
    line.sendall(request)
    line.recv(1)


def _resident(pid: int) -> float:
    """KiB; Linux only."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return float(status.partition("VmRSS:")[2].split()[0])

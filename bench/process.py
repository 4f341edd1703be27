"""Other processes and what they cost: CPU clocks, and the scripted model's process."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process so far, in nanosecond steps (/proc/PID/stat has 10 ms ones).

    The clock number is the kernel's MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED), what clock_getcpuclockid(3)
    gives; Linux only.
    """
    return time.clock_gettime((~pid << 3) | 2)


class Model(NamedTuple):
    """A running scripted model: its address with ``/v1``, and the folder of its send times."""

    base_url: str
    times: Path


@contextlib.contextmanager
def model() -> Iterator[Model]:
    """The scripted model (`scripted_model`) in a process of its own, ended on leaving."""
    with tempfile.TemporaryDirectory(prefix="streamcell-bench-") as folder:
        command = [sys.executable, str(HERE / "scripted_model.py"), folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Model(f"{process.stdout.readline().strip()}/v1", Path(folder))
            finally:
                process.stdin.close()
                process.terminate()

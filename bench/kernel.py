"""A real kernel in a process of its own: runs cells, times them on its CPU clock, keeps what it publishes.

It speaks to the kernel's sockets as jupyter_server does, and can play the page, which acknowledges batches.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import zmq
from jupyter_client.manager import KernelManager

from process import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 120
CELL_SECONDS = 180
QUIET_SECONDS = 0.4
"""How long nothing may come until what a cell left behind in the background counts as over."""
ACK_SECONDS = 0.5
_DELIMITER = b"<IDS|MSG>"


class Message(NamedTuple):
    """One message as it came off the kernel: when, its type, its content unparsed, its bytes in all."""

    at: float
    kind: str
    parent: str
    content: bytes
    size: int

    @property
    def custom(self) -> dict[str, Any] | None:
        """What a widget said to its view, if this is such a message."""
        if self.kind != "comm_msg":
            return None
        data = json.loads(self.content)["data"]
        return data["content"] if data.get("method") == "custom" else None


class Trace(NamedTuple):
    """One or more cells: CPU seconds of the kernel, wall seconds, everything published meanwhile."""

    cpu: float
    wall: float
    messages: list[Message]


class Kernel:
    """Cells in, traces out."""

    def __init__(self, manager: KernelManager) -> None:
        self._client = manager.client()
        self._client.start_channels(iopub=False, stdin=False, hb=False)
        self._pid = manager.provisioner.pid
        self._published = zmq.Context.instance().socket(zmq.SUB)
        self._published.linger = 0
        self._published.rcvhwm = 0  # nothing may be lost on this side
        self._published.subscribe(b"")
        self._published.connect(f"tcp://127.0.0.1:{manager.iopub_port}")
        self._acknowledged: dict[str, float] = {}

    def close(self) -> None:
        self._published.close()
        self._client.stop_channels()

    def wait_until_ready(self) -> None:
        """Return when a cell has been run and its end was published."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            request = self._client.execute("None", silent=True)
            with contextlib.suppress(TimeoutError):
                self._read_until_quiet({request}, [], seconds=1.0, page=False)
                return
        raise TimeoutError(f"the kernel did not answer within {START_SECONDS} s")

    def run(self, *cells: str, page: bool = True) -> Trace:
        """Run the cells, one right after the other, until all is quiet; raises when one fails."""
        messages: list[Message] = []
        begun, before = time.monotonic(), cpu_seconds(self._pid)
        requests = {self._client.execute(cell) for cell in cells}
        wall = self._read_until_quiet(requests, messages, seconds=CELL_SECONDS, page=page) - begun
        failed = next((message for message in messages if message.kind == "error"), None)
        if failed is not None:
            raise RuntimeError(json.loads(failed.content).get("evalue"))
        return Trace(cpu_seconds(self._pid) - before, wall, messages)

    def _read_until_quiet(
        self, requests: set[str], messages: list[Message], *, seconds: float, page: bool
    ) -> float:
        """The time of the last message, once all requests are answered and nothing more comes."""
        waiting, last, end = set(requests), time.monotonic(), time.monotonic() + seconds
        while time.monotonic() < end:
            while self._client.shell_channel.msg_ready():
                waiting.discard(self._client.shell_channel.get_msg()["parent_header"].get("msg_id"))
            if not self._published.poll(QUIET_SECONDS * 1000):
                if waiting:
                    continue
                return last
            message = _message(self._published.recv_multipart())
            messages.append(message)
            last = message.at
            if page:
                self._acknowledge(message)
        raise TimeoutError(
            f"cells were not over within {seconds} s: {len(waiting)} of {len(requests)} without reply"
        )

    def _acknowledge(self, message: Message) -> None:
        """Answer a batch as the page would: at most twice a second, what was painted."""
        said = message.custom
        if said is None or said.get("type") != "batch":
            return
        comm = json.loads(message.content)["comm_id"]
        if message.at - self._acknowledged.get(comm, 0.0) < ACK_SECONDS:
            return
        self._acknowledged[comm] = message.at
        ack = {"type": "ack", "run": said["run"], "painted": said["next"]}
        content = {"comm_id": comm, "data": {"method": "custom", "content": ack}}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", content))


@contextlib.contextmanager
def kernel() -> Iterator[Kernel]:
    """A fresh ipykernel of this interpreter, without anything of the user's own configuration."""
    with tempfile.TemporaryDirectory(prefix="streamcell-bench-") as folder:
        own = dict.fromkeys(("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"), folder)
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(env={**os.environ, **own, "PYDEVD_DISABLE_FILE_VALIDATION": "1"})
        started = Kernel(manager)
        try:
            started.wait_until_ready()
            yield started
        finally:
            started.close()
            manager.shutdown_kernel(now=True)


def _message(frames: list[bytes]) -> Message:
    start = frames.index(_DELIMITER) + 2  # behind the signature
    header, parent = json.loads(frames[start]), json.loads(frames[start + 1])
    size = sum(map(len, frames))
    return Message(time.monotonic(), header["msg_type"], parent.get("msg_id", ""), frames[start + 3], size)

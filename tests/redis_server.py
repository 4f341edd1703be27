"""A real Redis of our own, which keeps nothing on the disk."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from contextlib import contextmanager

import pytest

from stubs import PATIENCE


class RedisServer:
    """A Redis at one address that can be stopped and started again, and has then forgotten everything."""

    def __init__(self, directory):
        self._program = shutil.which("redis-server")
        if self._program is None:
            pytest.skip("no redis-server: run `make redis`, or install it")
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.address = f"redis://127.0.0.1:{self._port}"

    def start(self):
        port = str(self._port)
        command = [self._program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, cwd=self._directory, stdout=subprocess.PIPE, text=True)
        ready = any("Ready to accept connections" in line for line in self._process.stdout)
        assert ready, "Redis did not start"

    @contextmanager
    def hanging(self):
        """It takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def stop(self):
        """The connections to it are closed."""
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)


@contextmanager
def redis_server(directory):
    """A running `RedisServer`; `directory` is where it works."""
    server = RedisServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()

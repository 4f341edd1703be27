"""A real Jupyter server on loopback, with JupyterLab, Notebook 7 and one kernel per ipykernel version.

It knows nothing of browsers. Everything it reads or writes lies in one temporary folder; nothing of the
user's configuration is seen, no key of theirs reaches a kernel, and what Lab would fetch while idle is off.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from jupyter_client import BlockingKernelClient

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
KERNELS = ("ipykernel-6.31", "ipykernel-7.3", "ipykernel-7.4")
START_SECONDS = 180
WAKE_SECONDS = 5
QUIET = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True,
    },
}  # fmt: skip


def kernel_python(name: str) -> Path:
    """The interpreter of a kernel's own environment; `make kernels` builds them."""
    return ROOT / ".venv-kernels" / name.removeprefix("ipykernel-") / "bin" / "python"


@dataclass(frozen=True)
class Server:
    """A running server. `url` has no slash at its end, `settings` are Lab's user settings by plugin."""

    url: str
    token: str
    folder: Path
    process: subprocess.Popen = field(repr=False)

    @property
    def notebooks(self) -> Path:
        return self.folder / "notebooks"

    def write(self, name: str, cells: list[str], *, kernel: str) -> Path:
        """A notebook file with these code cells, to be run on that kernel."""
        notebook = nbformat.v4.new_notebook()
        notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
        path = self.notebooks / name
        nbformat.write(notebook, path)
        return path

    def change_settings(self, plugin: str, values: dict) -> None:
        """User settings of a Lab plugin, `@jupyterlab/name-extension/plugin`; pages opened later see them."""
        path = self.folder / "settings" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))

    def request(self, method: str, path: str) -> object:
        """The JSON that a REST call below `/api` answers."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method, headers=headers)  # noqa: S310 (loopback)
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read() or "null")

    def wake(self, path: Path) -> bool:
        """Whether this notebook's kernel answers a connection of its own; connecting wakes a deaf one.

        ipykernel 7.0 to 7.3 sends replies past its event loop: a request that comes in that moment lies
        unread until somebody connects anew (ipython/ipykernel#1529, mended in 7.4). It hits a page that
        opens, about once in fifty times, since the server asks a kernel something for each connection.
        """
        return all(_answers_a_client(self._connection_file(session)) for session in self._sessions(path))

    def story(self, path: Path) -> str:
        """What is known of this notebook's kernel, for an error: its state, and the end of the log."""
        kernels = [session["kernel"] for session in self._sessions(path)]
        log = (self.folder / "server.log").read_text(errors="replace")[-2000:]
        return f"Kernels of {path.name}: {kernels}, they answer others: {self.wake(path)}\nThe log:\n{log}"

    def end_kernels(self, path: Path | None = None) -> None:
        """Shuts down this notebook's kernel, or every one, so that the next has the two cores for itself."""
        for session in self._sessions(path):
            with contextlib.suppress(urllib.error.HTTPError):  # it may end by itself meanwhile
                self.request("DELETE", f"sessions/{session['id']}")

    def _sessions(self, path: Path | None) -> list[dict]:
        name = path and path.relative_to(self.notebooks).as_posix()
        return [each for each in self.request("GET", "sessions") if name in (None, each["path"])]

    def _connection_file(self, session: dict) -> Path:
        return self.folder / "runtime" / f"kernel-{session['kernel']['id']}.json"


@contextlib.contextmanager
def serving(folder: Path):
    """A started server in that folder; ended, with its kernels, on leaving."""
    furnish(folder)
    port, token = free_port(), secrets.token_hex(16)
    with running(_command(folder, port=port, token=token), folder) as process:
        server = Server(url=f"http://127.0.0.1:{port}", token=token, folder=folder, process=process)
        for plugin, values in QUIET.items():
            server.change_settings(plugin, values)
        wait_until_up(process, folder, lambda: _answers(server))
        yield server
        server.end_kernels()


def furnish(folder: Path) -> None:
    """The folders that a command is told of instead of the user's own, with our kernels in them."""
    for name in ("config", "data", "runtime", "settings", "workspaces", "ipython", "notebooks", "home"):
        (folder / name).mkdir(parents=True)
    _write_kernels(folder / "data" / "kernels")


@contextlib.contextmanager
def running(command: list[str], folder: Path):
    """A command at work in a furnished folder; ended on leaving."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=_environment(folder), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_up(process: subprocess.Popen, folder: Path, answers: Callable[[], bool]) -> None:
    """Waits until what was started answers; raises with the end of its log when it does not."""
    end = time.monotonic() + START_SECONDS
    while not answers():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)  # the pace of asking again, unless it has ended
        if process.poll() is not None or time.monotonic() > end:
            log = (folder / "server.log").read_text(errors="replace")[-4000:]
            raise RuntimeError(f"The server did not start:\n{log}")


def _write_kernels(folder: Path) -> None:
    for name in KERNELS:
        python = kernel_python(name)
        if python.exists():
            command = [
                str(python),
                "-Xfrozen_modules=off",
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
            ]
            spec = {
                "argv": command,
                "display_name": name,
                "language": "python",
                "metadata": {"debugger": False},
            }
            (folder / name).mkdir(parents=True)
            (folder / name / "kernel.json").write_text(json.dumps(spec))


def _command(folder: Path, *, port: int, token: str) -> list[str]:
    return [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root",
        "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder / 'notebooks'}",
        "--ServerApp.terminals_enabled=False", "--LanguageServerManager.autodetect=False",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        "--LabApp.news_url=None", "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip


def _environment(folder: Path) -> dict[str, str]:
    """The caller's environment without keys, and with every Jupyter folder inside ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("_API_KEY", "_BASE_URL", "_TOKEN"))
    }
    return kept | {
        "HOME": str(folder / "home"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "LLM_PROVIDER": "demo",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _answers_a_client(connection_file: Path) -> bool:
    client = BlockingKernelClient(connection_file=str(connection_file))
    client.load_connection_file()
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    try:
        client.kernel_info(reply=True, timeout=WAKE_SECONDS)
    except TimeoutError:
        return False
    finally:
        client.stop_channels()
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(server: Server) -> bool:
    try:
        server.request("GET", "status")
    except OSError:
        return False
    return True

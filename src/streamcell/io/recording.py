"""The files that recordings live in: read, appended to, and which run is whose turn.

A run is appended as one block, at its end, so that runs that go on side by side never mix and a process that
dies leaves no half of one. Callable from any thread.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections import Counter
from pathlib import Path
from typing import BinaryIO

from streamcell import __version__
from streamcell.core import recording
from streamcell.core.recording import Recorded, Tape
from streamcell.errors import UsageError
from streamcell.io.keys import redact

log = logging.getLogger("streamcell")

PathName = str | os.PathLike[str]

SESSION = secrets.token_hex(4)
"""This process, in what it records."""

_lock = threading.Lock()
_tapes: dict[Path, tuple[tuple[int, int], Tape]] = {}
_asked: Counter[tuple[Path, str, str]] = Counter()


def load(name: PathName) -> Tape | None:
    """The runs of a file, read again when it has changed; None when there is no such file.

    Raises `UsageError` when it cannot be read or is no recording. A run that was cut is noted in the log.
    """
    path = _path(name)
    with _lock:
        try:
            state = path.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            known = _tapes.get(path)
            if known is not None and known[0] == stamp:
                return known[1]
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = error.strerror
        else:
            tape = recording.read(content, str(name))
            _tapes[path] = (stamp, tape)
            for note in tape.notes:
                log.warning("%s", note)
            return tape
    raise UsageError(f"cannot read the recording {name}: {reason}")


def take_turn(name: PathName, runs: list[Recorded]) -> Recorded:
    """Which of `runs`, all of one request, is replayed now.

    Those of the latest session count. The first that asks in this process gets the first of them, the next
    one the next; after the last one it stays the last one.
    """
    begin = runs[-1].begin
    latest = [run for run in runs if run.begin.session == begin.session]
    turn = (_path(name), begin.key, begin.session)
    with _lock:
        number = _asked[turn]
        _asked[turn] += 1
    return latest[min(number, len(latest) - 1)]


def check_writable(name: PathName) -> None:
    """Raise `UsageError` unless runs can be appended to the file, or it can be made."""
    path = _path(name)
    if path.exists():
        load(name)
    if not path.parent.is_dir():
        raise UsageError(f"cannot record into {name}: there is no folder {path.parent}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"cannot record into {name}: it is not writable")


def append(name: PathName, run: Recorded) -> None:
    """Write `run` at the end of the file, without any key that this process knows.

    What cannot be written is an error in the log: the answer is worth more than its recording.
    """
    block = recording.write(run, redact)
    try:
        with _lock, _path(name).open("ab+") as file:
            file.write(_lead(file) + block)
    except OSError as error:
        log.error("the run was not recorded into %s: %s", name, error.strerror)  # noqa: TRY400 - no traceback


def _lead(file: BinaryIO) -> bytes:
    """What comes before a run: in a new file the header, behind a line that was cut the end of that line."""
    if not file.seek(0, os.SEEK_END):
        return recording.header(__version__)
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _path(name: PathName) -> Path:
    return Path(name).expanduser().absolute()

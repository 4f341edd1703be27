"""A file of finished tasks, one JSON line each, so that a batch that was broken off is not paid twice.

A task is known again by its id, its agent and its prompt. Only successes are written, each as one line at
the end; a line that was cut by a crash is passed by. Prompts are kept as a hash alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from pathlib import Path

import msgspec

from streamcell.core.prompt import to_messages
from streamcell.errors import UsageError
from streamcell.io.keys import redact
from streamcell.many.tasks import Task, TaskResult

log = logging.getLogger("streamcell")

PathName = str | os.PathLike[str]


class _Key(msgspec.Struct):
    """The part of a line that is held in memory."""

    key: str


class _Line(msgspec.Struct):
    key: str
    result: TaskResult


class Journal:
    """The results in the file `name`, which need not be there yet. Belongs to one thread and one batch.

    Raises `UsageError` when the file cannot be read or written, or holds something else.
    """

    def __init__(self, name: PathName) -> None:
        self._name = name
        self._places: dict[str, int] = {}
        try:
            self._file = Path(name).expanduser().open("ab+")
        except OSError as error:
            reason = error.strerror
        else:
            self._read()
            return
        raise UsageError(f"cannot resume from {name}: {reason}")

    def find(self, task: Task, agent: str) -> TaskResult | None:
        """The result of a task that is done."""
        place = self._places.get(_key(task, agent))
        if place is None:
            return None
        self._file.seek(place)
        result = msgspec.json.decode(self._file.readline(), type=_Line).result
        return msgspec.structs.replace(result, resumed=True)

    def write(self, task: Task, result: TaskResult) -> None:
        """Add the result of a success. What cannot be written is an error in the log: the answer is there."""
        if not result.success:
            return
        line = redact(msgspec.json.encode(_Line(_key(task, result.agent_selected), result)).decode())
        try:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
        except OSError as error:
            log.error("a result was not written to %s: %s", self._name, error.strerror)  # noqa: TRY400 - no traceback

    def close(self) -> None:
        self._file.close()

    def _read(self) -> None:
        self._file.seek(0)
        place, line, strange = 0, b"\n", 0
        for line in self._file:
            try:
                self._places[msgspec.json.decode(line, type=_Key).key] = place
            except (msgspec.MsgspecError, UnicodeError):
                strange += 1
            place += len(line)
        if strange and not self._places and (strange > 1 or line.endswith(b"\n")):
            self.close()
            raise UsageError(f"{self._name} holds no results of a batch; name another file to resume from")
        if strange:
            log.warning("%d unreadable lines of %s are passed by", strange, self._name)
        if not line.endswith(b"\n"):
            self._file.write(b"\n")


def _key(task: Task, agent: str) -> str:
    prompt: object = task.prompt
    if not isinstance(prompt, str):
        # A prompt of no known shape is not worth remembering; whoever is asked with it says why.
        with contextlib.suppress(UsageError):
            prompt = [(message.role, message.parts) for message in to_messages(task.prompt)]
    said = msgspec.json.encode((task.id, agent, prompt), enc_hook=repr)
    return hashlib.sha256(said).hexdigest()

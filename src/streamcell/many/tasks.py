"""What a scheduler is given and what it gives: a `Task`, the pieces of its answer, its result.

All are frozen values. They know no agent, no queue and no clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal

import msgspec

from streamcell.core.prompt import Prompt
from streamcell.errors import UsageError
from streamcell.events import ErrorKind, Usage
from streamcell.options import Options, check_options


class Task(msgspec.Struct, frozen=True):
    """One prompt for one agent, with a name of its own.

    `agent` names the agent unless the call does. Higher `priority` goes first. `deadline` is in seconds from
    the moment the scheduler takes the task up, waiting included. `retries` is how often the whole task is
    begun anew after a failure that may pass, as long as nothing of its answer was given out. `options` are
    those of `stream`. Raises `UsageError` for a value out of range or an unknown option.
    """

    id: str
    prompt: Prompt
    task_type: str = ""
    agent: str | None = None
    priority: int = 0
    deadline: float | None = None
    retries: int = 0
    options: Options = msgspec.field(default_factory=Options)

    def __post_init__(self) -> None:
        if not isinstance(self.id, str):
            raise UsageError(f"the id of a task is text, not {self.id!r}")
        if self.deadline is not None and not (_is_number(self.deadline) and self.deadline > 0):
            raise UsageError(f"the deadline of task {self.id!r} must be more than 0 s, not {self.deadline!r}")
        if not _is_number(self.priority):
            raise UsageError(f"the priority of task {self.id!r} is a number, not {self.priority!r}")
        if isinstance(self.retries, bool) or not (isinstance(self.retries, int) and self.retries >= 0):
            raise UsageError(f"the retries of task {self.id!r} must be 0 or more, not {self.retries!r}")
        if not isinstance(self.options, Mapping):
            kind = type(self.options).__name__
            raise UsageError(f"the options of task {self.id!r} are a dict, not {kind}")
        options = Options(**self.options)
        check_options(options)
        # A copy, in which a key that was given as text is out of sight.
        msgspec.structs.force_setattr(self, "options", options)


class _Record(msgspec.Struct, frozen=True):
    """Read by attribute, or like a dict: ``record["chunk"]``."""

    def __getitem__(self, name: str) -> Any:
        if name not in self.__struct_fields__:
            raise KeyError(name)
        return getattr(self, name)


class TaskChunk(_Record, frozen=True):
    """A piece of a task's answer."""

    task_id: str
    chunk: str
    done: Literal[False] = False


class TaskResult(_Record, frozen=True, kw_only=True):
    """The end of a task; always the last record of it.

    `result` is the whole text, or what came of it before a failure. `latency` is in seconds from the first
    request to the end, `waited` those before it. `error` and `kind` are None when `success` is true.
    `resumed`: it was not asked for now, but read from the file of an earlier run.
    """

    task_id: str
    task_type: str = ""
    agent_selected: str
    result: str = ""
    latency: float = 0.0
    done: Literal[True] = True
    success: bool
    error: str | None = None
    kind: ErrorKind | None = None
    waited: float = 0.0
    attempts: int = 0
    usage: Usage = msgspec.field(default_factory=Usage)
    resumed: bool = False


Record = TaskChunk | TaskResult


def _is_number(value: object) -> bool:
    """Also one of numpy's: tasks are made from the rows of tables."""
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)

"""Everything a call may say besides prompt and model: one definition for `stream`, `Agent` and the magic."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

import msgspec

from streamcell.approvals import Policy
from streamcell.core.conversation import Conversation, Place
from streamcell.core.tools import Tool
from streamcell.errors import UsageError
from streamcell.io.clock import Clock
from streamcell.io.keys import Key
from streamcell.run import Timeouts


class Options(TypedDict, total=False):
    """Keyword arguments of `stream`, `Agent` and `Agent.stream`; one that is left out is not sent."""

    system: str | None
    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    stop: Sequence[str]
    extra: Mapping[str, Any]
    """Passed through to the provider's request body as it stands."""
    base_url: str | None
    api_key: str | Key | None
    client: object
    """A ready `AsyncOpenAI`, `AsyncAnthropic`, … to send with."""
    allow_http: bool
    timeouts: Timeouts
    retries: int
    """How often a call that failed before any content is repeated; 2 unless said."""
    chunk_size: int
    """Provider deltas per chunk; 1 unless said."""
    keep: bool
    """False: hold nothing that was read, for constant memory."""
    max_output_chunks: int | None
    """End the answer, well, after this many of the provider's deltas."""
    on_error: Literal["raise", "keep"]
    fallback: str | None
    """A model to ask when this one fails, or ``"blocking"`` to ask the same one without streaming."""
    conversation: Conversation | Place | None
    """Goes before the prompt, as it is when the call is made, and gets the answer when that ends."""
    record: str | os.PathLike[str] | None
    """A file of JSON lines to which the run is appended when it is over."""
    replay: str | os.PathLike[str] | None
    """Such a file, from which the run is taken instead of asking: no key, nothing sent. Together with
    `record`: what is not in the file is asked and recorded."""
    speed: float
    """Of the replay: 1 unless said, the original pace; 2 is twice as fast, 0 at once."""
    tools: Sequence[Tool | Callable[..., Any]]
    """Functions that the model may call; see `tool`."""
    approve: Policy | None
    """Who consents to a call of a tool that is not read-only: a function of the call that returns True or
    False, or "never" (ask nobody), or "always" (ask for every tool). None: the user at a display."""
    max_turns: int
    """How often the model may speak in one run; 10 unless said."""
    max_cost: float | None
    """US dollars: nothing is sent that costs more, and an answer that gets to cost more is cut."""
    schema: Any
    """What the answer is: a pydantic model, dataclass, TypedDict, list of one of these, or JSON schema."""
    clock: Clock


_LEAST = {"retries": 0, "chunk_size": 1, "max_output_chunks": 1, "max_turns": 1}
_OPTIONAL = frozenset({"max_output_chunks", "max_turns"})


_NUMBER = ((int, float), "a number")
_TEXT = ((str,), "text")
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "system": _TEXT,
    "temperature": _NUMBER,
    "max_tokens": ((int,), "a whole number"),
    "top_p": _NUMBER,
    "frequency_penalty": _NUMBER,
    "presence_penalty": _NUMBER,
    "stop": ((str, list, tuple), "a list of texts"),
    "extra": ((Mapping,), "a dict"),
    "base_url": _TEXT,
    "api_key": ((str, Key), "text"),
    "allow_http": ((bool,), "True or False"),
    "timeouts": ((Timeouts,), "a streamcell.Timeouts"),
    "keep": ((bool,), "True or False"),
    "fallback": _TEXT,
    "max_cost": _NUMBER,
    "clock": ((Clock,), "a clock"),
}


def _check_kinds(options: Options) -> None:
    """Raise `UsageError` for a value of the wrong kind; None is "not said" everywhere."""
    for name, (kinds, what) in _KINDS.items():
        value = options.get(name)
        wrong_bool = isinstance(value, bool) and bool not in kinds
        if value is not None and (wrong_bool or not isinstance(value, kinds)):
            shown = "a value of another kind" if name == "api_key" else repr(value)[:60]
            raise UsageError(f"{name} takes {what}, not {shown}")
    if options.get("on_error", "raise") not in ("raise", "keep"):
        raise UsageError(f'on_error is "raise" or "keep", not {options["on_error"]!r}')


def _check_values(options: Options) -> None:
    """Raise `UsageError` for a value of the right kind that means nothing."""
    for clock, seconds in msgspec.structs.asdict(options.get("timeouts") or Timeouts()).items():
        if seconds is not None and not (_is_number(seconds) and seconds > 0):
            raise UsageError(
                f"the time-out {clock!r} must be more than 0 seconds, or None for never, not {seconds!r}"
            )
    for text in options.get("stop") or ():
        if not isinstance(text, str):
            raise UsageError(f"stop takes a list of texts, not one with {text!r}")
    cost = options.get("max_cost")
    if cost is not None and not (math.isfinite(cost) and cost >= 0):
        raise UsageError(
            f"max_cost must be a number of dollars, 0 or more, not {cost!r}; leave it out for no limit"
        )
    fallback = options.get("fallback")
    if fallback is not None and not fallback.strip():
        raise UsageError(f'fallback takes a model or "blocking", not {fallback!r}; leave it out for none')


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_memory(options: Options) -> None:
    """Conversations and recordings: the right kinds, and nothing that excludes another."""
    conversation = options.get("conversation")
    if conversation is not None and not isinstance(conversation, Conversation | Place):
        kind = type(conversation).__name__
        raise UsageError(f"conversation takes a streamcell.Conversation, not {kind}")
    if conversation is not None and not options.get("keep", True):
        raise UsageError("with keep=False there is no answer that a conversation could keep; leave one out")
    speed = options.get("speed", 1.0)
    if not (_is_number(speed) and math.isfinite(speed) and speed >= 0):
        raise UsageError(f"speed must be a number of 0 (at once) or more, not {speed!r}")


def check_options(options: Options) -> None:
    """Raise `UsageError` for a keyword that is no option, naming the one that was probably meant.

    A key given as text is put out of sight first, in place: the dict is a local variable of all its callers,
    and a traceback may print those.
    """
    if isinstance(options.get("api_key"), str):
        options["api_key"] = Key(str(options.pop("api_key")))
    _check_kinds(options)
    _check_values(options)
    for name, least in _LEAST.items():
        value = options.get(name, least)
        if value is None and name in _OPTIONAL:
            continue
        if isinstance(value, bool) or not (isinstance(value, int) and value >= least):
            raise UsageError(f"{name} must be a whole number of {least} or more, not {value!r}")
    _check_memory(options)
    for name in options:
        if name in Options.__annotations__:
            continue
        close = difflib.get_close_matches(name, Options.__annotations__, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "pass it as extra={…} if the provider takes it"
        raise UsageError(f"unknown option {name!r}; {hint}")

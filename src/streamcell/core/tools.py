"""Tools: functions that a model may ask to have called, with what their author says about them.

Who allows a call, and who runs it, is not known here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar, get_args, overload

import msgspec
from msgspec import UNSET, UnsetType

from streamcell.core import docstring
from streamcell.core.signature import documentation, plain
from streamcell.core.tool_content import content_of, failure_of
from streamcell.core.tool_schema import Parameters, parameters_of
from streamcell.errors import ToolError, UsageError
from streamcell.events import ToolCall
from streamcell.messages import ToolSpec

__all__ = ["AnyTool", "Tool", "content_of", "digest_of", "failure_of", "tool", "toolbox"]

Approve = Literal["always", "never"]
AnyTool = TypeVar("AnyTool", bound=Callable[..., Any])
"""A function or a `Tool`, of which the same comes back."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""The narrowest rule among the providers: a tool that one takes is taken by all."""
_RAW_SHOWN = 200


@dataclass(frozen=True, eq=False)
class Tool:
    """A function with what a model is told of it, made by `tool`; called, it is the function.

    `read_only` says that it changes nothing; `approve` overrides what follows from that: whether a person
    is asked first. `timeout` is in seconds, None for as long as it takes. An `idempotent` tool may be run
    again when nobody knows whether it ran. Raises `UsageError` for values that are none of these.
    """

    function: Callable[..., Any]
    spec: ToolSpec
    parameters: Parameters = field(repr=False)
    _: KW_ONLY
    read_only: bool = False
    approve: Approve | None = None
    timeout: float | None = 60.0
    idempotent: bool = False

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(
                f"a tool cannot be called {self.name!r}: providers take 1 to 64 of the characters a-z A-Z 0-9"
                " _ -; name it with tool(function, name=…)"
            )
        if self.approve is not None and self.approve not in get_args(Approve):
            raise UsageError(
                f"approve= of the tool {self.name!r} is 'always' or 'never', not {self.approve!r}"
            )
        for option in ("read_only", "idempotent"):
            # What is only truthy, as "no" is, would let a tool run that nobody was asked about.
            value = getattr(self, option)
            if not isinstance(value, bool):
                raise UsageError(f"{option}= of the tool {self.name!r} is True or False, not {value!r}")
        if self.timeout is not None and not _is_time(self.timeout):
            raise UsageError(f"timeout= of the tool {self.name!r} is seconds or None, not {self.timeout!r}")
        # As functools.wraps does it, but for the function's own attributes: they could hide the fields here.
        vars(self).update(
            __name__=self.name,
            __qualname__=getattr(self.function, "__qualname__", self.name),
            __module__=getattr(self.function, "__module__", __name__),
            __doc__=documentation(self.function),
            __wrapped__=self.function,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Tool:
        """Bound to an instance, as the function would be: a tool may be a method."""
        if instance is None or not inspect.isfunction(self.function):
            return self
        bound = self.function.__get__(instance, owner)
        return dataclasses.replace(
            self, function=bound, **_described(bound, self.name, self.spec.description)
        )

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def is_async(self) -> bool:
        """Whether calling it gives a coroutine."""
        return any(map(inspect.iscoroutinefunction, (self.function, plain(self.function))))

    @property
    def asks(self) -> bool:
        """Whether a person is asked before it runs, as far as the tool itself says."""
        return self.approve == "always" or (self.approve is None and not self.read_only)

    def arguments(self, call: ToolCall) -> dict[str, Any]:
        """The keyword arguments for the function; raises `ToolError` with what the model should know."""
        if call.arguments is None:
            shown = call.raw_arguments[:_RAW_SHOWN]
            raise ToolError(f"{self.name} was not called: the arguments are no JSON object: {shown}")
        try:
            return self.parameters.read(call.arguments)
        except ToolError as error:
            raise ToolError(f"{self.name} was not called: {error}") from None


@overload
def tool(
    function: Callable[..., Any],
    /,
    *,
    name: str | UnsetType = UNSET,
    description: str | UnsetType = UNSET,
    read_only: bool | UnsetType = UNSET,
    approve: Approve | UnsetType | None = UNSET,
    timeout: float | UnsetType | None = UNSET,
    idempotent: bool | UnsetType = UNSET,
) -> Tool: ...
@overload
def tool(
    *,
    name: str | UnsetType = UNSET,
    description: str | UnsetType = UNSET,
    read_only: bool | UnsetType = UNSET,
    approve: Approve | UnsetType | None = UNSET,
    timeout: float | UnsetType | None = UNSET,
    idempotent: bool | UnsetType = UNSET,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | UnsetType | None = UNSET,
    description: str | UnsetType | None = UNSET,
    read_only: bool | UnsetType = UNSET,
    approve: Approve | UnsetType | None = UNSET,
    timeout: float | UnsetType | None = UNSET,
    idempotent: bool | UnsetType = UNSET,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """The function as a tool: ``@tool``, ``@tool(read_only=True)`` or ``tool(function, approve="never")``.

    Name, docstring and annotations tell the model what it is, unless `name` and `description` do. A `Tool`
    given here comes back as a copy with the options named. `timeout` is in seconds (60 if not said). Raises
    `UsageError` for what is no function or cannot be called with JSON.
    """
    said: dict[str, Any] = {"name": name, "description": description, "read_only": read_only}
    said |= {"approve": approve, "timeout": timeout, "idempotent": idempotent}
    options = {option: value for option, value in said.items() if value is not UNSET}
    return partial(_made, **options) if function is None else _made(function, **options)


def toolbox(tools: Iterable[Callable[..., Any] | Tool]) -> dict[str, Tool]:
    """The tools by name; raises `UsageError` for two of one name, and where `tool` does."""
    if callable(tools) or isinstance(tools, str | Mapping) or not isinstance(tools, Iterable):
        raise UsageError(f"tools= is a list of functions, not {_called(tools)}; write tools=[f, g]")
    box: dict[str, Tool] = {}
    for each in tools:
        made = _made(each)
        if made.name in box:
            raise UsageError(f"two tools are called {made.name!r}; rename one with tool(function, name=…)")
        box[made.name] = made
    return box


def digest_of(tool_name: str, arguments: Mapping[str, Any]) -> str:
    """32 hexadecimal digits of the tool's name and its arguments, whatever their order.

    Raises `ToolError` for arguments that JSON cannot say.
    """
    try:
        text = json.dumps([tool_name, dict(arguments)], sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(
            f"the arguments of {tool_name} cannot be read as JSON ({type(error).__name__})"
        ) from None
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _made(
    function: Callable[..., Any], *, name: str | None = None, description: str | None = None, **options: Any
) -> Tool:
    if isinstance(function, Tool):
        spec = msgspec.structs.replace(
            function.spec,
            name=function.name if name is None else name,
            description=function.spec.description if description is None else description,
        )
        return dataclasses.replace(function, spec=spec, **options)
    if not callable(function) or isinstance(function, type):
        raise UsageError(f"a tool is a function, not {_called(function)}")
    return Tool(function, **_described(function, name, description), **options)


def _described(function: Callable[..., Any], name: str | None, description: str | None) -> dict[str, Any]:
    """The spec and the parameters of a function; its own name and docstring where none is given."""
    behind = plain(function)
    name = _own_name(function) if name is None else name
    if inspect.isgeneratorfunction(behind) or inspect.isasyncgenfunction(behind):
        raise UsageError(f"the tool {name!r} is a generator; return the whole result instead")
    if description is None:
        description = docstring.read(documentation(function)).description
    parameters = parameters_of(function, name)
    return {"spec": ToolSpec(name, description, parameters.schema), "parameters": parameters}


def _own_name(function: Callable[..., Any]) -> str:
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__name__", None) or type(function).__name__
    if name == "<lambda>":
        raise UsageError("a lambda has no name; give it one with tool(function, name=…)")
    return str(name)


def _is_time(seconds: object) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < math.inf


def _called(value: object) -> str:
    """A wrong value by its name or type: its repr may be long."""
    name = getattr(value, "__name__", None)
    return f"{type(value).__name__} {name}" if isinstance(name, str) else type(value).__name__

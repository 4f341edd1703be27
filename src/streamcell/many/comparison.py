"""One prompt put to several models at the same time, and their answers side by side.

Each model is asked by a stream of its own, which knows nothing of the others. How the answers, their waits
and their figures look on a page is `core.comparison_table`'s business.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Unpack, cast

import msgspec

from streamcell.agent import Asked, ask
from streamcell.core import comparison_table
from streamcell.core.picture import BLOCKING, Picture
from streamcell.core.prompt import Prompt
from streamcell.core.response import StreamingResponse
from streamcell.errors import StreamcellError, UsageError, from_info, interrupted
from streamcell.events import ErrorInfo
from streamcell.options import Options, check_options

_NOBODY: Mapping[str, Asked] = MappingProxyType({})


class Comparison(dict[str, StreamingResponse]):
    """The answers by model, in the order asked; shown as the answers, their waits as bars, and one table.

    A blocking call stands behind the streamed answer it goes with, as ``"MODEL (blocking)"``.
    """

    @property
    def picture(self) -> Picture:
        """The waits as a picture on its own: an SVG (`picture.svg`), in a terminal block characters."""
        return comparison_table.picture(self)

    @property
    def failures(self) -> dict[str, ErrorInfo]:
        """What ended the answers that failed."""
        return {label: answer.error for label, answer in self.items() if answer.error is not None}

    @property
    def summary(self) -> Summary:
        """The waits and the figures without the answers, for a page that shows those already."""
        return Summary(self)

    def to_frame(self) -> Any:
        """The figures as a pandas `DataFrame`, a row for each answer; times are seconds, cost US dollars.

        Raises `UsageError` without pandas.
        """
        rows = [msgspec.structs.asdict(row) for row in comparison_table.rows(self)]
        try:
            pandas = importlib.import_module("pandas")  # optional, and slow to load
        except ImportError:
            raise UsageError("to_frame() makes a pandas DataFrame: install pandas") from None
        return pandas.DataFrame(rows, columns=list(comparison_table.Row.__struct_fields__)).set_index("model")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return comparison_table.bundle(self) | {"image/svg+xml": self.picture.svg}

    def _repr_pretty_(self, printer: Any, cycle: object) -> None:
        """IPython's own way to print a dict would go before the text of the bundle."""
        del cycle
        printer.text(comparison_table.bundle(self)["text/plain"])


class Summary(msgspec.Struct, frozen=True):
    """The waits and the figures of answers, for a display."""

    answers: Mapping[str, StreamingResponse]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return comparison_table.summary(self.answers) | {
            "image/svg+xml": comparison_table.picture(self.answers).svg
        }


async def compare(
    prompt: Prompt, models: Iterable[str], *, blocking: bool = False, **options: Unpack[Options]
) -> Comparison:
    """The answers of all `models` to one prompt, by model (``m``, ``m#2`` for a repeat), streamed together.

    With `blocking` each model is asked a second time, without streaming, as ``"m (blocking)"``: when all
    streams are over, so that the waits of one are not the other's doing. `options` are those of `stream`, the
    same for every model. A model that fails does not stop the others and raises nothing, whatever `on_error`
    says: what came is kept, with its `error`. Raises `UsageError` for a wrong call, before anything is sent.
    Cancelling cancels every stream.
    """
    check_options(options)
    labels = label(models)
    streamed = ask_each(prompt, labels, options)
    at_once = ask_each(prompt, labels, options, streamed=False) if blocking else {}
    await read_all(streamed)
    await read_all(at_once)
    return together(streamed, at_once)


def waits(streamed: StreamingResponse, blocking: StreamingResponse) -> Comparison:
    """A streamed answer and a blocking call of the same model, for their waits side by side."""
    said = (streamed.metadata.get(name) for name in ("provider", "model"))
    model = ":".join(str(word) for word in said if word) or "streamed"
    return Comparison({model: streamed, model + BLOCKING: blocking})


def label(models: Iterable[str]) -> dict[str, str]:
    """Each model under a label of its own: its name as given, with ``#2`` and so on for a repeat."""
    if isinstance(models, str):
        raise UsageError(f"several models are compared, as a list of names: [{models!r}, …]")
    if not isinstance(models, Iterable):
        kind = type(models).__name__
        raise UsageError(f"models is a list of names, not {kind}; write ['provider:model', …]")
    labelled: dict[str, str] = {}
    for model in models:
        if not isinstance(model, str) or not model:
            raise UsageError(f"a model is named as text, provider:model, not {model!r}")
        number, free = 1, model
        while free in labelled:
            number += 1
            free = f"{model}#{number}"
        labelled[free] = model
    if not labelled:
        raise UsageError("name at least one model to compare")
    return labelled


def ask_each(
    prompt: Prompt, labels: Mapping[str, str], options: Options, *, streamed: bool = True
) -> dict[str, Asked]:
    """The question to each model by its label, every failure to be kept; nothing is sent until it is read.

    Raises `UsageError` for a wrong call to any of them.
    """
    if options.get("conversation") is not None:
        raise UsageError("several answers cannot go into one conversation; give its messages as the prompt")
    keeping = cast("Options", {**options, "on_error": "keep"})
    return {name: ask(prompt, model, keeping, streamed=streamed) for name, model in labels.items()}


def together(streamed: Mapping[str, Asked], at_once: Mapping[str, Asked] = _NOBODY) -> Comparison:
    """The answers so far, each blocking call behind the streamed answer of the same label."""
    answers = Comparison()
    for name, asked in streamed.items():
        answers[name] = asked.stream.response
        if name in at_once:
            answers[name + BLOCKING] = at_once[name].stream.response
    return answers


def failure_of(answer: StreamingResponse) -> StreamcellError | None:
    """What asking for this answer alone would have raised; None when it did not fail."""
    if answer.error is None:
        return None
    error = from_info(answer.error)
    shown = answer.metrics.time_to_first_token is not None
    return interrupted(error, answer) if shown else error


async def read_all(questions: Mapping[str, Asked]) -> None:
    """Wait for all answers, which come at the same time; cancelling cancels every stream."""
    async with asyncio.TaskGroup() as group:
        for asked in questions.values():
            group.create_task(_whole(asked))


async def _whole(asked: Asked) -> StreamingResponse:
    return await asked.stream

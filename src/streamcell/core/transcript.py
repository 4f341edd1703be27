"""A conversation to be read: as Markdown, as a notebook that asks it again, and as what a notebook shows.

The Markdown holds the words as they were said. The HTML is inert (`core.safe_html`); the notebook shows no
other.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, assert_never

from streamcell.core import safe_html
from streamcell.core.turns import Turn
from streamcell.core.visible import visible
from streamcell.messages import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

_NAMES = {"user": "User", "assistant": "Assistant", "tool": "Tools", "system": "System"}
_LONGEST_TITLE = 200


def markdown(turns: Sequence[Turn], *, system: str | None) -> str:
    """Every message under a heading, with the model's name; a cut answer says so."""
    sections = [f"# System\n\n{system}"] if system else []
    sections += [section for turn in turns for section in _sections(turn)]
    return "\n\n".join(sections) + "\n" if sections else ""


def bundle(turns: Sequence[Turn], *, system: str | None) -> dict[str, str]:
    """The turns as `text/html` (inert) and `text/plain`."""
    html = "".join(_html(turn) for turn in turns) or "<p><em>An empty conversation.</em></p>\n"
    above = f"<p><em>{safe_html.text(_one_line(system))}</em></p>\n" if system else ""
    plain = visible(markdown(turns, system=system)).rstrip("\n")
    return {
        "text/html": safe_html.seal(f"<div>\n{above}{html}</div>"),
        "text/plain": plain or "An empty conversation.",
    }


def notebook(turns: Sequence[Turn], *, system: str | None, name: str) -> str:
    """A notebook (nbformat 4.5): each question a `%%stream` cell that would ask it, with its answer."""
    chat = re.sub(r"\W+", "-", name).strip("-") or "chat"
    cells = [_cell(0, "%load_ext streamcell", [])]
    for number, turn in enumerate(turns, 1):
        # The options of a cell are one line.
        quoted = f" -s {shlex.quote(' '.join(system.split()))}" if system and number == 1 else ""
        model = f" {turn.model}" if turn.model else ""
        source = f"%%stream{model} -c {chat} --raw{quoted}\n{turn.question}"
        cells.append(_cell(number, source, [_output(turn)] if turn.answered else []))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    written = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def _sections(turn: Turn) -> Iterator[str]:
    for message in turn.messages:
        model = f" ({turn.model})" if turn.model and message.role == "assistant" else ""
        said = "\n\n".join(filter(None, map(_markdown, message.parts)))
        yield f"# {_NAMES[message.role]}{model}\n\n{said}".rstrip()
    if turn.cut:
        yield f"*{_cut(turn)}*"


def _markdown(part: Part) -> str:
    match part:
        case TextPart():
            return part.text
        case ImagePart():
            return f"*[image: {part.media_type}]*"
        case ReasoningPart():
            return "\n".join(f"> {line}" for line in part.text.splitlines())
        case ToolCallPart():
            return f"Call of `{part.name}`:\n\n{fenced(_json(part.arguments), 'json')}"
        case ToolResultPart():
            kind = "Error" if part.error else "Result"
            return f"{kind} of `{part.name}`:\n\n{fenced(part.content)}"
        case _:
            assert_never(part)


def _html(turn: Turn) -> str:
    said = "".join(_message_html(message, turn) for message in turn.messages)
    return f"{said}<p><strong>{_cut(turn)}</strong></p>\n" if turn.cut else said


def _message_html(message: Message, turn: Turn) -> str:
    model = f" ({turn.model})" if turn.model and message.role == "assistant" else ""
    title = safe_html.text(_one_line(_NAMES[message.role] + model))
    return f"<p><strong>{title}</strong></p>\n" + "".join(map(_part_html, message.parts))


def _part_html(part: Part) -> str:
    match part:
        case TextPart():
            return safe_html.render(part.text)
        case ImagePart():
            return f"<p><em>[image: {safe_html.text(part.media_type)}]</em></p>\n"
        case ReasoningPart():
            return _fold("Thinking", safe_html.render(part.text)) if part.text else ""
        case ToolCallPart():
            return _fold(f"Tool call: {part.name}", safe_html.preformatted(_json(part.arguments)))
        case ToolResultPart():
            kind = "error" if part.error else "result"
            return _fold(f"Tool {kind}: {part.name}", safe_html.preformatted(part.content))
        case _:
            assert_never(part)


def _output(turn: Turn) -> dict[str, Any]:
    """The answer as the output of the cell that asked."""
    answer = Turn(turn.id, tuple(said for said in turn.messages if said.role != "user"), model=turn.model)
    shown = bundle([answer], system=None)
    return {"output_type": "display_data", "data": shown, "metadata": {}}


def _cell(number: int, source: str, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"turn-{number}",
        "metadata": {},
        "outputs": outputs,
        "source": source,
    }


def _cut(turn: Turn) -> str:
    return "Stopped here." if turn.stop_reason == "cancelled" else "Cut off here."


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{safe_html.text(_one_line(title))}</summary>\n{body}</details>\n"


def fenced(text: str, language: str = "") -> str:
    """A fenced block that the text cannot end."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _one_line(value: str) -> str:
    return visible(" ".join(value.split()))[:_LONGEST_TITLE]

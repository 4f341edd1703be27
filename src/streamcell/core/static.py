"""What a notebook keeps of an answer: HTML that does nothing, and plain text. Reading it needs no kernel.

`bundle` takes any value with the attributes of `Answer`, finished or still growing. The HTML has no script,
no style sheet and no class, so that it reads alike in JupyterLab, nbconvert, on GitHub and in a browser.
Every string that we did not write passes through `core.safe_html` or `core.visible`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from streamcell.core import safe_html
from streamcell.core.structure import answer_table
from streamcell.core.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streamcell.core.metrics import Metrics
    from streamcell.core.steps import Step
    from streamcell.events import Citation, ErrorInfo, StopReason, ToolCall, ToolResult

_LONGEST_LINE = 300
_SMALL_COST = 0.01
_NOTICES: dict[str, str] = {
    "length": "Cut at the token limit: raise max_tokens for a longer answer.",
    "filter": "The provider's content filter ended this answer.",
    "cancelled": "Stopped. The answer so far is kept.",
    "truncated": "Cut off: the stream ended before the answer did. What arrived is kept.",
    "error": "Failed. What arrived is kept.",
}

OWN_LIMIT = "max_output_chunks"
"""`metadata["stop"]` of an answer that was ended by the caller's own limit."""


class Answer(Protocol):
    """What is shown of one answer; `StreamingResponse` is one.

    `metadata`: model, provider, scripted, replayed, format.
    """

    @property
    def text(self) -> str: ...
    @property
    def thinking(self) -> str: ...
    @property
    def refusal(self) -> str: ...
    @property
    def tool_calls(self) -> Sequence[ToolCall]: ...
    @property
    def tool_results(self) -> Sequence[ToolResult]: ...
    @property
    def citations(self) -> Sequence[Citation]: ...
    @property
    def steps(self) -> Sequence[Step]: ...
    @property
    def stop_reason(self) -> StopReason | None: ...
    @property
    def error(self) -> ErrorInfo | None: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...


def bundle(answer: Answer) -> dict[str, str]:
    """The answer as `text/html` (inert) and `text/plain`."""
    return {
        "text/html": safe_html.seal("".join(_html(answer))),
        "text/plain": "\n\n".join(_plain(answer)),
    }


def notice(answer: Answer) -> str | None:
    """One line that says why the answer is not whole; None when it is, and while it grows."""
    if answer.metadata.get("stop") == OWN_LIMIT:
        return "Ended here, after as many pieces as were asked for."
    said = _NOTICES.get(answer.stop_reason or "")
    if answer.stop_reason == "error" and not _arrived(answer):
        said = "Failed."
    if answer.error is None:
        return said
    failure = _one_line(answer.error.message)
    return failure if said is None else f"{said} ({failure})"


def _arrived(answer: Answer) -> bool:
    said = (answer.text, answer.thinking, answer.refusal, answer.tool_calls, answer.tool_results)
    return any(said) or bool(answer.citations)


def metrics_line(metrics: Metrics, *, model: str, scripted: bool = False, replayed: bool = False) -> str:
    """The figures in one line of plain text: only what is known, `~` before our own estimates."""
    parts = [
        _one_line(model),
        "scripted demo answer" if scripted else None,
        "replayed from a recording" if replayed else None,
        *_timings(metrics, about="~" if metrics.tokens_estimated else ""),
        f"retries {metrics.retries}" if metrics.retries else None,
        f"stalls {metrics.stalls}" if metrics.stalls else None,
    ]
    return " · ".join(part for part in parts if part)


def _timings(metrics: Metrics, *, about: str) -> Iterator[str]:
    if metrics.time_to_first_token is not None:
        yield f"first token {_seconds(metrics.time_to_first_token)}"
    if metrics.tokens_per_second is not None:
        yield f"{about}{metrics.tokens_per_second:,.0f} tokens/s"
    if metrics.output_tokens is not None:
        yield f"{about}{metrics.output_tokens:,} tokens"
    if metrics.duration is not None:
        yield f"total {_seconds(metrics.duration)}"
    if metrics.cost is not None:
        yield f"${metrics.cost:.4f}" if metrics.cost < _SMALL_COST else f"${metrics.cost:.2f}"


def answer_line(answer: Answer) -> str:
    """`metrics_line` of an answer, with the model and the label its metadata name."""
    names = (answer.metadata.get("provider"), answer.metadata.get("model"))
    model = ":".join(str(name) for name in names if name)
    scripted, replayed = (bool(answer.metadata.get(name)) for name in ("scripted", "replayed"))
    return metrics_line(answer.metrics, model=model, scripted=scripted, replayed=replayed)


def arguments_of(call: ToolCall) -> str:
    """The arguments of a call as indented JSON; as they came when they are no JSON object."""
    if call.arguments is None:
        return call.raw_arguments
    return json.dumps(call.arguments, indent=2, ensure_ascii=False, default=str)


def _html(answer: Answer) -> Iterator[str]:
    yield "<div>\n"
    for step in answer.steps:
        yield from _step_html(step, answer.metadata.get("format", "markdown"))
    if answer.refusal:
        refusal = safe_html.render(answer.refusal)
        yield f"<blockquote><p><strong>Refused.</strong></p>\n{refusal}</blockquote>\n"
    if answer.citations:
        sources = "".join(map(_citation_html, answer.citations))
        yield f"<p><strong>Sources</strong></p>\n<ol>\n{sources}</ol>\n"
    if said := notice(answer):
        yield f"<p><strong>{safe_html.text(said)}</strong></p>\n"
    if line := answer_line(answer):
        yield f"<p><small>{safe_html.text(line)}</small></p>\n"
    yield "</div>"


def _plain(answer: Answer) -> Iterator[str]:
    for step in answer.steps:
        yield from _step_plain(step, answer.metadata.get("format", "markdown"))
    if answer.refusal:
        yield f"Refused: {visible(answer.refusal)}"
    if answer.citations:
        yield "Sources:\n" + "\n".join(map(_citation_plain, answer.citations))
    if said := notice(answer):
        yield f"[{said}]"
    if line := answer_line(answer):
        yield f"[{line}]"


def _step_html(step: Step, form: str) -> Iterator[str]:
    if step.thinking:
        yield _fold("Thinking", safe_html.render(step.thinking))
    before, after = _tools(step)
    yield from (_fold(title, safe_html.preformatted(body)) for title, body in before)
    if step.text:
        yield _text_html(step.text, form)
    yield from (_fold(title, safe_html.preformatted(body)) for title, body in after)


def _text_html(text: str, form: str) -> str:
    match form:
        case "markdown":
            return safe_html.render(text)
        case "table":
            return answer_table.html(text)
        case "text":
            return safe_html.typed(text)
        case _:
            return safe_html.preformatted(text)


def _step_plain(step: Step, form: str) -> Iterator[str]:
    if step.thinking:
        yield f"Thinking:\n{visible(step.thinking)}"
    before, after = _tools(step)
    yield from (f"{title}\n{visible(body)}" for title, body in before)
    if step.text:
        yield answer_table.plain(step.text) if form == "table" else visible(step.text)
    yield from (f"{title}\n{visible(body)}" for title, body in after)


def _tools(step: Step) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Titles and bodies of what is said about tools: before the text the provider's own, after it ours."""
    said: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for call in step.calls:
        said[not call.server].append((f"Tool call: {_one_line(call.name)}", arguments_of(call)))
    for result in step.results:
        said[not result.server].append((_result_title(result), _result_text(result)))
    return said


def _result_text(result: ToolResult) -> str:
    return f"{result.content}\n\nPrinted:\n{result.printed}" if result.printed else result.content


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{safe_html.text(title)}</summary>\n{body}</details>\n"


def _result_title(result: ToolResult) -> str:
    took = "" if result.seconds is None else f" ({_seconds(result.seconds)})"
    return f"Tool {'error' if result.error else 'result'}: {_one_line(result.name)}{took}"


def _citation_html(citation: Citation) -> str:
    label = _one_line(citation.title or citation.url or "untitled")
    source = safe_html.link(citation.url, label) if citation.url else safe_html.text(label)
    quote = f"<br>\n<em>{safe_html.text(_one_line(citation.quote))}</em>" if citation.quote else ""
    return f"<li>{source}{quote}</li>\n"


def _citation_plain(citation: Citation) -> str:
    parts = (citation.title, citation.url, citation.quote and f'"{citation.quote}"')
    return "- " + " · ".join(_one_line(part) for part in parts if part)


def _one_line(value: str) -> str:
    line = visible(" ".join(value.split()))
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"

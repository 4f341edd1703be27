"""The demo's answers: for each demo model a function from the question to a script.

Every answer says that it is scripted, and the same question always gets the same answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from streamcell.core.sample import sample
from streamcell.core.script import (
    Fault,
    Piece,
    Script,
    refusal_pieces,
    text_pieces,
    thinking_pieces,
    tool_pieces,
)
from streamcell.providers.demo_prompt import Question, code_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PACE = 0.014
"""Seconds between two pieces: about 70 tokens a second, a usual rate for hosted models."""

_SLOW_SECONDS = 30.0
_LONG_PACE = 0.004
_LONG_SECTIONS = 60
_SAID = "This is a scripted answer of the **demo** provider: no model was asked."
_FALLBACK_SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}, "scripted": {"const": True}},
}

_TITLES = ("A first look", "In short", "The idea", "Where to begin")
_POINTS = (
    "text arrives in small pieces, a few letters at a time",
    "headings, lists and tables take shape while they grow",
    "the bar below counts tokens and the time to the first one",
    "the stop button keeps what has been said so far",
    "the finished answer is saved in the notebook, readable without a kernel",
)
_SNIPPETS = (
    'def greet(name):\n    return f"Hello, {name}!"\n\n\nprint(greet("notebook"))',
    "values = [3, 1, 4, 1, 5]\nmean = sum(values) / len(values)\nprint(mean)",
    "squares = {n: n * n for n in range(5)}\nfor n, square in squares.items():\n    print(n, square)",
)


def markdown(question: Question) -> Script:
    """Headings, a list, a table and fenced code; JSON instead when the request carries a schema."""
    if question.schema is not None:
        return json_answer(question)
    return Script(pieces=text_pieces(_markdown(question)))


def tools(question: Question) -> Script:
    """Calls every tool that is offered; then answers with the results, or with JSON if there is a schema."""
    if question.schema is not None and (question.results or not question.tools):
        return json_answer(question)
    if question.results:
        lines = [f"- {code_span(result)}" for result in question.results]
        return Script.of(
            "\n".join(["## Results of the tools", "", _SAID, "The tools answered:", "", *lines, ""])
        )
    if not question.tools:
        return Script.of(f"{_SAID} It calls the tools it is offered, and this request offers none.\n")
    calls: list[Piece] = []
    for part, tool in enumerate(question.tools):
        name = str(tool.get("name", "tool"))
        identity = f"call_{question.variant:08x}_{part}"
        calls += tool_pieces(part, name, arguments=_arguments(tool, question), identity=identity)
    return Script(pieces=tuple(calls), stop="tool_calls")


def thinking(question: Question) -> Script:
    """Visible thinking first, then the Markdown answer."""
    thought = (
        f"The user asks: {question.words or 'nothing'}. I am a script and cannot think about it. "
        "First I show what visible thinking looks like while it streams. "
        "Then I lay out an answer with a heading, a list, a table and a piece of code. That will do."
    )
    answer = text_pieces(_markdown(question), part=1)
    return Script(pieces=(*thinking_pieces(thought), *answer))


def json_answer(question: Question) -> Script:
    """JSON that fits the schema in the request."""
    schema = question.schema or _FALLBACK_SCHEMA
    value = sample(schema, names=question.names, numbers=question.numbers)
    return Script.of(json.dumps(value, ensure_ascii=False))


def slow(question: Question) -> Script:
    """The Markdown answer, spread over half a minute."""
    pieces = text_pieces(_markdown(question))
    return Script(pieces=pieces, pace=_SLOW_SECONDS / len(pieces))


def error(question: Question) -> Script:
    """The beginning of an answer; then the connection breaks."""
    start = (
        f"## An answer that breaks\n\n{_SAID} You asked: {question.words}. In the middle of a sentence the"
    )
    pieces = text_pieces(start)
    breaking = Fault("close", after=len(pieces))
    return Script(
        pieces=(*pieces, *text_pieces(" connection")), pace=min(PACE, 1 / len(pieces)), fault=breaking
    )


def long(question: Question) -> Script:
    """Thousands of tokens."""
    sections = (
        f"## Section {number}\n\n{_POINTS[(question.variant + number) % len(_POINTS)].capitalize()}.\n\n"
        f"- {_POINTS[number % len(_POINTS)]}\n- {_POINTS[(number + 1) % len(_POINTS)]}\n\n"
        f"```python\n{_SNIPPETS[number % len(_SNIPPETS)]}\n```\n\n"
        for number in range(1, _LONG_SECTIONS + 1)
    )
    return Script(pieces=text_pieces(f"{_SAID}\n\n" + "".join(sections)), pace=_LONG_PACE)


def refusal(_question: Question) -> Script:
    """A refusal."""
    text = "This is a scripted refusal of the demo provider: it declines every request, this one too."
    return Script(pieces=refusal_pieces(text), stop="refusal")


def maths(question: Question) -> Script:
    """Formulas in the sentence and by themselves, and the code that computes one."""
    degree = question.variant % 4 + 2
    lines = (
        "## A sum and its limit",
        "",
        f"{_SAID} It has formulas: the terms $a_k = x^k / k!$ add up to",
        "",
        "$$",
        rf"e^x \approx \sum_{{k=0}}^{{{degree}}} \frac{{x^k}}{{k!}}",
        "$$",
        "",
        rf"with an error below \(\frac{{3}}{{{degree + 1}!}}\) for $0 \le x \le 1$. In code:",
        "",
        "```python",
        "from math import exp, factorial",
        "",
        f"approximation = sum(1 / factorial(k) for k in range({degree + 1}))  # x = 1",
        "print(exp(1) - approximation)",
        "```",
        "",
        "It costs $0, not $5.",
        "",
    )
    return Script.of("\n".join(lines))


def unicode(question: Question) -> Script:
    """Many scripts, both directions, emoji of several code points, combining marks."""
    lines = (
        "## Γλῶσσαι · 语言 · Языки · भाषाएँ",
        "",
        _SAID,
        "",
        "- 中文:这是一个预先写好的回答。",
        "- 日本語:これは台本どおりの答えです。",
        "- 한국어: 미리 쓰인 대답입니다.",
        "- हिन्दी: यह पहले से लिखा हुआ उत्तर है।",
        "- العربية: هذه إجابة مكتوبة مسبقًا.",
        "- עברית: זו תשובה כתובה מראש.",
        "- Emoji: 👩‍🔬 👨‍👩‍👧‍👦 🏳️‍🌈 🇪🇺 ✅ 🧬",
        "- Combining: e\u0301 a\u0308 n\u0303 o\u0302\u0323",
        "",
        f"Prompt: {question.words}",
        "",
    )
    return Script.of("\n".join(lines))


MODELS: dict[str, Callable[[Question], Script]] = {
    "error": error,
    "json": json_answer,
    "long": long,
    "markdown": markdown,
    "maths": maths,
    "refusal": refusal,
    "slow": slow,
    "thinking": thinking,
    "tools": tools,
    "unicode": unicode,
}


def unknown(model: str) -> Script:
    """The provider's own refusal of a model it does not have."""
    names = ", ".join(f"demo:{name}" for name in MODELS)
    return refused(404, f"there is no model demo:{model}; the demo has {names}", code="model_not_found")


def refused(status: int, message: str, *, code: str) -> Script:
    """An HTTP error as the provider would send it."""
    return Script(fault=Fault("status", status=status, message=message, code=code))


def _arguments(tool: Mapping[str, Any], question: Question) -> dict[str, Any]:
    value = sample(
        tool.get("parameters") or {"type": "object"}, names=question.names, numbers=question.numbers
    )
    return value if isinstance(value, dict) else {}


def _markdown(question: Question) -> str:
    variant = question.variant
    shown = [_POINTS[(variant + step) % len(_POINTS)] for step in range(3)]
    words = question.words
    said = f"Your prompt: {words}" if words else "Your prompt has no words."
    lines = (
        f"## {_TITLES[variant % len(_TITLES)]}",
        "",
        f"{_SAID} {said}",
        "",
        "What you can watch here:",
        "",
        *(f"- {point}" for point in shown),
        "",
        "## In figures",
        "",
        "| Quantity | Value |",
        "|---|---|",
        f"| Words in your prompt | {len(question.text.split())} |",
        f"| Characters in your prompt | {len(question.text)} |",
        f"| Variant of this answer | {variant % 1000} |",
        "",
        "## A piece of code",
        "",
        "```python",
        _SNIPPETS[variant % len(_SNIPPETS)],
        "```",
        "",
        "Set a key, or name another model, to ask a real one.",
        "",
    )
    return "\n".join(lines)


def paced(script: Script, *, pace: float | None, delay: float | None) -> Script:
    """The script with the given timing; what is None stays the script's own, or the usual one."""
    rate = pace if pace is not None else script.pace or PACE
    before = delay if delay is not None else min(20 * rate, 0.4)
    return msgspec.structs.replace(script, pace=rate, delay=before)

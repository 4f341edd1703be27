r"""Maths in Markdown: found before Markdown rewrites it, and judged before MathJax may run it.

Recognised are `$...$`, `$$...$$`, `\(...\)` and `\[...\]`. Without this, emphasis eats underscores and
escapes eat backslashes. MathJax is an interpreter: `\href` makes links, `\require` loads code, `\def` changes
every formula of the page after it; `typesettable` says no to what is more than typesetting. The module finds
and judges; how either is shown is the renderer's business.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

INLINE = "maths_inline"
BLOCK = "maths_block"

_LONGEST = 5_000
"""Characters; a longer formula stays as it was written."""
_REACH = 100_000
"""Bounds the search for a closing delimiter."""
_MOST_LINES = 100

# Each stops at the next opener of its kind, so that a page of openers costs no more than its length.
_INLINES = {
    "$$": re.compile(r"\$\$(?:\\.|[^\\$]|\$(?!\$))+\$\$", re.DOTALL),
    r"\(": re.compile(r"\\\((?:\\[^()]|[^\\])+\\\)"),
    r"\[": re.compile(r"\\\[(?:\\[^\[\]]|[^\\])+\\\]"),
}
_DOLLARS = re.compile(r"\$(?![\s$])(?:\\.|[^\\$])*(?<!\s)\$(?!\d)", re.DOTALL)
"""Pandoc's rule: no space inside the dollars and no digit after them, so "$5 and $10" is money."""
_CLOSINGS = {
    "$$": re.compile(r"(?:\\.|[^\\$]|\$(?!\$))*\$\$"),
    r"\[": re.compile(r"(?:\\[^\[\]]|[^\\])*\\\]"),
}
"""What of one line of a block ends with its closing delimiter."""

_ACTING = (
    "href|url|style|class|cssid|data|html\\w*|mmltoken|bbox|enclose|includegraphics|input",
    "require|autoload|setoptions|mathtoolsset|unicode|char|toggle|mathtip|texttip|tooltip",
    "[gex]?def|let|futurelet|global|csname|(?:re)?new\\w*|providecommand|declare\\w*|definecolor|usetagform",
    "label|ref|eqref|rule|space|raise|lower|moveleft|moveright|verb|catcode|loop",
)
_FORBIDDEN = re.compile(rf"\\(?:{'|'.join(_ACTING)})(?![a-z])", re.IGNORECASE)
_HUGE = re.compile(r"\d{3}\s*(?:\.\d*)?\s*(?:em|ex|px|pt|pc|cm|mm|in|mu|bp|dd|cc|sp)\b", re.IGNORECASE)
"""A length of three digits or more can push a formula over other parts of the page."""


def install(parser: MarkdownIt) -> None:
    """Teach `parser` the two maths tokens, `INLINE` and `BLOCK`, whose content keeps its delimiters."""
    parser.inline.ruler.before("escape", INLINE, _inline)
    parser.block.ruler.before(
        "fence", BLOCK, _block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def typesettable(formula: str) -> bool:
    """Whether the formula (delimiters included) only typesets: nothing in it acts, defines or reaches out."""
    return len(formula) <= _LONGEST and not _FORBIDDEN.search(formula) and not _HUGE.search(formula)


def _inline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 (markdown-it's signature)
    end = _end_of_inline(state.src, state.pos, min(state.posMax, state.pos + _REACH))
    if end is None:
        return False
    if not silent:
        token = state.push(INLINE, "", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def _end_of_inline(source: str, start: int, limit: int) -> int | None:
    found = _INLINES.get(source[start : start + 2], _DOLLARS).match(source, start, limit)
    return found.end() if found else None


def _block(state: StateBlock, start: int, last: int, silent: bool) -> bool:  # noqa: FBT001 (as above)
    end = None if state.is_code_block(start) else _end_of_block(state, start, last)
    if end is None:
        return False
    if not silent:
        token = state.push(BLOCK, "", 0)
        token.content = state.getLines(start, end, state.blkIndent, keepLastLF=False).strip()
        token.map = [start, end]
        state.line = end
    return True


def _end_of_block(state: StateBlock, start: int, last: int) -> int | None:
    """Find the line after the one that closes the formula, when nothing follows the closer on its line."""
    closing = _CLOSINGS.get(_line(state, start)[:2])
    if closing is None:
        return None
    for number in range(start, min(last, start + _MOST_LINES)):
        line = _line(state, number)
        # A blank line ends a paragraph, in TeX too: so a text that grows can tell what is no formula.
        if number > start and (not line or state.sCount[number] < state.blkIndent or line[:2] == r"\["):
            return None
        found = closing.match(line, 2 if number == start else 0)
        if found:
            return number + 1 if not line[found.end() :].strip() else None
    return None


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]

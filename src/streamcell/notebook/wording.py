"""Errors that speak of Python's keywords, in the words of a cell: ``temperature=`` is ``--temperature``.

It changes texts by the words in them; what an error means it does not know.
"""

from __future__ import annotations

import re

from streamcell.notebook.arguments import CLOCKS, OPTIONS

_OPTIONS = {action.dest: action.option_strings[-1] for action in OPTIONS} | {
    "api_key": "--key-env",
    "extra": "--param",
    "max_output_chunks": "--stop-after",
}
_CLOCKS = {clock: _OPTIONS[dest] for clock, dest in CLOCKS.items()}
_NAMES, _TIMES = "|".join(_OPTIONS), "|".join(_CLOCKS)

_EXTRA = re.compile(r"extra=\{'(\w+)': \.{3}\}")
_CLOCK = re.compile(rf"Timeouts\(({_TIMES})=…\)|the time-out '({_TIMES})'")
_KEYWORD = re.compile(rf"\b({_NAMES})=(?=[\s,;]|\.?$|\.\s)")
_SUBJECT = re.compile(rf"^({_NAMES})(?= (?:takes|must|is)\b)")


def in_words_of_the_line(message: str) -> str:
    """The same text with the options of `%%stream`; a keyword that no option stands for stays."""
    text = _EXTRA.sub(r"--param \1=...", message)
    text = _CLOCK.sub(lambda match: _CLOCKS[match[1] or match[2]], text)
    text = _KEYWORD.sub(lambda match: _OPTIONS[match[1]], text)
    return _SUBJECT.sub(lambda match: _OPTIONS[match[1]], text)

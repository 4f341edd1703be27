"""What a docstring says to somebody who cannot see the code: the description, and a line for each parameter.

Google's, numpy's and Sphinx's layouts are read, as far as people use them for parameters. No types are taken
from it: those are the annotations' business.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_GOOGLE = re.compile(r"(Args|Arguments|Params|Parameters|Returns?|Yields?|Raises):\s*\Z")
_NUMPY = re.compile(r"(Parameters|Returns|Yields|Raises)\s*\Z")
_UNDERLINE = re.compile(r"-{3,}\s*\Z")
_SPHINX = re.compile(r":(?:param|parameter|arg|argument)\s+(?:[^:]*\s)?\**(\w+):(.*)\Z")
_SPHINX_FIELD = re.compile(r":(?:param|parameter|arg|argument|type|returns?|rtype|raises?|yields?)\b[^:]*:")
_GOOGLE_PARAMETER = re.compile(r"\**(\w+)\s*(?:\([^)]*\))?:(.*)\Z")
_NUMPY_PARAMETER = re.compile(r"\**(\w+(?:\s*,\s*\**\w+)*)\s*(?::.*)?\Z")
_OF_PARAMETERS = ("Args", "Arguments", "Params", "Parameters")


class Docstring(NamedTuple):
    """The text before the first section, and the descriptions of the parameters by name."""

    description: str
    parameters: dict[str, str]


def read(text: str | None) -> Docstring:
    """The parts of a docstring, without its indentation; both are empty when there is none."""
    lines = inspect.cleandoc(text or "").splitlines()
    begin = next((at for at in range(len(lines)) if _begins_section(lines, at)), len(lines))
    said = {name: " ".join(" ".join(words).split()) for name, words in _parameters(lines[begin:])}
    described = {name: words for name, words in said.items() if words}
    return Docstring("\n".join(lines[:begin]).strip(), described)


def _begins_section(lines: list[str], at: int) -> bool:
    line = lines[at]
    return bool(_GOOGLE.match(line) or _SPHINX_FIELD.match(line) or _is_underlined(lines, at))


def _is_underlined(lines: list[str], at: int) -> bool:
    return bool(_NUMPY.match(lines[at]) and at + 1 < len(lines) and _UNDERLINE.match(lines[at + 1]))


def _parameters(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each parameter with the pieces of its text; the sections follow one another."""
    for at, line in enumerate(lines):
        if field := _SPHINX.match(line):
            yield field[1], [field[2], *_deeper(lines[at + 1 :], than=0)]
        elif (section := _GOOGLE.match(line)) and section[1] in _OF_PARAMETERS:
            yield from _google(list(_deeper(lines[at + 1 :], than=0)))
        elif _is_underlined(lines, at) and line.strip() in _OF_PARAMETERS:
            yield from _numpy(lines[at + 2 :])


def _google(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    margin = min((_indent(line) for line in lines if line.strip()), default=0)
    for at, line in enumerate(lines):
        if _indent(line) == margin and (found := _GOOGLE_PARAMETER.match(line.strip())):
            yield found[1], [found[2], *_deeper(lines[at + 1 :], than=margin)]


def _numpy(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    for at, line in enumerate(lines):
        if at + 1 < len(lines) and _UNDERLINE.match(lines[at + 1]):
            return
        if line.strip() and not _indent(line) and (found := _NUMPY_PARAMETER.match(line)):
            for name in re.findall(r"\w+", found[1]):
                yield name, list(_deeper(lines[at + 1 :], than=0))


def _deeper(lines: Iterable[str], *, than: int) -> Iterator[str]:
    """The lines until the next one that is no further in."""
    for line in lines:
        if line.strip() and _indent(line) <= than:
            return
        yield line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())

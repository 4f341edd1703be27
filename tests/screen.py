"""A terminal that wraps again what it holds when its width changes, as most do: what a user would see.

It knows what our displays write: text, line ends, and Rich's cursor and erase sequences. Any other sequence
is an error.
"""

import re

_PARTS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class Screen:
    """`feed` what was written; `rows` is what is seen, without the spaces at the ends."""

    def __init__(self, width):
        self.width = width
        self._lines = [""]
        self._row = 0
        self._column = 0

    @property
    def rows(self):
        return [self._lines[line][start : start + self.width].rstrip() for line, start in self._places()]

    def resize(self, width):
        """The cursor stays at its character."""
        line, start = self._places()[self._row]
        at = start + self._column
        self.width = width
        self._row = self._places().index((line, at - at % width))
        self._column = at % width

    def feed(self, written):
        position = 0
        while position < len(written):
            found = _PARTS.match(written, position)
            assert found, f"not understood: {written[position : position + 20]!r}"
            self._take(*found.groups())
            position = found.end()

    def _take(self, numbers, command, end, text):
        if text:
            self._write(text)
        elif end == "\r":
            self._column = 0
        elif end == "\n":
            self._row, self._column = self._row + 1, 0
            if self._row == len(self._places()):
                self._lines.append("")
        elif command == "A":
            self._row = max(self._row - int(numbers), 0)
        elif command == "K":
            assert numbers == "2"
            self._put(0, "")
        else:
            assert command in "mhl", f"not understood: {command}"

    def _write(self, text):
        assert self._column + len(text) <= self.width, "what is drawn never wraps by itself"
        self._put(self._column, text)
        self._column += len(text)

    def _put(self, column, text):
        line, start = self._places()[self._row]
        before, at = self._lines[line], start + column
        end = start + self.width
        kept = before[at + len(text) : end] if text else ""
        row = before[:at].ljust(at) + text + kept
        self._lines[line] = row.ljust(end) + before[end:] if len(before) > end else row

    def _places(self):
        """The line and the position in it where each row begins."""
        return [
            (number, start)
            for number, line in enumerate(self._lines)
            for start in range(0, max(len(line), 1), self.width)
        ]

"""Control characters made harmless: gone, or turned into marks that can be seen.

Terminals obey escape sequences, and both terminals and pages obey bidirectional controls that make text read
other than it is stored; tag characters (U+E0000-E007F) carry text that nobody sees; one letter that draws
nothing makes a program another one. This module knows code points only: no Markdown, no HTML, no terminal.
"""

from __future__ import annotations

import re

_TAGS = range(0xE0000, 0xE0080)
_SURROGATES = range(0xD800, 0xE000)
_C0 = [code for code in range(0x20) if chr(code) not in "\t\n"]
_C1 = range(0x80, 0xA0)
_DELETE = 0x7F
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_PICTURES = 0x2400
"""U+2400 to U+241F are pictures of the C0 controls, in their order."""


def _mark(code: int) -> str:
    return f"[U+{code:04X}]"


_GONE: dict[int, str | None] = {
    **dict.fromkeys((*_C0, _DELETE, *_C1, *_TAGS)),
    **dict.fromkeys(_SURROGATES, "\N{REPLACEMENT CHARACTER}"),
}
_BIDI_GONE: dict[int, str | None] = dict.fromkeys(_BIDI)
_SHOWN: dict[int, str | None] = {
    **_GONE,
    **{code: _mark(code) for code in _BIDI},
    **{code: chr(_PICTURES + code) for code in _C0},
    **{code: _mark(code) for code in _C1},
    _DELETE: "\N{SYMBOL FOR DELETE}",
}


_INVISIBLE = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
)
"""Default-ignorable code points, separators of lines and paragraphs, formats: as in `js/src/clean.ts`."""
_PICTURE = (
    r"[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55"
    r"\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
"""The blocks that hold emoji, skin tones and flags."""
_IN_A_PICTURE = "|".join(
    (
        rf"(?:(?<={_PICTURE})|(?<={_PICTURE}\ufe0f))\u200d(?={_PICTURE})",
        rf"(?<={_PICTURE})\ufe0f",
        r"(?<=[#*0-9])\ufe0f(?=\u20e3)",
    )
)
"""A joiner between two pictures and a selector behind one, or within a keycap: parts of what is seen."""
_HIDDEN = re.compile(rf"(?=[{_INVISIBLE}])(?!{_IN_A_PICTURE}).", re.DOTALL)


def visible(text: str) -> str:
    """The text as a terminal may print it: `ESC [31m` becomes `␛[31m`, a bidi control `[U+202E]`.

    Tab and line feed stay, CR LF becomes LF, tag characters go, lone surrogates become U+FFFD.
    """
    return text.replace("\r\n", "\n").translate(_SHOWN)


def without_controls(text: str) -> str:
    """The text without C0 and C1 controls (tab, line feed and line ends stay) and without tag characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_GONE)


def without_bidi(text: str) -> str:
    """The text in the order in which it is stored: no embedding, override, isolate or mark."""
    return text.translate(_BIDI_GONE)


def spelled(text: str) -> str:
    """The text of a program, every character in it that draws nothing written out: `[U+200B]`.

    What joins two emoji, or selects how one is drawn, stays: it is seen in the emoji. Controls are not told.
    """
    return _HIDDEN.sub(lambda found: _mark(ord(found[0])), text)

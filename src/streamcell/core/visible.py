"""Control characters made harmless: gone, or turned into marks that can be seen.

Terminals obey escape sequences, and both terminals and pages obey bidirectional controls that make text read
other than it is stored; tag characters (U+E0000-E007F) carry text that nobody sees. This module knows code
points only: no Markdown, no HTML, no terminal.
"""

from __future__ import annotations

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
_BIDI_SHOWN: dict[int, str | None] = {code: _mark(code) for code in _BIDI}
_SHOWN: dict[int, str | None] = {
    **_GONE,
    **_BIDI_SHOWN,
    **{code: chr(_PICTURES + code) for code in _C0},
    **{code: _mark(code) for code in _C1},
    _DELETE: "\N{SYMBOL FOR DELETE}",
}


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


def bidi_shown(text: str) -> str:
    """The text with each bidirectional control written out, for code, where its place matters."""
    return text.translate(_BIDI_SHOWN)

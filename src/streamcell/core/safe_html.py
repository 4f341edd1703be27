r"""Markdown that nobody vouches for, as HTML that does nothing.

Two walls. The Markdown parser knows no raw HTML, and of its tokens we write out only the kinds named here,
with attributes made here; then `seal` drops whatever is not on a second list. Nothing loads by itself, no
attribute of the text's own choosing survives, maths that does more than typeset is shown as code. The module
knows no display and no answer, only text.

MathJax, which notebooks run over HTML output, joins neighbouring text and reads `$` and `\` in it (`pre` and
`code` it skips). So both characters stand in an element of their own, except in formulas that were judged.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

import nh3
from markdown_it import MarkdownIt

from streamcell.core import links, maths
from streamcell.core.visible import spelled, without_bidi, without_controls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

_DEEPEST = 100
"""Nesting of blocks; the parser leaves out what lies deeper, so such a text is shown as it was written."""
_LONGEST = 4_000_000
_MOST_BRACKETS = 60_000
"""The parser tries each bracket as a link, in about 40 µs: more of them would take many seconds."""

_FIXED = {
    "paragraph_open": "<p>",
    "paragraph_close": "</p>\n",
    "blockquote_open": "<blockquote>\n",
    "blockquote_close": "</blockquote>\n",
    "bullet_list_open": "<ul>\n",
    "bullet_list_close": "</ul>\n",
    "ordered_list_close": "</ol>\n",
    "list_item_open": "<li>",
    "list_item_close": "</li>\n",
    "table_open": "<table>\n",
    "table_close": "</table>\n",
    "thead_open": "<thead>\n",
    "thead_close": "</thead>\n",
    "tbody_open": "<tbody>\n",
    "tbody_close": "</tbody>\n",
    "tr_open": "<tr>",
    "tr_close": "</tr>\n",
    "th_close": "</th>",
    "td_close": "</td>",
    "hr": "<hr>\n",
    "em_open": "<em>",
    "em_close": "</em>",
    "strong_open": "<strong>",
    "strong_close": "</strong>",
    "s_open": "<del>",
    "s_close": "</del>",
    "softbreak": "\n",
    "hardbreak": "<br>\n",
}
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SIDES = ("left", "center", "right")
_GAP = "<p></p>\n"
"""JupyterLab leaves no room below `pre`; an empty paragraph does, and adds nothing where there is some."""
_MATHJAX_READS = re.compile(r"[$\\]")

_LINK = {"rel": "noopener noreferrer", "referrerpolicy": "no-referrer"}
_CONSTANTS = {
    **{("a", name): frozenset({value}) for name, value in _LINK.items()},
    **{(cell, "align"): frozenset(_SIDES) for cell in ("th", "td")},
    **{(cell, "style"): frozenset(f"text-align: {side}" for side in _SIDES) for cell in ("th", "td")},
}
_ELEMENTS = frozenset(
    (
        *("p", "br", "hr", "blockquote", "ul", "ol", "li", "pre", "code", "em", "strong", "del", "a", "img"),
        *("table", "thead", "tbody", "tr", "th", "td"),
        *("div", "span", "bdi", "small", "details", "summary"),
        *_HEADINGS,
    )
)
_ATTRIBUTES = {
    "a": {"href", *_LINK},
    "img": {"src", "alt"},
    "ol": {"start"},
    "th": {"align", "style"},
    "td": {"align", "style"},
}


def render(markdown: str) -> str:
    """Inert HTML for `markdown`; a text too deep, too long or too strange to parse comes in one `pre`.

    Elements: headings, paragraphs, lists, tables, code, quotes, rules, emphasis, links to http, https and
    mailto whose destination can be read, images only as `data:` (PNG, JPEG, GIF, WebP, up to 2 MB).
    """
    source = without_controls(markdown)
    if len(source) > _LONGEST or source.count("[") > _MOST_BRACKETS:
        return preformatted(source)
    try:
        tokens = _PARSER.parse(source)
    except RecursionError:
        return preformatted(source)
    if any(token.level >= _DEEPEST - 1 for token in tokens):
        return preformatted(source)
    return seal("".join(_blocks(tokens)))


def text(value: str) -> str:
    """`value` as HTML text that no browser, sanitiser or MathJax reads as anything else."""
    return _MATHJAX_READS.sub(r"<span>\g<0></span>", escape(without_bidi(without_controls(value))))


def code(value: str) -> str:
    """`value` as an inline code element, whatever draws nothing written out."""
    return f"<code>{escape(spelled(without_controls(value)))}</code>"


def preformatted(value: str) -> str:
    """`value` as a block of code, whatever draws nothing written out."""
    return f"<pre>{code(value)}</pre>\n{_GAP}"


def typed(value: str) -> str:
    """`value` as the lines it was typed in, for reading: letters are joined as their script joins them."""
    return f"<pre>{escape(without_bidi(without_controls(value)))}</pre>\n{_GAP}"


def link(address: str, label: str) -> str:
    """Link `label` (plain text), with the destination beside it where the label does not name it."""
    place = links.destination(address)
    if place is None:
        return text(label)
    return _anchor(address) + f"<bdi>{text(label)}</bdi></a>" + _aside(label, place)


def seal(html: str) -> str:
    """`html` (ours) without anything that is not on the list of elements, attributes and values."""
    return nh3.clean(
        html,
        tags=set(_ELEMENTS),
        attributes=_ATTRIBUTES,
        attribute_filter=_permitted,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=None,
    )


def _permitted(element: str, attribute: str, value: str) -> str | None:
    constants = _CONSTANTS.get((element, attribute))
    if constants is not None:
        return value if value in constants else None
    match element, attribute:
        case "a", "href":
            return value if links.destination(value) else None
        case "img", "src":
            return value if links.carries_image(value) else None
        case "ol", "start":
            return value if value.isascii() and value.isdigit() else None
        case "img", "alt":
            return value
    return None


def _blocks(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.hidden:
            continue
        match token.type:
            case "inline":
                yield from _inline(token.children or [])
            case "fence" | "code_block":
                yield preformatted(token.content)
            case maths.BLOCK:
                yield f"<p>{_formula(token.content)}</p>\n"
            case "heading_open" | "heading_close" if token.tag in _HEADINGS:
                yield f"<{token.tag}>" if token.nesting > 0 else f"</{token.tag}>\n"
            case "ordered_list_open":
                start = int(token.attrGet("start") or 1)
                yield "<ol>\n" if start == 1 else f'<ol start="{start}">\n'
            case "th_open" | "td_open":
                yield _cell(token)
            case kind:
                yield _FIXED.get(kind) or text(token.content)


def _cell(token: Token) -> str:
    """JupyterLab puts cells of HTML output right unless a style says otherwise; GitHub reads `align`."""
    style = str(token.attrGet("style") or "")
    side = next((side for side in _SIDES if style == f"text-align:{side}"), "left")
    return f'<{token.tag} align="{side}" style="text-align: {side}">'


def _inline(tokens: Sequence[Token]) -> Iterator[str]:
    destination: str | None = None
    label: list[str] = []
    for token in tokens:
        match token.type:
            case "link_open":
                address = str(token.attrGet("href"))
                destination, label = links.destination(address), []
                yield _anchor(address) + "<bdi>" if destination else ""
            case "link_close":
                yield f"</bdi></a>{_aside(''.join(label), destination)}" if destination else ""
                destination = None
            case "image":
                yield _image(token, linked=destination is not None)
            case "code_inline":
                yield code(token.content)
            case maths.INLINE:
                yield _formula(token.content)
            case kind:
                yield _FIXED.get(kind) or text(token.content)
        label.append(token.content)


def _anchor(address: str) -> str:
    attributes = "".join(f' {name}="{value}"' for name, value in _LINK.items())
    return f'<a href="{escape(address)}"{attributes}>'


def _aside(label: str, place: str) -> str:
    return "" if links.says_destination(without_bidi(label), place) else f" ({text(place)})"


def _image(token: Token, *, linked: bool) -> str:
    address = str(token.attrGet("src"))
    description = without_bidi(without_controls(token.content))
    if links.carries_image(address):
        return f'<img src="{escape(address)}" alt="{escape(description)}">'
    place = links.destination(address)
    label = (
        f"[image: {description} ({place or 'not shown'})]"
        if description
        else f"[image: {place or 'not shown'}]"
    )
    if linked or place is None:
        return text(label)
    return f"{_anchor(address)}<bdi>{text(label)}</bdi></a>"


def _formula(written: str) -> str:
    # Cleaned before it is judged: what is taken out could join two halves of a forbidden command.
    formula = without_bidi(without_controls(written))
    return f"<span>{escape(formula)}</span>" if maths.typesettable(formula) else code(written)


def _accepts(address: str) -> bool:
    """Tell the parser what may be a link or image; everything else stays the text it was."""
    return links.destination(address) is not None or address[:11].lower() == "data:image/"


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST})
    parser.enable(["table", "strikethrough"])
    maths.install(parser)
    normalise = parser.normalizeLink
    # Percent-encoding two megabytes of base64 character by character would take seconds and change nothing.
    parser.normalizeLink = lambda url: url if links.carries_image(url) else normalise(url)  # type: ignore[method-assign]
    parser.validateLink = _accepts  # type: ignore[method-assign,assignment]
    return parser


_PARSER = _parser()

import json
import sys
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core import safe_html
from streamcell.core.visible import spelled, visible

CASES = json.loads((Path(__file__).parents[2] / "js/test/hidden.json").read_text(encoding="utf-8"))
"""What the page's own tests read too."""


def invisible():
    for ends in CASES["invisible"]:
        first, _, last = ends.partition("..")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def test_an_escape_sequence_can_be_read():
    assert visible("\x1b[31mred\x9b0m\x07\x7f") == "␛[31mred[U+009B]0m␇␡"


def test_bidi_controls_are_written_out_and_tag_characters_go():
    assert visible("a\u202eb\u2069\U000e0041") == "a[U+202E]b[U+2069]"


def test_line_ends_and_tabs_stay():
    assert visible("a\r\nb\tc\nd\re") == "a\nb\tc\nd␍e"


@given(st.text(alphabet=st.characters(codec=None, categories=None)))
def test_what_is_visible_has_no_control_left_and_can_be_encoded(text):
    shown = visible(text)
    shown.encode()
    assert not any(ord(c) < 32 and c not in "\n\t" for c in shown)
    assert visible(shown) == shown


def test_of_all_characters_exactly_the_invisible_ones_are_written_out_in_code():
    tags = range(0xE0000, 0xE0080)
    told = {code for code in range(sys.maxunicode + 1) if "[U+" in spelled(chr(code))}
    assert told - set(tags) == set(invisible())


@pytest.mark.parametrize(("text", "shown"), CASES["code"], ids=lambda value: ascii(value)[:40])
def test_what_is_seen_of_code_is_the_same_here_and_on_the_page(text, shown):
    marked = shown.replace("<", "[U+").replace(">", "]")
    for markdown in (f"`x{text}x`", f"```js\n{text}\n```"):
        assert marked in unescape(safe_html.render(markdown))


@pytest.mark.parametrize("text", CASES["prose"], ids=ascii)
def test_in_prose_letters_and_pictures_stay_joined(text):
    assert f"<p>{text}</p>" in safe_html.render(text)
    assert safe_html.typed(text).startswith(f"<pre>{text}</pre>")


@pytest.mark.parametrize(("markdown", "place"), CASES["mail"], ids=lambda value: value[:40])
def test_a_mail_link_shows_everybody_it_writes_to(markdown, place):
    html = safe_html.render(markdown)
    assert html.count('href="mailto:') == 1
    assert unescape(html).endswith(f"</a> ({place})</p>\n" if place else "</a></p>\n")

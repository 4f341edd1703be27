from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.visible import visible


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

from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.tail import Tail

PIECES = st.sampled_from(
    ["a", " ", "\n", "\n\n", "```\n", "~~~\n", "- b\n", "> c\n", "# d\n", "1. e\n", "    f\n"]
)


def test_a_block_settles_when_the_next_one_begins():
    tail = Tail()
    assert tail.feed("one\n\n") == ""
    assert tail.feed("two\n") == "one\n\n"
    assert tail.unsettled == "two\n"


def test_a_fence_settles_nothing_inside():
    tail = Tail()
    assert tail.feed("```py\na\n\nb\n\nc\n") == ""
    assert tail.feed("```\n\nafter\n") == "```py\na\n\nb\n\nc\n```\n\n"


def test_a_list_with_blank_lines_stays_together():
    assert Tail().feed("- a\n\n- b\n\n  c\n\n") == ""


def test_the_end_of_a_long_open_fence_is_shown_as_code():
    tail = Tail()
    tail.feed("```py\n" + "line\n" * 1000)
    assert tail.end(lines=3, characters=100) == "```py\nline\nline\n"


def test_the_end_of_a_long_text_is_bounded():
    tail = Tail()
    tail.feed("word " * 10_000)
    assert len(tail.end(lines=5, characters=100)) == 100


@given(st.lists(PIECES, max_size=40))
def test_what_settled_and_what_did_not_are_the_whole_text(pieces):
    tail = Tail()
    settled = "".join(tail.feed(piece) for piece in pieces)
    assert settled + tail.unsettled == "".join(pieces)


@given(st.lists(PIECES, max_size=40))
def test_any_cut_of_the_text_settles_the_same(pieces):
    tail, whole = Tail(), Tail()
    text = "".join(pieces)
    assert "".join(tail.feed(character) for character in text) == whole.feed(text)


def test_a_shorter_fence_inside_a_longer_one_does_not_close_it():
    tail = Tail()
    assert tail.feed("````md\n```\n\na\n\n```\n\nb\n") == ""
    assert tail.feed("````\n\nafter\n").endswith("````\n\n")


def test_a_short_text_is_its_own_end():
    tail = Tail()
    tail.feed("```py\nx = 1\n")
    assert tail.end(lines=10, characters=100) == tail.unsettled

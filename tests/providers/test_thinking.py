from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamcell.providers.thinking import ThinkTags

PIECES = st.lists(
    st.sampled_from(["<think>", "</think>", "<th", "ink>", "</", "think>", "a", " ", "\n", "<"])
)


def sort(pieces: list[str]) -> tuple[str, str]:
    tags = ThinkTags()
    sorted_ = [found for piece in pieces for found in tags.feed(piece)] + tags.close()
    return tuple("".join(text for kind, text in sorted_ if kind == wanted) for wanted in ("thinking", "text"))


@given(PIECES)
def test_the_cuts_do_not_matter(pieces):
    assert sort(pieces) == sort(["".join(pieces)]) == sort(list("".join(pieces)))


@given(PIECES)
def test_text_that_does_not_begin_with_a_tag_stays_as_it_is(pieces):
    text = "x" + "".join(pieces)
    assert sort([text]) == ("", text)


def test_thinking_that_never_ends_is_thinking():
    assert sort(["<think>a</thi"]) == ("a</thi", "")


def test_text_is_passed_on_as_soon_as_no_tag_can_come():
    tags = ThinkTags()
    assert tags.feed("<") == []
    assert tags.feed("b>") == [("text", "<b>")]
    assert tags.settled

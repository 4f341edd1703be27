"""Scripts: nothing is lost in pieces and cuts, and what the pieces amount to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.script import (
    Call,
    Script,
    cut,
    joined,
    refusal_pieces,
    text_pieces,
    thinking_pieces,
    tokens,
    tool_pieces,
)

CUTS = st.one_of(
    st.sampled_from(["whole", "events", "bytes"]),
    st.lists(st.integers(0, 9), min_size=1).filter(any).map(tuple),
)


@given(st.text())
def test_tokens_are_short_and_lose_nothing(text):
    assert "".join(tokens(text)) == text
    assert all(len(token) <= 6 or token.isspace() for token in tokens(text))


@given(st.binary(), CUTS)
def test_cuts_lose_nothing(body, cuts):
    assert b"".join(cut(body, cuts)) == body


def test_events_are_cut_at_blank_lines_and_lines_where_there_is_none():
    assert list(cut(b"a\nb\n\nc\n\n", "events")) == [b"a\nb\n\n", b"c\n\n"]
    assert list(cut(b"{}\n{}\n", "events")) == [b"{}\n", b"{}\n"]


def test_sizes_are_used_in_turn():
    assert list(cut(b"abcdefg", (1, 2))) == [b"a", b"bc", b"d", b"ef", b"g"]


def test_pieces_amount_to_an_answer():
    script = Script(
        pieces=(
            *thinking_pieces("Let me think"),
            *text_pieces("Some words"),
            *tool_pieces(1, "add", arguments={"a": 1, "b": "ü"}),
            *tool_pieces(2, "now", arguments={}, identity="call_x"),
            *refusal_pieces("No."),
        )
    )
    whole = joined(script)
    assert (whole.text, whole.thinking, whole.refusal) == ("Some words", "Let me think", "No.")
    assert whole.calls == (Call("call_1", "add", '{"a": 1, "b": "ü"}'), Call("call_x", "now", "{}"))

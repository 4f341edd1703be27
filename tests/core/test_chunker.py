"""Deltas to chunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.chunker import Chunker


def chunked(pieces, size):
    chunker = Chunker(size)
    chunks = [chunker.add(piece, number) for number, piece in enumerate(pieces)]
    return [chunk for chunk in [*chunks, chunker.flush(99.0)] if chunk is not None]


@given(st.lists(st.text()), st.integers(1, 12))
def test_no_text_is_lost_and_every_chunk_but_the_last_is_full(pieces, size):
    chunks = chunked(pieces, size)
    assert "".join(chunk.content for chunk in chunks) == "".join(pieces)
    assert len(chunks) == -(-len(pieces) // size)


def test_with_size_one_every_delta_is_a_chunk_at_once():
    chunk = Chunker(1).add("a", 5.0)
    assert (chunk.content, chunk.token, chunk.timestamp, chunk.is_final) == ("a", "a", 5.0, False)


def test_a_chunk_of_several_deltas_names_no_token():
    assert [chunk.token for chunk in chunked("abc", 2)] == [None, "c"]


def test_nothing_left_is_no_chunk():
    assert Chunker(3).flush(1.0) is None


def test_each_chunk_has_metadata_of_its_own():
    chunker = Chunker(1)
    chunker.metadata = {"model": "m"}
    first, second = chunker.add("a", 0.0), chunker.add("b", 0.0)
    first.metadata["mine"] = 1
    assert second.metadata == {"model": "m"}

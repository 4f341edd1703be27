"""The body of a request as a person reads it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.shown_body import shown_body

PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)
TEXT = base64.b64encode(PNG).decode()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("text", [TEXT, f"data:image/png;base64,{TEXT}"], ids=["bare", "URL"])
def test_an_image_is_told_by_kind_and_size(text):
    assert shown_body({"parts": [{"data": text}]}) == {"parts": [{"data": "<image/png, 2,008 bytes>"}]}


@pytest.mark.parametrize("text", ["", "A" * 5000, TEXT + "!", "data:image/png;base64,", f"see {TEXT}"])
def test_what_is_no_image_stays(text):
    assert shown_body([text]) == [text]


@given(JSON)
def test_a_body_without_images_stays_as_it_is(body):
    assert shown_body(body) == body

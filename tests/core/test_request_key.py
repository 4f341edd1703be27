"""Requests known again, and told apart in words."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.request_key import described, differences, key, nearest
from streamcell.messages import ImagePart, Message, Request, TextPart, ToolSpec

REQUEST = Request(provider="p", model="m", messages=(Message("user", (TextPart("Explain DNA"),)),))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def changed(**fields):
    return msgspec.structs.replace(REQUEST, **fields)


def asking(text, **fields):
    return changed(messages=(Message("user", (TextPart(text),)),), **fields)


def key_of(request, **options):
    return key(described(request, **options))


CHANGES = [
    {"provider": "q"},
    {"model": "n"},
    {"system": "be brief"},
    {"temperature": 0.0},
    {"max_tokens": 5},
    {"stop": ("x",)},
    {"stream": False},
    {"tools": (ToolSpec("f", "does", {"type": "object"}),)},
    {"schema": {"type": "object"}},
    {"extra": {"seed": 1}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_everything_that_is_said_is_in_the_key_and_named_when_it_differs(change):
    other = changed(**change)
    assert key_of(other) != key_of(REQUEST)
    (said,) = differences(described(other), described(REQUEST))
    assert said.startswith(next(iter(change)))


def test_our_own_limit_is_in_the_key():
    assert key_of(REQUEST, limit=5) != key_of(REQUEST)
    assert differences(described(REQUEST, limit=5), described(REQUEST)) == [
        "max_output_chunks was None and is 5"
    ]


@given(st.dictionaries(st.text(), VALUES, max_size=3))
def test_a_request_read_back_from_json_has_the_same_key(extra):
    said = described(changed(extra=extra))
    assert key(json.loads(json.dumps(said))) == key(said)


def test_an_image_is_known_by_its_hash_and_not_kept():
    def seeing(data):
        return described(changed(messages=(Message("user", (ImagePart(data, "image/png"),)),)))

    assert key(seeing(b"one")) == key(seeing(b"one")) != key(seeing(b"two"))
    assert "b25l" not in json.dumps(seeing(b"one"))
    assert "sha256" in differences(seeing(b"one"), seeing(b"two"))[0]


@pytest.mark.parametrize(
    "name",
    ["api_key", "Authorization", "extra_headers", "x-api-key", "access_token", "client_secret", "password"],
)
def test_what_is_secret_by_its_name_is_not_kept(name):
    said = described(changed(extra={"outer": [{name: {"a": "canary"}}], "max_tokens": 5}))
    assert "canary" not in json.dumps(said)
    assert said["extra"]["max_tokens"] == 5


def test_a_value_that_is_no_json_is_known_by_its_type():
    assert described(changed(extra={"thing": object()}))["extra"] == {"thing": "<object>"}


def test_the_first_difference_of_the_prompt_is_shown_with_its_place():
    (said,) = differences(described(asking("Explain RNA")), described(REQUEST))
    assert said == "message 1 differs at character 9: it was 'Explain DNA' and is 'Explain RNA'"


def test_the_first_difference_of_a_long_prompt_is_shown_in_little_room():
    (said,) = differences(described(asking("a" * 5000 + "b")), described(asking("a" * 5000 + "c")))
    assert "character 5001" in said
    assert len(said) < 200


def test_another_length_of_the_conversation_is_said():
    longer = changed(messages=(*REQUEST.messages, Message("assistant", (TextPart("It is"),))))
    assert differences(described(longer), described(REQUEST)) == ["the conversation had 1 messages and has 2"]


def test_equal_requests_differ_in_nothing():
    assert differences(described(REQUEST), described(REQUEST)) == []


def test_the_nearest_request_is_the_one_with_the_fewest_and_smallest_differences():
    far = described(asking("Sing a song", temperature=1.0))
    near = described(asking("Explain DNS"))
    same_but_model = described(changed(model="n"))
    asked = described(REQUEST)
    assert nearest(asked, [far, near]) == near
    assert nearest(asked, [far, near, same_but_model]) == same_but_model
    assert nearest(asked, []) is None

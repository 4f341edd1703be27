"""What users may ask with."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from streamcell.core.prompt import image, split_system, to_messages
from streamcell.errors import UsageError
from streamcell.messages import ImagePart, Message, TextPart

PNG = b"\x89PNG\r\n\x1a\n" + b"rest"
KINDS = {
    b"\x89PNG\r\n\x1a\nrest": "image/png",
    b"\xff\xd8\xff\xe0rest": "image/jpeg",
    b"GIF89arest": "image/gif",
    b"RIFF\0\0\0\0WEBPrest": "image/webp",
}


def said(role, text):
    return Message(role, (TextPart(text),))


def test_a_text_is_one_message_of_the_user():
    assert to_messages("Hi") == (said("user", "Hi"),)


def test_messages_and_dicts_may_be_mixed():
    given = [
        {"role": "system", "content": "be kind"},
        said("user", "Hi"),
        {"role": "assistant", "content": "Ho"},
    ]
    assert to_messages(given) == (said("system", "be kind"), said("user", "Hi"), said("assistant", "Ho"))


def test_a_message_alone_is_a_prompt():
    assert to_messages(said("user", "Hi")) == (said("user", "Hi"),)


def test_the_newer_word_for_system_is_taken():
    assert to_messages([{"role": "developer", "content": "x"}]) == (said("system", "x"),)


def test_a_content_may_be_a_list_of_parts():
    content = ["look:", {"type": "text", "text": "here"}, PNG, TextPart("end")]
    (message,) = to_messages([{"role": "user", "content": content}])
    parts = (TextPart("look:"), TextPart("here"), ImagePart(PNG, "image/png"), TextPart("end"))
    assert message == Message("user", parts)


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("", "the prompt is empty"),
        (" \n", "the prompt is empty"),
        ([], "an empty list"),
        (7, "not int"),
        (b"Hi", "not bytes"),
        (["Hi"], "a 'role' and a 'content'"),
        ([{"role": "user"}], "a 'role' and a 'content'"),
        ([{"role": "king", "content": "x"}], "unknown role 'king'"),
        ([{"role": ["user"], "content": "x"}], "unknown role"),
        ([{"role": "user", "content": None}], "a part of a message is text"),
        ([{"role": "user", "content": [{"type": "video"}]}], "a part of a message is text"),
    ],
)
def test_what_is_no_prompt_is_refused_with_a_reason(prompt, says):
    with pytest.raises(UsageError, match=says):
        to_messages(prompt)


def test_a_refusal_quotes_no_more_than_a_line():
    with pytest.raises(UsageError) as caught:
        to_messages([{"role": "user", "content": {"x": "y" * 10_000}}])
    assert len(str(caught.value)) < 200


def test_system_prompts_join_and_leave_the_conversation():
    messages = (said("system", "b"), said("user", "Hi"), said("system", "c"))
    assert split_system(messages, "a") == ("a\n\nb\n\nc", (said("user", "Hi"),))
    assert split_system((said("user", "Hi"),), None) == (None, (said("user", "Hi"),))


@pytest.mark.parametrize("data", KINDS, ids=KINDS.values())
def test_the_kind_of_an_image_is_told_by_its_first_bytes(data, tmp_path):
    path = tmp_path / "misnamed.txt"
    path.write_bytes(data)
    assert image(data) == image(path) == image(str(path)) == ImagePart(data, KINDS[data])


def test_bytes_that_are_no_image_are_refused():
    with pytest.raises(UsageError, match="not PNG, JPEG, GIF or WebP"):
        image(b"%PDF-1.7")


def test_a_missing_file_is_named():
    with pytest.raises(UsageError, match=r"'/no/such\.png': No such file"):
        image(Path("/no/such.png"))


def test_a_pil_image_becomes_a_png():
    (message,) = to_messages([{"role": "user", "content": ["what?", Image.new("RGB", (2, 3), "red")]}])
    picture = message.parts[1]
    assert picture.media_type == "image/png"
    assert Image.open(io.BytesIO(picture.data)).size == (2, 3)


def test_a_figure_is_asked_to_save_itself():
    figure = SimpleNamespace(savefig=lambda file, **_: file.write(PNG))
    (message,) = to_messages([{"role": "user", "content": figure}])
    assert message.parts == (ImagePart(PNG, "image/png"),)


def test_a_figure_that_cannot_be_drawn_is_refused_without_its_own_words():
    def fail():
        raise ValueError("foreign words")

    with pytest.raises(UsageError, match=r"gives no PNG: ValueError; convert") as caught:
        image(SimpleNamespace(_repr_png_=fail))
    assert caught.value.__context__ is None

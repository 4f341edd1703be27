"""What users may ask with."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from IPython.display import Image as ShownImage
from matplotlib.figure import Figure
from PIL import Image

from streamcell.core.prompt import image, split_system, to_messages
from streamcell.errors import UsageError
from streamcell.messages import (
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"rest"
PNG_TEXT = base64.b64encode(PNG).decode()
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"at": 3}'}}
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
        ([{"role": "user", "content": ""}], "the prompt is empty"),
        ([{"role": "user", "content": []}], "the prompt is empty"),
        (Message("user", " "), "the prompt is empty"),
        ([{"role": "user", "content": [{"type": "image", "data": "?"}]}], "no base64"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a.b/c"}}]}],
            "bytes or as a base64 data: URL, not 'http://a.b/c'",
        ),
        ([{"role": "tool", "content": "r42"}], "the 'tool_call_id' of the call"),
        ([{"role": "tool", "tool_call_id": "1", "content": [PNG]}], "'tool' is text"),
        ([{"role": "user", "tool_call_id": "1", "content": "x"}], "'tool_call_id' belongs to"),
        ([{"role": "user", "content": "x", "tool_calls": [CALL]}], "'user' holds .* not ToolCallPart"),
        ([{"role": "assistant", "content": None}], "a part of a message is text"),
        ([{"role": "assistant", "content": None, "tool_calls": 7}], "are a list, not 7"),
        ([{"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}], "a tool call has an 'id'"),
        ([{"role": "assistant", "content": "", "function_call": {"name": "f"}}], "'function_call' of"),
        ([{"role": "system", "content": [PNG]}], "'system' holds TextPart, not ImagePart"),
    ],
)
def test_what_is_no_prompt_is_refused_with_a_reason(prompt, says):
    with pytest.raises(UsageError, match=says):
        to_messages(prompt)


@pytest.mark.parametrize("arguments", ["[1]", "{", "7", 7, None])
def test_arguments_of_a_call_that_are_no_object_are_refused(arguments):
    call = {"id": "1", "function": {"name": "look", "arguments": arguments}}
    with pytest.raises(UsageError, match="are a JSON object, not"):
        to_messages([{"role": "assistant", "content": None, "tool_calls": [call]}])


def test_a_call_and_its_result_keep_their_ids_and_the_result_learns_its_name():
    given = [
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "1", "content": "r42"},
    ]
    assert to_messages(given) == (
        Message("assistant", (ToolCallPart("1", "look", {"at": 3}),)),
        Message("tool", (ToolResultPart("1", "look", "r42"),)),
    )


def test_what_the_assistant_said_stands_before_its_calls():
    (message,) = to_messages([{"role": "assistant", "content": "I look.", "tool_calls": [CALL]}])
    assert message.parts == (TextPart("I look."), ToolCallPart("1", "look", {"at": 3}))


def test_a_result_may_say_its_name_and_come_in_pieces():
    pieces = [{"type": "text", "text": "r"}, {"type": "text", "text": "42"}]
    (message,) = to_messages([{"role": "tool", "tool_call_id": "1", "name": "f", "content": pieces}])
    assert message.parts == (ToolResultPart("1", "f", "r42"),)


@pytest.mark.parametrize(
    "piece",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG_TEXT}"}},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG_TEXT}"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG_TEXT}},
        {"type": "image", "media_type": "image/png", "data": PNG_TEXT},
        {"type": "image", "media_type": "image/png", "data": PNG},
    ],
)
def test_an_image_may_be_a_dict(piece):
    (message,) = to_messages([{"role": "user", "content": [piece]}])
    assert message.parts == (ImagePart(PNG, "image/png"),)


def test_a_message_is_made_of_a_role_and_a_text():
    made = Message("user", "Hi")
    assert made == Message(role="user", content="Hi") == Message(role="user", parts=(TextPart("Hi"),))
    assert (made.parts, made.content) == ((TextPart("Hi"),), "Hi")


def test_a_message_is_made_of_texts_and_parts():
    picture = ImagePart(PNG, "image/png")
    assert Message("user", ["see", picture]).parts == (TextPart("see"), picture)


def test_a_message_is_a_value_that_survives_json():
    made = Message("assistant", ["Hi", ToolCallPart("1", "look", {"at": 3})])
    assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(made))), Message) == made
    with pytest.raises(AttributeError):
        made.role = "user"


@pytest.mark.parametrize(
    ("role", "content", "says"),
    [
        ("king", "x", "unknown role 'king'"),
        ("user", 7, "not int"),
        ("user", None, "not NoneType"),
        ("user", PNG, "not bytes; an image is ImagePart"),
        ("user", [7], "one of our parts, not int"),
        ("tool", "x", "'tool' holds ToolResultPart, not TextPart"),
        ("user", [ToolCallPart("1", "f", {})], "not ToolCallPart"),
        ("system", [ImagePart(PNG, "image/png")], "not ImagePart"),
    ],
)
def test_what_a_message_cannot_hold_is_refused_when_it_is_made(role, content, says):
    with pytest.raises(UsageError, match=says):
        Message(role, content)


@pytest.mark.parametrize(
    "messages", [(), (Message("system", "s"),), (Message("assistant", [ReasoningPart("hm")]),)]
)
def test_nothing_beside_the_system_prompt_is_an_empty_prompt(messages):
    with pytest.raises(UsageError, match="the prompt is empty"):
        split_system(messages, "s")


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


def test_axes_are_shown_in_their_figure():
    figure = Figure()
    (message,) = to_messages([{"role": "user", "content": ["what?", figure.subplots()]}])
    assert message.parts[1] == image(figure)
    assert image(Figure().subfigures()).media_type == "image/png"


def test_what_ipython_shows_is_taken_as_it_is():
    assert image(ShownImage(data=PNG)) == ImagePart(PNG, "image/png")
    jpeg = b"\xff\xd8\xff\xe0rest"
    assert image(ShownImage(data=jpeg, format="jpeg")) == ImagePart(jpeg, "image/jpeg")


def test_a_figure_that_cannot_be_drawn_is_refused_without_its_own_words():
    def fail():
        raise ValueError("foreign words")

    with pytest.raises(UsageError, match=r"gives no PNG: ValueError; convert") as caught:
        image(SimpleNamespace(_repr_png_=fail))
    assert caught.value.__context__ is None

"""Images that a cell shows the model: `{name}`, `--image`, and what a cell showed last."""

import re
from functools import partial

import pytest
from IPython.display import Image as ShownImage
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

from streamcell.core.script import Script
from streamcell.notebook import images
from streamcell.testing import WireServer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
ONE = re.compile(r'"url": "<image/png, ([\d,]+) bytes>"')


@pytest.fixture
def ask(loaded, capsys, monkeypatch):
    """What a dry run of a cell shows, or the line that it fails with."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)

    def ask(line, prompt="What is this?"):
        loaded.run_cell(f"%%stream openai:m {line} --dry-run\n{prompt}")
        captured = capsys.readouterr()
        return captured.out + captured.err

    ask.names = loaded.user_ns
    ask.shell = loaded
    return ask


@pytest.mark.parametrize(
    "picture",
    [Figure(), Figure().subplots(), Image.new("RGB", (2, 2)), ShownImage(data=PNG, format="png")],
    ids=["figure", "axes", "PIL", "IPython"],
)
def test_a_picture_named_in_the_prompt_is_shown_with_a_mark_in_the_text(ask, picture):
    ask.names["plot"] = picture
    shown = ask("", "See {plot} and {plot}")
    assert '"See [image: plot] and [image: plot]"' in shown
    assert len(ONE.findall(shown)) == 1
    assert len(shown) < 1000


def test_an_image_goes_to_the_provider_as_it_is(loaded):
    loaded.user_ns["plot"] = ShownImage(data=PNG, format="png")
    with WireServer(Script.of("A plot")) as server:
        line = f"%%stream openai:m --base-url {server.base_url}/v1 --param pace=0 -o r"
        assert loaded.run_cell(f"{line}\nWhat is {{plot}}?").success
        (message,) = server.requests[0].body["messages"]
    assert message["role"] == "user"
    assert [part["type"] for part in message["content"]] == ["text", "image_url"]
    assert message["content"][0]["text"] == "What is [image: plot]?"


def test_a_cell_in_a_chat_keeps_its_image(loaded, capsys):
    loaded.user_ns["plot"] = ShownImage(data=PNG, format="png")
    assert loaded.run_cell("%%stream demo --param pace=0 -c pictures --new\nWhat is {plot}?").success
    capsys.readouterr()
    loaded.run_cell("%%stream openai:m -c pictures --dry-run\nAnd now?")
    assert len(ONE.findall(capsys.readouterr().out)) == 1


def test_raw_leaves_the_names_and_still_takes_the_option(ask):
    ask.names["plot"] = Figure()
    shown = ask("--raw --image plot", "See {plot}")
    assert '"See {plot}"' in shown
    assert len(ONE.findall(shown)) == 1


def test_images_are_files_and_variables_and_stand_in_their_order(ask, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    ask.names |= {"figure": Figure(), "path": path, "data": PNG}
    sizes = ONE.findall(ask(f"--image {path} --image path --image figure --image data"))
    assert [sizes[0], sizes[1], sizes[3]] == ["72"] * 3
    assert sizes[2] != "72"


def test_an_image_alone_is_a_prompt(ask):
    ask.names["data"] = PNG
    assert '"type": "text"' not in ask("--image data", "\n")


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("last", "--image last: no cell has shown an image yet"),
        ("nowhere.png", "--image nowhere.png: no variable and no file of that name"),
        ("number", "--image number: the variable is no image but of type int"),
        ("text.txt", "--image text.txt: the image is not PNG, JPEG, GIF or WebP"),
        ("large", f"--image large: the image has {images.LARGEST + 8:,} bytes, at most 10,000,000 are sent"),
        ("broken", "--image broken: this Broken gives no PNG: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(ask, image, says, tmp_path, monkeypatch):
    class Broken:
        def _repr_png_(self):
            return 1 / 0

    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("no image")
    ask.names |= {"number": 7, "large": PNG[:8] + bytes(images.LARGEST), "broken": Broken()}
    (line,) = ask(f"--image {image}").splitlines()
    assert line.startswith(f"UsageError: {says}")


# -- the last one that a cell showed ---------------------------------------------------------------------


def test_the_last_image_that_was_displayed_is_remembered(ask):
    ask.names |= {"show": display, "first": Image.new("RGB", (9, 9)), "second": ShownImage(data=PNG)}
    ask.shell.run_cell("show(first)\nshow(second)\nshow('no image')")
    assert ONE.findall(ask("--image last")) == ["72"]


def test_an_image_that_is_the_result_of_a_cell_is_remembered(ask):
    ask.names["picture"] = ShownImage(data=PNG)
    ask.shell.run_cell("picture")
    assert ONE.findall(ask("--image last")) == ["72"]


def test_unloading_leaves_a_listener_that_somebody_put_before_ours(loaded):
    formatter = loaded.display_formatter
    ours = formatter.format
    formatter.format = theirs = partial(ours)
    loaded.run_cell("%unload_ext streamcell")
    assert formatter.format is theirs
    assert "text/plain" in formatter.format(1)[0]

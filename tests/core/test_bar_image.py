from __future__ import annotations

import base64
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from streamcell.core import links
from streamcell.core.bar_image import ARRIVING, HEIGHT, WAITING, WIDTH, data_address

MIDDLE = HEIGHT // 2


def opened(*shares, thick=True):
    return Image.open(io.BytesIO(base64.b64decode(data_address(*shares, thick=thick).partition(",")[2])))


def colours(image, row):
    """The colours of a row as pairs of colour and width; None where nothing is drawn."""
    found: list[list[object]] = []
    for red, green, blue, alpha in (image.getpixel((x, row)) for x in range(image.width)):
        colour = f"#{red:02x}{green:02x}{blue:02x}" if alpha else None
        if not found or found[-1][0] != colour:
            found.append([colour, 0])
        found[-1][1] += 1
    return [tuple(pair) for pair in found]


def test_a_bar_is_thin_while_one_waits_and_thick_while_text_arrives():
    image = opened(0.25, 0.75)
    assert colours(image, MIDDLE) == [(WAITING, 80), (ARRIVING, 160), (None, 80)]
    assert colours(image, 0) == [(None, 80), (ARRIVING, 160), (None, 80)]


def test_without_text_there_is_no_thick_part():
    assert colours(opened(0.5, 0.5, thick=False), MIDDLE) == [(WAITING, 160), (None, 160)]


def test_text_that_comes_at_once_can_be_seen():
    assert colours(opened(1.0, 1.0), 0) == [(None, WIDTH - 4), (ARRIVING, 4)]


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_any_bar_is_a_small_image_that_may_stand_in_html(first, second, thick):
    begin, end = sorted((first, second))
    address = data_address(begin, end, thick=thick)
    assert links.carries_image(address)
    assert len(address) < 500
    image = opened(begin, end, thick=thick)
    image.load()
    assert image.size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("colour", [WAITING, ARRIVING])
@pytest.mark.parametrize("ground", [0.0, 1.0])
def test_both_colours_stand_out_on_white_and_on_black(colour, ground):
    lighter, darker = sorted((_luminance(colour), ground), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 3


def _luminance(colour):
    """WCAG 2.2, relative luminance."""
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

import base64
import io

import pytest
from PIL import Image

from streamcell.core import links
from streamcell.core.bar_image import ARRIVING
from streamcell.core.column_image import HEIGHT, WIDTH, data_address


def heights(*shares):
    """How high each column stands, in pixels above the line."""
    address = data_address(shares)
    assert links.carries_image(address)
    image = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert image.size == (WIDTH, HEIGHT)
    pitch = min(WIDTH // len(shares), 32)
    colour = (*bytes.fromhex(ARRIVING[1:]), 255)
    return [
        sum(image.getpixel((number * pitch, row)) == colour for row in range(HEIGHT - 1))
        for number in range(len(shares))
    ]


def test_columns_are_as_high_as_their_shares():
    assert heights(1.0, 0.5, 0.0) == [HEIGHT - 1, 32, 0]


def test_what_is_little_can_be_seen():
    assert heights(1.0, 0.001)[1] == 2


@pytest.mark.parametrize("count", [1, 40, 100])
def test_any_number_of_columns_fits(count):
    assert heights(*[1.0] * count) == [HEIGHT - 1] * count

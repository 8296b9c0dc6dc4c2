"""Pictures of the report in fewer bytes: pixel by pixel the same."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from radfoundry.report import encoding


def png(pixels, comment=""):
    buffer, about = io.BytesIO(), PngImagePlugin.PngInfo()
    about.add_text("Comment", comment)
    Image.fromarray(pixels).save(buffer, "PNG", pnginfo=about)
    return buffer.getvalue()


@pytest.mark.parametrize("alpha", [255, 90])
def test_every_pixel_stays_and_so_does_what_is_said_of_it(alpha):
    pixels = np.random.default_rng(0).integers(90, 120, (64, 64, 4), np.uint8)
    pixels[..., 1:3] = pixels[..., :1]
    pixels[..., 3] = alpha
    before = png(pixels, "not for diagnosis")
    kind, after = encoding.smaller(before)
    image = Image.open(io.BytesIO(after))
    assert (kind, len(after) < len(before)) == ("webp", True)
    np.testing.assert_array_equal(np.asarray(image.convert("RGBA")), pixels)
    assert image.getexif()[encoding.DESCRIPTION] == "not for diagnosis"


def test_what_is_no_picture_or_too_large_for_webp_stays_as_it_is():
    long = png(np.zeros((1, 17_000), np.uint8))
    for content in (b"", b"made up", long):
        assert encoding.smaller(content) == ("png", content)

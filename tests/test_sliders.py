"""Sliders of the report: pictures of one size and of bounded bytes, and a policy for one script."""

import base64
import hashlib
import io
import re

import numpy as np
from PIL import Image
from wiped import body, radiographs, volumes, written

from radfoundry.report import sliders


def pixels(slider):
    """Return the panes of a slider by label, (height, width, 3)."""
    return {p.label: np.asarray(Image.open(io.BytesIO(p.webp)), int) for p in slider.panes}


def test_source_sample_and_mask_lie_on_one_another_pixel_by_pixel():
    for (slider,) in (radiographs(), volumes()):
        shown = pixels(slider)
        assert list(shown) == ["Source", "Synthetic", "With mask"]
        assert len({pane.shape for pane in shown.values()}) == 1
        assert all(len(pane.webp) <= sliders.MOST_BYTES for pane in slider.panes)


def test_the_mask_is_seen_where_the_finding_lies_and_nowhere_else():
    (slider,) = radiographs()
    shown = pixels(slider)
    tinted = np.ptp(shown["With mask"], axis=-1) > 60
    rows, columns = (np.flatnonzero(tinted.any(axis)) / sliders.SIDE for axis in (1, 0))
    np.testing.assert_allclose([rows[0], rows[-1]], [1 / 2, 5 / 8], atol=0.03)
    np.testing.assert_allclose([columns[0], columns[-1]], [1 / 4, 3 / 8], atol=0.03)


def test_a_source_on_another_grid_is_left_out_and_said_to_be():
    (slider,) = sliders.of_volumes([body(32)], lambda _: body(16).image, "CT")
    assert list(pixels(slider)) == ["Synthetic", "With mask"]
    assert slider.caption.endswith("(not available: source)")


def test_the_policy_allows_the_one_script_of_the_page_and_no_other():
    html = written()
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert html.count('type="range"') == 2
    assert not re.search(r'https?:|style="|\son\w+=', html)

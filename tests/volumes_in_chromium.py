"""The report's viewer of volumes in Chromium: opened and driven by keys alone, offline.

.venv/bin/python tests/volumes_in_chromium.py [folder for screenshots]

Not collected by pytest: it needs Chromium. `tests/test_viewer.py` does the rest without one.
"""

import base64
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from chromium import Browser
from leafed import recipe, written
from PIL import Image

SOFTWARE = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
WITHOUT = ("--disable-3d-apis",)
WIDE = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
FOCUS = "document.activeElement.textContent.trim()"
TOP = "document.querySelector('.viewer').scrollIntoView({behavior: 'instant'})"
LIVE = "document.querySelector('.viewer.live') !== null"
WHERE = "document.querySelector('.where').textContent"


def pixels(browser):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(browser.screenshot()))).convert("RGB"))


def canvas(browser):
    """Return what is seen of the first canvas, (height, width, 3)."""
    browser.value(
        "document.querySelector('canvas').scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    box = [
        int(browser.value(f"document.querySelector('canvas').getBoundingClientRect().{side}"))
        for side in ("top", "bottom", "left", "right")
    ]
    top, bottom, left, right = box
    return pixels(browser)[max(top, 0) : bottom, left:right].astype(int)


def saved(browser, folder, name):
    browser.value(TOP)
    assert browser.value(WIDE), f"{name} is wider than the window"
    if folder:
        (folder / f"{name}.png").write_bytes(base64.b64decode(browser.screenshot()))


def reached(browser, text):
    """Go to a button with the tabulator."""
    for _ in range(200):
        if browser.value(FOCUS) == text:
            return
        browser.press("Tab")
    raise AssertionError(f"no button {text!r} is reached by keys")


def pressed(browser, text):
    reached(browser, text)
    before = canvas(browser)
    browser.press("Enter")
    after = canvas(browser)
    for _ in range(20):
        if np.abs(after - before).mean() > 0.05:
            return after
        after = canvas(browser)
    raise AssertionError(f"{text!r} changes nothing that is seen")


def driven(browser, folder, page):
    """Open the viewer by keys, press every kind of button, and return how much it shows."""
    browser.resize(1280, 900)
    browser.open(page)
    reached(browser, "Leaf through 2 whole volumes")
    browser.press("Enter")
    browser.until(LIVE)
    seen = canvas(browser)
    assert np.ptp(seen) > 150, "the canvas is blank"
    tinted = np.ptp(seen, axis=-1) > 40
    assert tinted.mean() > 0.01, "no label is seen"
    saved(browser, folder, "slices_1280")
    plain = pressed(browser, "Labels")
    assert (np.ptp(plain, axis=-1) > 40).mean() < tinted.mean() / 2
    saved(browser, folder, "plain_1280")
    pressed(browser, "Labels")
    pressed(browser, "Soft tissue")
    saved(browser, folder, "soft_1280")
    pressed(browser, "Wide")
    pressed(browser, "3D")
    saved(browser, folder, "solid_1280")
    pressed(browser, "Slices")
    pressed(browser, "source")
    saved(browser, folder, "source_1280")
    return float(tinted.mean())


def moved(browser):
    """Move a plane with the arrow keys, and return what the page says of the place."""
    while browser.value("document.activeElement.type") != "range":
        browser.press("Tab")
    before, said = canvas(browser), browser.value(WHERE)
    for _ in range(4):
        browser.press("ArrowRight")
    assert np.abs(canvas(browser) - before).mean() > 0.05, "no plane moves"
    return said, browser.value(WHERE)


def main(pictures=None):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = folder / "report.html"
        page.write_text(written(recipe("CT", 64, ("sample", "source")), recipe("MR", 48)))
        browser = Browser(folder / "profile", SOFTWARE)
        share = driven(browser, pictures, page)
        said = moved(browser)
        browser.resize(390, 844)
        saved(browser, pictures, "slices_390")
        assert not browser.errors, browser.errors
        asked = [url for url in browser.asked if not url.startswith(("file:", "data:"))]
        assert not asked, asked
        browser.close()
        browser = Browser(folder / "without", WITHOUT)
        browser.resize(390, 844)
        browser.open(page)
        saved(browser, pictures, "without_webgl_390")
        assert browser.value("getComputedStyle(document.querySelector('.need')).display") == "block"
        assert browser.value("document.querySelector('.open').hidden")
        assert not browser.errors, browser.errors
        browser.close()
    sys.stdout.write(
        f"by keys alone, no error, nothing asked of a network; labels tint {share:.0%} of the "
        f"view; {said[0]} -> {said[1]}; without WebGL the pictures stand alone\n"
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

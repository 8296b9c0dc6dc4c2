"""The report's sliders in Chromium: moved by keys alone, and side by side without a script.

.venv/bin/python tests/wipe_in_chromium.py [folder for screenshots]

Not collected by pytest: it needs Chromium. `tests/test_sliders.py` does the rest without one.
"""

import base64
import sys
import tempfile
from pathlib import Path

from chromium import Browser
from wiped import written

LOADED = "[...document.images].every((image) => image.complete && image.naturalWidth > 0)"
WIDE = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
VALUE = "document.activeElement.value"
PANES = "[...document.querySelectorAll('.pane')]"
SEEN = f"{PANES}.map((pane) => pane.style.getPropertyValue('--seen')).join()"
LEFTS = f"new Set({PANES}.slice(0, 3).map((pane) => pane.getBoundingClientRect().left)).size"
TOP = "document.querySelector('.compare').scrollIntoView()"


def shown(browser, folder, name):
    for width, height in ((1280, 900), (390, 844)):
        browser.resize(width, height)
        browser.value(TOP)
        assert browser.value(WIDE), f"{name} is wider than {width} pixels"
        if folder:
            (folder / f"{name}_{width}.png").write_bytes(base64.b64decode(browser.screenshot()))


def moved(browser):
    """Reach the first slider with the tabulator and move it with the arrow keys."""
    while browser.value("document.activeElement.type") != "range":
        browser.press("Tab")
    before = int(browser.value(VALUE))
    for _ in range(3):
        browser.press("ArrowRight")
    assert int(browser.value(VALUE)) == before + 3
    assert browser.value(SEEN).startswith(f"100%,{before + 3}%,0%")
    browser.press("End")
    assert browser.value(SEEN).startswith("100%,100%,100%")
    return browser.value("document.activeElement.getAttribute('aria-valuetext')")


def main(pictures=None):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        browser, page = Browser(folder / "profile"), folder / "report.html"
        page.write_text(written(size=128))
        browser.open(page)
        browser.until(LOADED)
        shown(browser, pictures, "start")
        said = moved(browser)
        shown(browser, pictures, "end")
        assert not browser.errors, browser.errors
        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.open(page)
        browser.resize(1280, 900)
        assert browser.value(LEFTS) == 3, "without a script, three pictures lie side by side"
        shown(browser, pictures, "no_script")
        assert not browser.errors, browser.errors
        browser.close()
    sys.stdout.write(f"moved by keys alone, no error; at its end it says: {said}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

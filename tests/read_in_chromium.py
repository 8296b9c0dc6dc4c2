"""Three simulated readers fill a reader study in Chromium by keys alone, and are understood.

.venv/bin/python tests/read_in_chromium.py [folder for screenshots]

Not collected by pytest: it needs Chromium. `tests/test_reader_study.py` does the same without one.
"""

import base64
import json
import sys
import tempfile
import time
from pathlib import Path

from chromium import WAIT_S, Browser
from reading import READERS, built, data_of

from radfoundry.evaluation.reader_study import answers

PROGRESS = "document.getElementById('progress').textContent"
WIDE = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
LOADED = "[...document.images].every((image) => image.complete && image.naturalWidth > 0)"


def keys_of(task, item):
    """Return what a reader presses who only looks at the numbers of things."""
    if task["choices"]:
        return [str(1 + item["number"] % len(task["choices"]))]
    return ["3", "1", "2"]


def said(task, item):
    keys = keys_of(task, item)
    return task["choices"][int(keys[0]) - 1][1] if task["choices"] else ",".join(keys)


def read(browser, page, pictures):
    """Fill one page, with a wrong answer taken back and the page opened again midway."""
    browser.open(page)
    steps = [(t, i) for t in data_of(page.read_text())["tasks"] for i in t["items"]]
    browser.press("Enter")
    browser.press("2")
    browser.press("Backspace")
    for done, (task, item) in enumerate(steps):
        if done == len(steps) // 2:
            browser.open(page)
            browser.press("Enter")
        assert browser.value(PROGRESS) == f"{done} of {len(steps)} answered"
        browser.until(LOADED)
        if item is task["items"][0] and pictures:
            shown(browser, pictures / f"{page.stem}_{task['name']}")
        for key in keys_of(task, item):
            browser.press(key)
    browser.press("Enter")
    return [{"task": t["name"], "number": i["number"], "answer": said(t, i)} for t, i in steps]


def shown(browser, stem):
    for width, height in ((1280, 800), (390, 844)):
        browser.resize(width, height)
        assert browser.value(WIDE), f"{stem.name} is wider than {width} pixels"
        Path(f"{stem}_{width}.png").write_bytes(base64.b64decode(browser.screenshot()))


def saved(file):
    end = time.monotonic() + WAIT_S
    while not file.is_file():
        assert time.monotonic() < end, f"{file.name} was not saved within {WAIT_S} s"
        time.sleep(0.05)
    return file.read_bytes()


def main(pictures=None):
    _, pages, key = built(size=256)
    with tempfile.TemporaryDirectory() as name:
        folder, files = Path(name), {}
        browser = Browser(folder / "profile")
        browser.downloads(folder)
        for reader in READERS:
            page = folder / f"{reader}.html"
            page.write_text(pages[reader])
            expected = read(browser, page, pictures)
            files[reader] = saved(folder / f"answers_{reader}.json")
            assert json.loads(files[reader])["answers"] == expected
        assert not browser.errors, browser.errors
        browser.close()
    found = answers.read(files, key)
    sys.stdout.write(f"{len(found)} answers of {len(files)} readers, by keys alone: accepted\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

"""A page in headless Chromium, driven by its own protocol through a pipe: no driver, no network."""

import fcntl
import json
import os
import shutil
import subprocess
import time
from itertools import count

FLAGS = ("--headless=new", "--no-sandbox", "--no-first-run", "--mute-audio")
FLAGS += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
FLAGS += ("--remote-debugging-pipe", "--hide-scrollbars")
VIRTUAL = {"Enter": 13, "Backspace": 8, "Tab": 9, "End": 35, "ArrowRight": 39}
WAIT_S = 120  # on a busy machine


class Browser:
    """Chromium with one page; `errors` gathers what it could not do, `asked` what it asked for."""

    def __init__(self, profile, flags=()):
        """Start it with a folder of its own; DevTools reads descriptor 3 and writes 4.

        Further flags stand in place of `--disable-gpu`.
        """
        program = shutil.which("chromium") or shutil.which("google-chrome")
        reads, self.writes = os.pipe()
        self.reads, writes = os.pipe()
        given = (*FLAGS, *(flags or ("--disable-gpu",)), f"--user-data-dir={profile}")
        command = [program, *given, "about:blank"]
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (reads, writes)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=lambda: [os.dup2(end, number) for number, end in enumerate(ends, 3)],
        )  # fmt: skip
        for end in (reads, writes, *ends):
            os.close(end)
        self.numbers, self.rest, self.session = count(1), b"", None
        self.errors, self.asked = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        given = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = given["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session and not method.startswith(("Browser.", "Target.")):
            message["sessionId"] = self.session
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.errors.append(answer["params"])
            if answer.get("method") == "Network.requestWillBeSent":
                self.asked.append(answer["params"]["request"]["url"])
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _next(self):
        while b"\0" not in self.rest:
            read = os.read(self.reads, 1 << 20)
            if not read:
                raise RuntimeError("Chromium ended")
            self.rest += read
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, path):
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.until("document.readyState === 'complete'")

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression)["result"].get("value")

    def until(self, expression):
        end = time.monotonic() + WAIT_S
        while not self.value(expression):
            assert time.monotonic() < end, f"not within {WAIT_S} s: {expression}"
            time.sleep(0.05)

    def press(self, key):
        code = VIRTUAL.get(key, ord(key[0]))
        text = {"text": "\r"} if key == "Enter" else {}  # without it Enter presses no button
        for kind in (
            {"type": "keyDown", **text} if text else {"type": "rawKeyDown"},
            {"type": "keyUp"},
        ):
            self.call("Input.dispatchKeyEvent", **kind, key=key, windowsVirtualKeyCode=code)

    def downloads(self, folder):
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip

    def screenshot(self):
        return self.call("Page.captureScreenshot", format="png")["data"]

    def close(self):
        self.call("Browser.close")
        self.process.wait(WAIT_S)

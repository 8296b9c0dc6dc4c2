"""Scripts that tests run in a fork end as they would in a process of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CODE = TESTS / "forked_scripts.py"
SCRIPT = """
import atexit, os, signal, sys
atexit.register(print, "last words")
print(sys.argv, os.getcwd(), os.environ["ASKED"], __name__, __file__)
{ending}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("forked") / "scripts"
    # It imports nothing beforehand: these scripts need nothing.
    code = f"import forked_scripts as f; f._import_what_is_named = int; f.serve({str(path)!r})"
    command = [sys.executable, "-c", code]
    server = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(TESTS)})
    waited_for(lambda: path.exists() and listens(path))
    yield path
    server.kill()


def listens(path):
    with socket.socket(socket.AF_UNIX) as asker:
        return asker.connect_ex(str(path)) == 0


def waited_for(happened):
    for _ in range(1200):
        if happened():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen within two minutes")


def ended(folder, words, ending):
    script = folder / "script.py"
    script.write_text(SCRIPT.format(ending=ending))
    told = {"cwd": folder, "env": os.environ | {"ASKED": "this"}, "timeout": 300}
    done = subprocess.run([sys.executable, *words, script], capture_output=True, text=True, **told)
    return done.returncode, done.stdout, done.stderr.splitlines()[-1:]


@pytest.mark.parametrize(
    "ending", ["", "sys.exit(3)", "sys.exit('no')", "raise ValueError('wrong')"]
)
def test_a_forked_script_says_and_returns_what_it_does_alone(place, tmp_path, ending):
    forked = ended(tmp_path, ["-I", "-S", CODE, place], ending)
    assert forked == ended(tmp_path, [], ending)
    assert "last words" in forked[1]


def test_a_forked_script_that_is_killed_has_failed(place, tmp_path):
    status, said, _ = ended(
        tmp_path, ["-I", "-S", CODE, place], "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert status == 1


def test_a_signal_to_who_asked_ends_the_script(place, tmp_path):
    script, begun = tmp_path / "script.py", tmp_path / "begun"
    text = f"open({str(begun)!r}, 'w').write(str(os.getpid()) + ';')"
    script.write_text(f"import os, time\n{text}\ntime.sleep(300)\n")
    asker = subprocess.Popen([sys.executable, "-I", "-S", CODE, place, script])
    try:
        waited_for(lambda: begun.exists() and begun.read_text().endswith(";"))
        child = Path("/proc") / begun.read_text()[:-1]
        assert child.exists()
        asker.send_signal(signal.SIGTERM)
        assert asker.wait(60) == 1
        waited_for(lambda: not child.exists())
    finally:
        asker.kill()

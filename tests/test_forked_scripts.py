"""Scripts that tests run in a fork end as they would in a process of their own."""

import os
import signal
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
def door(tmp_path_factory):
    path = tmp_path_factory.mktemp("door") / "door"
    code = f"import forked_scripts as f; f._import_what_is_named = int; f.serve({str(path)!r})"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(TESTS)}) as server:
        for _ in range(600):
            if path.exists():
                break
            time.sleep(0.1)
        yield path
        server.kill()


def ended(folder, words, ending):
    script = folder / "script.py"
    script.write_text(SCRIPT.format(ending=ending))
    told = {"cwd": folder, "env": os.environ | {"ASKED": "this"}, "timeout": 300}
    done = subprocess.run([sys.executable, *words, script], capture_output=True, text=True, **told)
    return done.returncode, done.stdout, done.stderr.splitlines()[-1:]


@pytest.mark.parametrize(
    "ending", ["", "sys.exit(3)", "sys.exit('no')", "raise ValueError('wrong')"]
)
def test_a_forked_script_says_and_returns_what_it_does_alone(door, tmp_path, ending):
    forked = ended(tmp_path, ["-I", "-S", CODE, door], ending)
    assert forked == ended(tmp_path, [], ending)
    assert "last words" in forked[1]


def test_a_forked_script_that_is_killed_has_failed(door, tmp_path):
    status, said, _ = ended(
        tmp_path, ["-I", "-S", CODE, door], "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert status == 1


def test_a_signal_to_who_asked_reaches_the_script(door, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import time\nopen({str(tmp_path / 'begun')!r}, 'w').close()\ntime.sleep(300)\n"
    )
    asker = subprocess.Popen([sys.executable, "-I", "-S", CODE, door, script])
    while not (tmp_path / "begun").exists():
        time.sleep(0.1)
    asker.send_signal(signal.SIGTERM)
    assert asker.wait(60) == 1

"""Jobs' scripts without the seconds of their imports: as `forking` for Snakemake, for what it runs.

A process that has imported all that our modules name from elsewhere forks for every script. Nothing
of ours is imported before the fork: a factory has sources of its own. What an interpreter decides
when it starts, such as the seed of hashes, is the same in all of them.

    python forked_scripts.py serve SOCKET         listens until its parent ends
    python -I -S forked_scripts.py SOCKET SCRIPT  runs a script there, as `python SCRIPT` would; one
                                                  that a signal ended has failed, with status 1
"""

import array
import json
import os
import signal
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STREAMS = (0, 1, 2)
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def run_remotely(place, script):
    """Have a script run in a child of the server, with this process's streams and environment."""
    children, early = [], []

    def pass_on(number, _):
        if children:
            os.kill(children[0], number)
        else:
            early.append(number)

    for number in PASSED_ON:
        signal.signal(number, pass_on)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(place)
    asked = {"script": script, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", STREAMS))]
    connection.sendmsg([b"*"], rights)
    connection.sendall(json.dumps(asked).encode() + b"\n")
    answers = connection.makefile()
    children.append(int(answers.readline()))
    for number in early:
        os.kill(children[0], number)
    said = answers.readline()
    return int(said) if said else 1


def serve(place):
    """Answer until the parent ends, one child for each script."""
    parent = os.getppid()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(place)
    listening.listen(64)
    _import_what_is_named()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: they tell the asker
    listening.settimeout(1)
    while os.getppid() == parent:
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            listening.close()
            connection.setblocking(True)
            _answer(connection)
        connection.close()


def _import_what_is_named():
    """Import every module of others' that a module or script of ours imports as it is read."""
    import ast
    import importlib

    named = set()
    for file in [*ROOT.glob("src/**/*.py"), *ROOT.glob("scripts/*.py")]:
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                named.add(node.module)
    for name in sorted(named):
        if not name.startswith(("_", "radfoundry")):
            importlib.import_module(name)
    importlib.import_module("snakemake.script")


def _answer(connection):
    """Run the script that is asked for, say how it ended, and end."""
    _, rights, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(4 * len(STREAMS)))
    given = array.array("i")
    given.frombytes(rights[0][2][: 4 * len(STREAMS)])
    asked = json.loads(connection.makefile().readline())
    # Tests that a shell started in the background ignore SIGINT, and so do their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for old, new in zip(given, STREAMS, strict=True):
        os.dup2(old, new)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    connection.sendall(f"{os.getpid()}\n".encode())
    connection.sendall(f"{_status(asked['script'])}\n".encode())
    os._exit(0)


def _status(script):
    """Run a script as the interpreter does and return its exit status."""
    import atexit
    import random
    import runpy
    import threading

    import numpy
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))  # it read that before
    random.seed()  # the fork copied the states of chance
    numpy.random.seed()  # noqa: NPY002
    added = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    sys.path[:] = [str(Path(script).parent), *added, *sys.path[1:]]
    sys.argv = [script]
    status = status_of(runpy.run_path, script, run_name="__main__")
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def status_of(run, *words, **named):
    """Call a program here and return the exit status that it would have alone."""
    try:
        run(*words, **named)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        sys.exit(run_remotely(*sys.argv[1:]))

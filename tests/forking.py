"""Snakemake without the seconds of its imports: a process that made them forks for every command.

Each command runs in a fresh child, which parses everything anew, so it behaves as `python -m
snakemake` does. Nothing of ours is imported before the fork: a factory has sources of its own.

    python forking.py      reads requests from stdin, a line of JSON each: folder, words, said
                           (a file for what the command prints); answers with its exit status

What its jobs run is forked likewise: see `forked_scripts`.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from forked_scripts import status_of

SCRIPTS = Path(__file__).with_name("forked_scripts.py")


def serve(imported):
    """Answer requests until stdin ends; `imported` is the module of Snakemake's command."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_status(imported, **request))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _status(imported, folder, words, said):
    """Run one command in this process and return its exit status."""
    os.chdir(folder)
    printed = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(old, new)
    sys.path[0], sys.argv = folder, ["snakemake", *words]  # as `python -m` has them
    random.seed()
    return status_of(imported.main, words)


def _forked(place):
    """Return what runs a job's script in a child of the process that listens at a socket."""

    def execute_script(self, fname, edit=False):
        python = f"{sys.executable} -I -S"
        command = f"{python} {{code:q}} {{place:q}} {{fname:q}}"
        self._execute_cmd(command, code=SCRIPTS, place=place, fname=fname)

    return execute_script


def main():
    """Serve, beside the process that runs the jobs' scripts, and end with it."""
    # Libraries read these when they are imported, so what Snakemake sets for a job comes too late.
    one_thread = dict.fromkeys((f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL")), "1")
    told = {"stdin": subprocess.DEVNULL, "stdout": sys.stderr, "env": os.environ | one_thread}
    with tempfile.TemporaryDirectory() as folder:
        place = f"{folder}/scripts"
        scripts = subprocess.Popen([sys.executable, SCRIPTS, "serve", place], **told)
        try:
            from snakemake import cli
            from snakemake.script import PythonScript

            PythonScript.execute_script = _forked(place)
            cli.get_argument_parser()  # this loads the plugins
            serve(cli)
        finally:
            scripts.kill()


if __name__ == "__main__":
    main()

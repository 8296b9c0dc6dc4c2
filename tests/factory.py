"""A copy of the whole repository in a folder of its own, to run, edit and plan in."""

import ast
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "src", "workflow", "scripts", "envs", "profiles")


@cache
def _server():
    """Start the process that runs Snakemake's commands; it ends with the tests."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, ROOT / "tests/forking.py"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)


class Factory:
    """A workflow with its results; `config` is what its config.yaml holds."""

    def __init__(self, folder: Path, config: dict):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        self.write(config)

    @classmethod
    def at(cls, folder: Path, config: dict):
        """Return a factory that lies in a folder already."""
        one = cls.__new__(cls)
        one.folder, one.config = folder, config
        return one

    def write(self, config):
        self.config = config
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def run(self, *words, ok=True):
        """Run snakemake here and return what it said."""
        with tempfile.NamedTemporaryFile("r", suffix=".txt") as file:
            words = ["--cores", "2", *map(str, words)]
            asked = {"folder": str(self.folder), "words": words, "said": file.name}
            server = _server()
            server.stdin.write(json.dumps(asked) + "\n")
            server.stdin.flush()
            answer, said = server.stdout.readline(), file.read()
        assert answer, "the process that runs snakemake ended"
        assert (int(answer) == 0) is ok, said[-6000:]
        return said

    def planned(self, *words):
        """Return the names of the rules that a dry run would run, targets left out."""
        said = self.run("--dry-run", *words)
        stages = {path.stem.split("_")[1] for path in (ROOT / "workflow/rules").glob("[1-9]*")}
        return set(re.findall(r"^rule (\w+):", said, re.M)) - stages - {"all"}

    @contextmanager
    def edited(self, path, old, new):
        """Replace text in a file for a while; its time stamp returns with its content."""
        file = self.folder / path
        before, times = file.read_text(), file.stat()
        assert old in before, f"{path} does not hold {old!r}"
        file.write_text(before.replace(old, new, 1))
        try:
            yield
        finally:
            file.write_text(before)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def touched(self, path, definition):
        """Let a function or a method of a file do one thing more for a while, without effect."""
        text = (self.folder / path).read_text()
        node = next(n for n in ast.walk(ast.parse(text)) if getattr(n, "name", "") == definition)
        if isinstance(node, ast.ClassDef):
            node = next(n for n in node.body if isinstance(n, ast.FunctionDef))
        line = text.splitlines(keepends=True)[node.body[-1].lineno - 1]
        indent = line[: len(line) - len(line.lstrip())]
        return self.edited(path, line, f"{indent}_ = 1\n{line}")

    @contextmanager
    def configured(self, dpath, value):
        """Set one value of the config for a while."""
        before = self.config
        changed = copy.deepcopy(before)
        *parents, last = dpath.split("/")
        section = changed
        for parent in parents:
            section = section[parent]
        section[last] = value
        self.write(changed)
        try:
            yield
        finally:
            self.write(before)


def small_config(every=False) -> dict:
    """Return the embedded default, as small as it still makes sense: two of its systems, or all."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["cohorts"]["films"] |= {"batch": 12}
    config["cohorts"]["films"]["phantom"]["patients"] = 12
    for name in ("xreal", "aurad"):
        config["recipes"][name] |= {"sample": {"count": 4, "steps": 2}, "batch": 4}
    few = {name: {"steps": 2, "batch": 2} for name in ("mask_diffusion", "inpainting")}
    config["recipes"]["tscr"] |= {"train": few, "sample": {"count": 6}, "batch": 6}
    config["evaluate"]["synthesis"]["recipes"] = ["medsyn"]
    if not every:  # these have tests of their own
        del config["cohorts"]["films"], config["evaluate"]["control"]
        for name in ("xreal", "aurad", "tscr"):
            del config["recipes"][name]
    for name, patients in (("site_a", 20), ("site_b", 8)):
        cohort = config["cohorts"][name]
        cohort["phantom"] |= {"patients": patients, "size": 64, "exams": [1, 1]}
        cohort["preprocess"] = {"size": 64}
        cohort.setdefault("splits", {})["duplicates"] = "ignore"  # as small as this, all look alike
        cohort["batch"] = patients
    config["cohorts"]["site_a"]["batch"] = 10
    for name, patients, size in (("chest_ct", 10, 32), ("tumours", 12 if every else 6, 32)):
        cohort = config["cohorts"][name]
        cohort["phantom"] |= {"patients": patients, "size": size}
        cohort["batch"] = patients // 2
    config["cohorts"]["chest_ct"]["preprocess"] = {"grid": [32, 32, 32]}
    config["cohorts"]["tumours"]["preprocess"]["bias_correction"] = False  # 5 s a case
    config["recipes"]["artasyn"] |= {"sample": {"count": 12}, "batch": 6}
    few = {name: {"steps": 2, "batch": 2} for name in ("low_resolution", "super_resolution")}
    config["recipes"]["medsyn"].pop("networks")  # pinned: here they are trained, a little
    config["recipes"]["medsyn"] |= {"sample": {"count": 4, "steps": 2}, "batch": 2}
    config["recipes"]["medsyn"]["train"] = few | {"text": {"steps": 2}}
    config["recipes"]["medsyn"]["filter"] = {"novelty": {"quantile": 0.0}}  # noise is no chest
    config["evaluate"] |= {"seeds": [0], "bootstrap": 50}
    probes = {"prompt": 1, "side": 1, "given": 1, "segment": 1}
    few = {"probes": probes, "batches": 1, "enlarged": 1, "feature_network": {"steps": 2}}
    few["distances"] = {"count": 32}
    config["evaluate"]["synthesis"] |= few
    config["evaluate"]["classification"] |= {"steps": 2, "arms": ["real", "real_synthetic"]}
    config["evaluate"]["anomaly"] |= {"steps": 4, "arms": ["artasyn", "reconstruction"]}
    if every:  # in one batch each, and two ways to evaluate of five: fewer jobs
        del config["evaluate"]["synthesis"], config["evaluate"]["classification"]
        for entry in (*config["cohorts"].values(), *config["recipes"].values()):
            entry["batch"] = 40
        config["evaluate"]["labels"]["methods"] = ["pbtseg", "threshold"]
    return config

"""Does a stage hold the cohort that it reads? Peak memory of jobs on so many linked phantoms.

`python benchmarks/reading.py STAGE [cases ...]` writes a few phantoms of 64^3 as preprocess and
pseudolabel do, links their files to so many cases (all but 40 in the train split), and runs
`calibrate_expert` (novelty) or `describe_real` in a process of its own. `CHECKOUT=path` measures
another checkout.
"""

import json
import os
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(os.environ.get("CHECKOUT", Path(__file__).parents[1])).resolve()
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "src")]

DIFFERENT, SIDE = 4, 64  # phantoms that all cases are links to, and their grid
STAGES = ("calibrate_expert", "describe_real")
COHORT = "results/cohorts/c"


def linked(count):
    """Write a cohort of so many cases into this folder, train and tune half each."""
    import numpy as np
    import pandas as pd
    from _images import store

    from radfoundry import tables, volume
    from radfoundry.config.catalogue import load

    chest = load("phantoms", "chest_ct")
    asked = {**chest.OPTIONS, "patients": DIFFERENT, "exams": [1, 1], "size": SIDE}
    drawn = chest.plan(asked, np.random.default_rng(5))["parameters"]
    images, labels = [], []
    for at, text in enumerate(drawn):
        case = chest.draw(json.loads(text))
        hu = case.image.holding(np.rint(case.image.voxels).astype(np.int16))
        folder = Path(f"few/{at}")
        images.append(store(SimpleNamespace(**{**vars(case), "image": hu}), folder))
        labels.append(volume.write(hu.holding(case.anatomy), folder / "labels.nii.gz"))
    rows = [{"case": f"c{n}", "patient": f"p{n}", "status": "ok"} | images[n % DIFFERENT]
            for n in range(count)]  # fmt: skip
    frame = pd.DataFrame(rows).assign(findings="", volume_scale=1.0, source_sha256="0" * 64)
    frame = frame.reindex(columns=list(tables.columns("images")))
    found = frame[["case"]].assign(structure="lungs", status="present", by="phantom")
    found["sha256"] = [labels[n % DIFFERENT] for n in range(count)]
    splits = frame[["case", "patient"]].assign(by="factory")
    splits["split"] = [*["train"] * (count - 40), *["tune"] * 4, *["test"] * 36]
    for n in range(count):
        _link(n, Path(COHORT))
    written = {"batches/b0000": (frame, "images"), "labels/m/b0000": (found, "labels")}
    for name, (table, kind) in (written | {"splits": (splits, "splits")}).items():
        table = table.reindex(columns=list(tables.columns(kind))).astype(object).fillna("")
        tables.write(table, f"{COHORT}/{name}.tsv", kind)


def _link(number, cohort):
    few, own = Path(f"few/{number % DIFFERENT}"), cohort / f"batches/b0000/c{number}"
    own.mkdir(parents=True)
    (cohort / "labels/m/b0000").mkdir(parents=True, exist_ok=True)
    for name in ("image", "anatomy", "findings"):
        os.link(few / f"{name}.nii.gz", own / f"{name}.nii.gz")
    os.link(few / "labels.nii.gz", cohort / f"labels/m/b0000/c{number}.nii.gz")


def feature_network():
    """Write a feature network that learned nothing."""
    import torch

    from radfoundry import weights
    from radfoundry.evaluation.realism import feature_sizes

    size, _ = feature_sizes.sized({})
    state = feature_sizes.build(size, 0).state_dict()
    card = {"network": "feature_network", "size": size}
    weights.write(
        weights.Weights({k: v for k, v in state.items() if torch.is_tensor(v)}, card), "f"
    )


def job(stage):
    """Return what Snakemake would give the script of a stage."""
    given = {"images": f"{COHORT}/batches/b0000.tsv", "splits": f"{COHORT}/splits.tsv"}
    options = {"options": {}, "compared": 1, "seed": 0}
    options |= {"lungs": {"segmenter": "threshold", "options": {}}}
    if stage == "calibrate_expert":
        given = {name: [path] for name, path in given.items()}
        given["labels"] = [f"{COHORT}/labels/m/b0000.tsv"]
    made = {"reference": "r.json", "scores": "s.tsv", "table": "d.parquet"}
    return SimpleNamespace(
        input=SimpleNamespace(**given, feature_network="f"),
        output=SimpleNamespace(**made),
        params=SimpleNamespace(**options),
        wildcards=SimpleNamespace(expert="novelty"),
        resources=SimpleNamespace(gpu=0),
        config={"allow_cpu": True},
        log=["log.txt"],
    )


def run(stage):
    """Run a stage's script here and print its peak memory (MB) and its CPU seconds."""
    begun = time.process_time()
    runpy.run_path(str(ROOT / f"scripts/{stage}.py"), {"snakemake": job(stage)})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    sys.stdout.write(f"{peak:,.0f} MB, {time.process_time() - begun:.0f} CPU s\n")


def main(stage, counts):
    """Measure a stage at every number of cases."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            for task in (["prepare", str(count)], ["run", stage]):
                command = [sys.executable, str(Path(__file__).resolve()), *task]
                said = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
            sys.stdout.write(f"{count} cases, {stage}: {said.stdout.decode()}")
            sys.stdout.flush()


if __name__ == "__main__":
    word, *rest = sys.argv[1:]
    if word == "prepare":
        linked(int(rest[0]))
        feature_network()
    elif word == "run":
        run(rest[0])
    else:
        main(word, [int(count) for count in rest] or [200, 800])

"""A generator with a network, and a small cohort of one folder: what a training job reads."""

import os
import signal
import time
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from _cohort import real_cases
from _encoded import write, write_card
from torch import nn

from radfoundry import tables, volume
from radfoundry.case import Case
from radfoundry.networks.layers import seeded
from radfoundry.seeds import seed
from radfoundry.training.loop import Settings, TrainingData, train
from radfoundry.weights import Weights

PAUSE_S = float(os.environ.get("PLANTED_PAUSE_S", "0"))
IMAGES = {f"case-{i}": np.full((4, 4, 4), 100 * i, np.int16) for i in range(4)}


def fit(network, data, options, rng, device, callbacks):
    """Fit a line to the means of the cases, and say on the card what it was given."""
    own = torch.Generator().manual_seed(int(rng.integers(2**62)))
    pool = torch.tensor([[float(case.image.voxels.mean()) / 300] for case in data.cases])
    with seeded(own):
        line = nn.Sequential(nn.Linear(1, 4), nn.Dropout(0.3), nn.Linear(4, 1))

    def draw(generator):
        time.sleep(PAUSE_S)
        return pool[torch.randint(len(pool), (4,), generator=generator)]

    def loss(net, batch, generator):
        return {"square": ((net(batch) - 2 * batch) ** 2).mean()}

    settings = Settings(steps=options["steps"], learning_rate=0.01, **options.get("more", {}))
    trained = train(line.to(device), draw, loss, settings, own, callbacks)
    facts = {case.name: dict(case.facts) for case in data.cases}
    return Weights(trained.state, {"facts": facts, "needs": sorted(data.networks)})


def cohort(folder):
    """Write the tables and images of a cohort; return what a training job is given of them."""
    cases = [
        {"case": name, "patient": f"p{i}", "report": f"Report {i}.", "findings": ""}
        for i, name in enumerate(IMAGES)
    ]
    tables.write(pd.DataFrame(cases), folder / "c/cases.tsv", "cases")
    splits = ["train", "train", "tune", "train"]
    known = [{"case": n, "split": s, "patient": "p"} for n, s in zip(IMAGES, splits, strict=True)]
    tables.write(pd.DataFrame(known), folder / "c/splits.tsv", "splits")
    rows = []
    for case, voxels in zip(cases, IMAGES.values(), strict=True):
        path = folder / "c/batches/b0000" / case["case"] / "image.nii.gz"
        digest = volume.write(volume.Volume(voxels, np.eye(4)), path)
        row = {"case": case["case"], "patient": case["patient"], "status": "ok", "findings": ""}
        rows.append(row | {"image_sha256": digest, "anatomy_sha256": "", "findings_sha256": ""})
    tables.write(pd.DataFrame(rows), folder / "c/batches/b0000.tsv", "images")
    only = {"cases": ["c/cases.tsv"], "splits": ["c/splits.tsv"], "images": ["c/batches/b0000.tsv"]}
    rest = {"labels": [], "encoded": ["c/encoded/b0000"], "needs": [], "start": [], "reports": []}
    given = SimpleNamespace(**only, **rest)
    encode(given, folder)
    return given


def encode(given, folder):
    """Write the encoded cases of a cohort, of every split."""
    place = folder / given.encoded[0]
    cases = real_cases([str(folder / path) for path in given.images])
    write_card({case.name: write(case, place, ()) for case in cases}, place)


def job(given, network, every=5, **options):
    """Return a training job as Snakemake would hand it to the script."""
    params = {"generator": "planted", "size": "phantom", "seed": 3, "code": "c0de"}
    return SimpleNamespace(
        input=given,
        output=SimpleNamespace(network=f"networks/{network}"),
        params=SimpleNamespace(options={"steps": 60} | options, **params),
        wildcards=SimpleNamespace(recipe="recipe", network=network),
        config={"allow_cpu": True, "checkpoint": {"steps": every, "seconds": 0}},
        log=[f"{network}.log"],
        rule="train_network",
        threads=1,
    )


def code(job):
    """Return what `_lasting.code` does for a generator that the catalogue knows."""
    return {"planted.py:fit": job.params.code}


def fit_and_stop(job, callbacks):
    """Fit to the train split; after a few steps the process that waits for us gets a warning."""
    names, steps = ("case-0", "case-1", "case-3"), count()
    none = np.zeros((4, 4, 4), np.uint8)
    images = [volume.Volume(IMAGES[name].astype(np.float32), np.eye(4)) for name in names]
    cases = [Case(name, image, none, none) for name, image in zip(names, images, strict=True)]

    def stop():
        if next(steps) == 7:
            os.kill(os.getppid(), signal.SIGUSR1)
        return callbacks.stop()

    rng = np.random.default_rng(seed(job.params.seed, "train", job.wildcards.network))
    asked = replace(callbacks, stop=stop)
    return fit("line", TrainingData(cases, {}), job.params.options, rng, "cpu", asked)

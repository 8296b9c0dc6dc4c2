"""Can a cohort of 9,000 volumes be trained on? What workers deliver, and what a training holds.

`python benchmarks/feeding.py [cases]` encodes a few phantoms, links their files to so many cases,
and trains each of MedSyn's networks for one step on them, in a process of its own: seconds to the
first step, and the peak of its memory beside what its job asks for. Crops are timed at 256^3.
"""

import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "src")]

from _encoded import read, write, write_card  # noqa: E402

from radfoundry.config import resources  # noqa: E402
from radfoundry.config.catalogue import load  # noqa: E402
from radfoundry.generators.medsyn import options, pictures, training  # noqa: E402
from radfoundry.networks import build  # noqa: E402
from radfoundry.text.encoder import model  # noqa: E402
from radfoundry.training.loop import Callbacks  # noqa: E402

DIFFERENT = 4  # phantoms that all cases are links to
SIDE, FULL = 64, 256
GPU_TFLOPS = 100  # that a card reaches in bfloat16: a third of an A100's peak
# The published blocks, narrow: four phantoms are too few for the Gaussian of the wavelet networks.
NARROW = {"size": "paper", "width": 8, "multipliers": [1, 2], "bottleneck": 1, "heads": 1}
OWN = {"size": NARROW, "steps": 1, "batch": 2, "accumulate": 1}
TRAIN = {"size": "paper", "text": {"size": "phantom", "steps": 1}, "low_resolution": OWN}
TRAIN |= {"super_resolution": {**OWN, "crop": [32, 32, 32]}}


def say(line):
    """Write one line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def phantoms():
    """Return a few phantoms of chest CT as int16 HU."""
    chest = load("phantoms", "chest_ct")
    asked = {**chest.OPTIONS, "patients": DIFFERENT, "exams": [1, 1], "size": SIDE}
    table = chest.plan(asked, np.random.default_rng(5))
    drawn = [chest.draw(json.loads(text)) for text in table["parameters"]]
    whole = [c.image.holding(np.rint(c.image.voxels).astype(np.int16)) for c in drawn]
    return [replace(c, image=image) for c, image in zip(drawn, whole, strict=True)]


def linked(folder, count):
    """Write a cohort of links to a few encoded phantoms; return the facts of its cases."""
    cases = phantoms()
    cards = [write(replace(c, name=f"p{i}"), folder / "few", [2, 4]) for i, c in enumerate(cases)]
    (folder / "all").mkdir()
    found = {}
    for number in range(count):
        own = number % DIFFERENT
        found[f"c{number}"] = cards[own]
        for part in cards[own]["parts"]:
            file = f".{part}.npy"
            os.link(folder / "few" / f"p{own}{file}", folder / "all" / f"c{number}{file}")
    write_card(found, folder / "all")
    facts = [{"case": name, "report": f"Report {name}: clear lungs."} for name in found]
    return pd.DataFrame(facts)


def first_step(network, folder, known, answer):
    """Train for one step and say how long that took, and the peak of this process's memory."""
    begun, medsyn = time.monotonic(), load("generators", "medsyn")
    cases = read([folder / "all"], known, known.assign(status="ok"))
    words = model.untrained(["Clear lungs."], "phantom", torch.Generator().manual_seed(0))
    needs = {"text": words} if network == "low_resolution" else {}
    data = SimpleNamespace(cases=cases, networks=needs)
    took = []
    callbacks = Callbacks(progress=lambda *_: took.append(time.monotonic() - begun))
    medsyn.fit(network, data, TRAIN, np.random.default_rng(0), "cpu", callbacks)
    answer.put((took[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3))


def measure_training(count):
    """Print what the first step of each network takes."""
    start = multiprocessing.get_context("spawn")
    stated = {"phantom": {"patients": count, "exams": [1, 1]}, "modality": "CT"}
    stated["preprocess"] = {"grid": [SIDE] * 3}
    asked = resources.training_mb(
        {"cohorts": {"c": stated}, "recipes": {"r": {"cohort": "c"}}}, "r"
    )
    with tempfile.TemporaryDirectory() as name:
        known = linked(Path(name), count)
        for network in ("text", "low_resolution", "super_resolution"):
            answer = start.SimpleQueue()
            child = start.Process(target=first_step, args=(network, Path(name), known, answer))
            child.start()
            child.join()
            if child.exitcode:
                raise SystemExit(f"{network}: the training failed")
            took, peak = answer.get()
            say(f"{network}: first step after {took:.0f} s, peak {peak:,.0f} of {asked:,} MB")


def measure_crops(turns=20):
    """Print the crops a second of one worker at 256^3, and how many a step wants."""
    chosen = options.chosen({"size": "workstation"})["super_resolution"]
    small, times = phantoms()[0], FULL // SIDE
    voxels, labels = (
        part.repeat(times, 0).repeat(times, 1).repeat(times, 2)
        for part in (small.image.voxels, small.anatomy)
    )
    with tempfile.TemporaryDirectory() as name:
        image = replace(small.image, voxels=voxels)
        case = replace(small, image=image, anatomy=labels, findings=np.zeros_like(labels))
        begun = time.monotonic()
        write_card({small.name: write(case, Path(name), [4])}, Path(name))
        say(f"encoding a case of {FULL}^3: {time.monotonic() - begun:.1f} s, once")
        known = pd.DataFrame([{"case": small.name}])
        crops = pictures.Crops(read([name], known, known.assign(status="ok")), chosen)
        own, begun = torch.Generator().manual_seed(0), time.process_time()
        for _ in range(turns):
            crops(own)
        each = (time.process_time() - begun) / turns / chosen["batch"]
    step = chosen["batch"] * chosen["accumulate"]
    wants = step_seconds(chosen)
    workers = each * step / wants
    say(
        f"{1 / each:.1f} crops a second per worker; a step of {step} crops: {each * step:.2f} CPU s"
    )
    say(f"a step at {GPU_TFLOPS} TFLOPS takes {wants:.2f} s: {workers:.1f} workers feed it")


def step_seconds(chosen):
    """Return how long a step of super-resolution takes: forward and backward, counted alone."""
    card = {"network": "super_resolution", "text_width": 0, **chosen}
    card["size"] = build.named(options.TABLES["super_resolution"], chosen["size"])
    with torch.device("meta"):
        network = build.build(card["size"], card["objective"], **training.wiring(card))
        sides = chosen["crop"][::-1]
        noisy = torch.zeros(1, card["channels"], *sides)
        with FlopCounterMode(display=False) as counted, torch.no_grad():
            network(noisy, torch.zeros(1), concat=noisy)
    flops = 4 * counted.get_total_flops()  # backward is twice forward; checkpointing runs it again
    return chosen["batch"] * chosen["accumulate"] * flops / (GPU_TFLOPS * 1e12)


if __name__ == "__main__":
    torch.set_num_threads(1)
    measure_crops()
    measure_training(int(sys.argv[1]) if len(sys.argv) > 1 else 9000)

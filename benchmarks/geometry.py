"""Millilitres of lungs that a network draws at two voxel sizes, told the size or not.

    python benchmarks/geometry.py CASES STEPS SAMPLES

Phantom chests lie in fields of view that have nothing to do with their bodies, so that lungs of one
cohort have the same millilitres at any voxel size. A narrow low-resolution network of the published
design learns them without text and draws lungs at a small and a large voxel, from the same chance:
`told` the size, and `averaged`, drawn for the average one and measured with it, as samples were
that had a random patient's spacing. The ratio of means (large over small) should be 1; intervals
are bootstrapped over samples.
"""

import json
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch

from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.data import channels
from radfoundry.diffusion.guidance import guided
from radfoundry.diffusion.objectives import OBJECTIVES
from radfoundry.diffusion.samplers import Sampling, Streams, sample
from radfoundry.generators import medsyn
from radfoundry.generators.medsyn import batches, geometry, training
from radfoundry.text.encoder import model

SIDE = 24  # voxels along an axis
ACROSS, LONG = (380.0, 560.0), 0.9  # mm: width of the field of view; height over width
SIZE = {"size": "paper", "width": 16, "multipliers": [1, 2], "bottleneck": 1, "heads": 2}
LOW = {"size": SIZE, "factor": 2, "batch": 4, "accumulate": 1, "precision": "float32"}
LOW |= {"text": False, "given": 0.0, "shift": 0, "learning_rate": 2e-3, "warmup": 20, "ema": 0.98}


def chests(count: int, seed: int) -> list[Case]:
    """Return phantoms without findings in fields of view drawn by themselves."""
    chest, rng = load("phantoms", "chest_ct"), np.random.default_rng(seed)
    options = {**chest.OPTIONS, "patients": count, "exams": [1, 1], "size": SIDE, "findings": {}}
    cases = []
    for row in chest.plan(options, rng).to_dict("records"):
        parameters, across = json.loads(row["parameters"]), rng.uniform(*ACROSS)
        middle, half = np.mean(parameters["span_mm"][1:]), across * LONG / 2
        parameters["span_mm"] = [across, middle - half, middle + half]
        drawn = chest.draw(parameters)
        cases.append(replace(drawn, name=row["case"], facts={"report": "Normal chest."}))
    return cases


def trained(cases: list[Case], steps: int) -> torch.nn.Module:
    """Return a low-resolution network, ready to draw, and its card."""
    generator = torch.Generator().manual_seed(0)
    words = model.untrained(["Normal chest."], "phantom", generator)
    options = {"size": "paper", "objective": "flow", "low_resolution": {**LOW, "steps": steps}}
    data = SimpleNamespace(cases=cases, networks={"text": words})
    weights = medsyn.fit("low_resolution", data, options, np.random.default_rng(0))
    return training.rebuilt(weights, "cpu"), weights.card


def drawn_ml(network: torch.nn.Module, card: dict, told: list | None, size: list, count: int):
    """Return the ml of lungs (count,) drawn for voxels of `told` mm, measured with `size`, mm."""
    full = np.zeros((1, SIDE, SIDE, SIDE))
    condition = geometry.condition(card, told, full, "cpu")
    condition = {name: values.expand(count, -1) for name, values in condition.items()}
    streams = Streams(range(count), (4, *card["space"]), "cpu")
    drawn = sample(
        guided(network, condition), streams, OBJECTIVES["flow"].schedule, Sampling(steps=8)
    )
    lobes = batches.laid(drawn, card)[:, 1]
    inside = (lobes > channels.LUNG_FROM).flatten(1).sum(1).numpy()
    return inside * np.prod(size) * card["factor"] ** 3 / 1000


def ratio(small: np.ndarray, large: np.ndarray) -> str:
    """Return the ratio of means with its 95 % interval, samples drawn again together."""
    rows = np.random.default_rng(0).integers(len(small), size=(2000, len(small)))
    low, high = np.quantile(large[rows].mean(1) / small[rows].mean(1), [0.025, 0.975])
    return f"{large.mean() / small.mean():.2f} ({low:.2f} to {high:.2f})"


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Print one row per arm."""
    cases, steps, count = (int(word) for word in sys.argv[1:])
    cohort, begun = chests(cases, 0), time.process_time()
    network, card = trained(cohort, steps)
    say(f"{cases} cases, {steps} steps, {time.process_time() - begun:.0f} CPU s")
    sizes = np.array([case.image.spacing_mm for case in cohort])
    ends = [np.quantile(sizes, share, axis=0).tolist() for share in (0.1, 0.9)]
    true = [
        np.prod(case.image.spacing_mm) * (channels.encode(case)[1] > channels.LUNG_FROM).sum()
        for case in cohort
    ]
    say(f"cases: {np.mean(true) / 1000:.0f} ml, SD {np.std(true) / 1000:.0f}")
    for arm in ("told", "averaged"):
        found = [drawn_ml(network, card, s if arm == "told" else None, s, count) for s in ends]
        means = ", ".join(f"{ml.mean():.0f} ml (SD {ml.std():.0f})" for ml in found)
        say(f"{arm}: {means}; ratio {ratio(*found)}; n {count}")


if __name__ == "__main__":
    main()

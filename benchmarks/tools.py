"""Dice and time of the real tools with networks that were trained on phantoms.

    python benchmarks/tools.py [CASES] [SEED]

CASES unseen phantoms of each site, 64 voxels along each axis, drawn with a seed that no choice was
made with. Says nothing about the published networks.
"""

import json
import sys
import time
from collections import defaultdict

import numpy as np

from radfoundry.config.catalogue import load
from radfoundry.evaluation.metrics import overlap
from radfoundry.phantoms import chest_ct

WAYS = (("totalsegmentator", {}), ("lungmask", {}))
FINDINGS = {"pleural_effusion": 0.25, "emphysema": 0.2, "cardiomegaly": 0.2, "nodule": 0.15}


def drawn(options: dict, seed: int) -> list:
    """Return the phantoms of a plan."""
    planned = chest_ct.plan(options, np.random.default_rng(seed))
    return [chest_ct.draw(json.loads(parameters)) for parameters in planned["parameters"]]


def unseen(cases: int, seed: int) -> list:
    """Return phantoms of both sites."""
    common = {"patients": cases, "exams": [1, 1], "size": 64, "findings": FINDINGS}
    return [c for site in chest_ct.SITES for c in drawn({**common, "site": site}, seed)]


def main(cases: str = "5", seed: str = "2026") -> None:
    """Print one row per tool and region."""
    sys.stdout.write("| tool | fit, CPU s | a case, CPU s | region | n | mean Dice | least |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    tests = unseen(int(cases), int(seed))
    for name, options in WAYS:
        tool = load("segmenters", name)
        learned = drawn(tool.phantoms(options), 7)
        begun = time.process_time()
        weights = tool.fit(options, np.random.default_rng(7), "cpu", learned)
        fitted = time.process_time() - begun
        label, found = tool.prepare(options, weights), defaultdict(list)
        begun = time.process_time()
        for case in tests:
            dice = overlap.of_regions(label(case.image), case.anatomy, tool.structures(options))
            for region, value in dice.items():
                found[region].append(value)
        each = (time.process_time() - begun) / len(tests)
        for region, values in sorted(found.items()):
            cells = f"{len(values)} | {np.mean(values):.3f} | {np.min(values):.3f}"
            sys.stdout.write(f"| {name} | {fitted:.0f} | {each:.1f} | {region} | {cells} |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

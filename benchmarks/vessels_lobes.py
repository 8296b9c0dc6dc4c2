"""Measure vessels and lobes without weights against the truth of phantoms.

`python benchmarks/vessels_lobes.py [patients] [voxels along each axis] [site] [truth|found]`: the
last word says whose lungs are given, the phantom's or those that the library finds itself.
"""

import json
import sys
import time
from collections import defaultdict

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.anatomy.chest_ct import air, airways, lobes, vessels
from radfoundry.case import Case
from radfoundry.config.catalogue import load
from radfoundry.evaluation.metrics.overlap import dice


def main(patients: int, size: int, site: str, masks: str) -> None:
    """Print for vessels and each lobe n, mean and least Dice, and the CPU seconds of a case."""
    phantom = load("phantoms", "chest_ct")
    options = {"patients": patients, "exams": [1, 1], "size": size, "site": site}
    plan = phantom.plan(options, np.random.default_rng(7))
    scores: dict[str, list[float]] = defaultdict(list)
    for text in plan["parameters"]:
        for name, value in measured(phantom.draw(json.loads(text)), masks).items():
            scores[name].append(value)
    sys.stdout.write("| what | n | mean | least | most |\n|---|---|---|---|---|\n")
    for name, values in scores.items():
        mean, least, most = np.nanmean(values), np.nanmin(values), np.nanmax(values)
        known = np.isfinite(values).sum()
        sys.stdout.write(f"| {name} | {known} | {mean:.3f} | {least:.3f} | {most:.3f} |\n")


def measured(case: Case, masks: str) -> dict[str, float]:
    """Return Dice of vessels and lobes, and CPU seconds, of one case."""
    hu = case.image.voxels
    spacing_mm = tuple(float(v) for v in np.linalg.norm(case.image.affine[:3, :3], axis=0))
    names = ("lung_right", "lung_left", "airway")
    right, left, airway = (regions.mask(case.anatomy, name) for name in names)
    if masks == "found":
        inside = air.body(hu, spacing_mm)
        airway = airways.airways(hu, spacing_mm, inside)
        right, left = air.lungs(hu, spacing_mm, inside, airway)
    begun = time.process_time()
    tree = vessels.vessels(hu, right | left, spacing_mm)
    between = time.process_time()
    parts, how = lobes.lobes(hu, right, left, tree, airway, spacing_mm)
    ended = time.process_time()
    found = {"lung_vessel": tree, **parts}
    answer = {name: dice(mask, regions.mask(case.anatomy, name)) for name, mask in found.items()}
    answer["five lobes"] = float(np.mean([answer[name] for name in parts]))
    answer["fissures seen"] = float(np.mean([word == "fissures" for word in how.values()]))
    return answer | {"vessels s": between - begun, "lobes s": ended - between}


if __name__ == "__main__":
    given = dict(enumerate(sys.argv))
    main(int(given.get(1, 20)), int(given.get(2, 128)), given.get(3, "a"), given.get(4, "truth"))

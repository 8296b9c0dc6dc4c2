"""Measure the segmenter `threshold` on phantoms, and on real chests whose labels are at hand.

    python benchmarks/threshold.py SIZE PATIENTS SEED [FOLDER]

SIZE is the phantoms' voxels along each axis, PATIENTS their number per site; FOLDER may hold
`ct_cip_64` and `ct_totalseg_example`, real scans with labels of lungs.
"""

import json
import sys
import time
from collections import defaultdict
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK

from radfoundry.anatomy import regions
from radfoundry.evaluation.metrics.clinical import cardiothoracic_ratio
from radfoundry.phantoms import chest_ct
from radfoundry.segmenters import threshold
from radfoundry.volume import Volume

REGIONS = (
    *("lungs", "lung_right", "lung_left", *threshold.LOBES),
    *("lung_vessel", "airway", "heart", "pleural_space"),
)
FINDINGS = {
    "pleural_effusion": 0.5, "consolidation": 0.2, "cardiomegaly": 0.3, "emphysema": 0.2,
    "opacity": 0.1, "ground_glass": 0.1, "nodule": 0.15,
}  # fmt: skip


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Dice of two masks, NaN where both are empty."""
    total = one.sum() + other.sum()
    return 2 * (one & other).sum() / total if total else float("nan")


def phantoms(size: int, patients: int, seed: int) -> dict[str, list[float]]:
    """Return all figures of phantoms of both sites."""
    figures = defaultdict(list)
    label = threshold.prepare({})
    for site in chest_ct.SITES:
        options = {
            "patients": patients, "exams": [1, 1], "size": size, "site": site, "findings": FINDINGS,
        }  # fmt: skip
        for text in chest_ct.plan(options, np.random.default_rng(seed)).parameters:
            case = chest_ct.draw(json.loads(text))
            begun = time.process_time()
            labels = label(case.image)
            figures["CPU seconds"].append(time.process_time() - begun)
            compare(figures, case, labels)
    return figures


def compare(figures: dict[str, list[float]], case, labels: np.ndarray) -> None:
    """Add one phantom's figures."""
    for region in REGIONS:
        truth = regions.mask(case.anatomy, region)
        if truth.any():
            figures[f"Dice {region}"].append(dice(regions.mask(labels, region), truth))
    fluid = regions.mask(labels, "pleural_space").sum()
    truth = regions.mask(case.findings, "pleural_effusion").sum()
    millilitres = np.prod(case.image.spacing_mm) / 1000
    if truth:
        figures["effusion, volume / truth"].append(fluid / truth)
        figures["effusion, |error| %"].append(100 * abs(fluid / truth - 1))
    else:
        figures["no effusion, ml found"].append(fluid * millilitres)
    figures["cardiothoracic ratio, |error|"].append(
        abs(cardiothoracic_ratio(labels) - cardiothoracic_ratio(case.anatomy))
    )


def real(folder: Path) -> dict[str, list[float]]:
    """Return the Dice of real scans with labels."""
    figures = defaultdict(list)
    label = threshold.prepare({"lobes": False, "vessels": False})
    scan = folder / "ct_cip_64"
    if scan.is_dir():
        image, truth = (nrrd(scan / f"{name}-64.nrrd") for name in ("ct", "lm"))
        labels = label(image)
        region, kind = truth.voxels & 255, truth.voxels >> 8
        for name, mask in (("lungs", region > 0), ("airway", kind == 2)):
            figures[f"ct_cip_64, Dice {name}"].append(dice(regions.mask(labels, name), mask))
        sides = {"lung_right": region > 11, "lung_left": (region > 0) & (region < 12)}
        for name, mask in sides.items():
            figures[f"ct_cip_64, Dice {name}"].append(dice(regions.mask(labels, name), mask))
    scan = folder / "ct_totalseg_example"
    for name, reference in (("ct_small", "ct_small_totalseg_117"), ("ct_3mm", "totalseg_117_fast")):
        if scan.is_dir():
            image, network = (nifti(scan / f"{stem}.nii.gz") for stem in (name, reference))
            lungs = regions.mask(label(image), "lungs")
            lobes = np.isin(network.voxels, range(10, 15))
            figures[f"{name}, Dice lungs to network"].append(dice(lungs, lobes))
    return figures


def nrrd(path: Path) -> Volume:
    """Return an NRRD file in RAS+ order (the files here are in LPS order)."""
    image = SimpleITK.ReadImage(str(path))
    voxels = SimpleITK.GetArrayFromImage(image).T[::-1, ::-1]
    return Volume(np.ascontiguousarray(voxels), np.diag([*image.GetSpacing(), 1.0]))


def nifti(path: Path) -> Volume:
    """Return a NIfTI file in RAS+ order."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return Volume(np.asarray(image.dataobj), image.affine)


def main(size: str, patients: str, seed: str, folder: str = "") -> None:
    """Print n, mean, least and largest of every figure."""
    figures = dict(phantoms(int(size), int(patients), int(seed)))
    if folder:
        figures |= real(Path(folder))
    sys.stdout.write("| figure | n | mean | least | largest |\n|---|---|---|---|---|\n")
    for name, values in figures.items():
        row = np.nanmean(values), np.nanmin(values), np.nanmax(values)
        shown = " | ".join(f"{value:.3f}" for value in row)
        sys.stdout.write(f"| {name} | {len(values)} | {shown} |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

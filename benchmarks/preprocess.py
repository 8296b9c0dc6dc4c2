"""Time and weigh the preprocessing of one volume: python benchmarks/preprocess.py [voxels a side].

Each way runs in a process of its own, on one core. A torso of ellipsoids with noise stands for the
patient: cost depends on sizes, not on anatomy. The limit for a CT of 256 voxels a side without an
atlas is 5 s and 3 GB.
"""

import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from radfoundry.data import preprocess
from radfoundry.data.gate import Raw
from radfoundry.data.preprocess import atlas
from radfoundry.volume import Volume

WAYS = {
    "CT, cropped to the body": ("CT", {}),
    "CT, 1 mm": ("CT", {"spacing_mm": [1.0, 1.0, 1.0]}),
    "CT, 256 x 256 x 256": ("CT", {"grid": [256, 256, 256]}),
    "CT, 64 x 64 x 64": ("CT", {"grid": [64, 64, 64]}),
    "CT, atlas of 256 x 256 x 256": ("CT", {"atlas": True, "grid": [256, 256, 256]}),
    "MR, N4, cropped": ("MR", {}),
    "MR, no N4, cropped": ("MR", {"bias_correction": False}),
}
WIDTH_MM, SLICES_MM = 400.0, 320.0


def torso(side: int) -> Volume:
    """Return a cube of HU with a body, two lungs and noise; the affine is oblique by 5 degrees."""
    x, y, z = (
        np.linspace(-1, 1, side, dtype=np.float32).reshape(s)
        for s in np.eye(3, dtype=int) * (side - 1) + 1
    )
    hu = np.random.default_rng(0).normal(0, 20, (side,) * 3).astype(np.float32)
    hu += np.where((x / 0.85) ** 2 + (y / 0.6) ** 2 < 1, np.float32(40), np.float32(-1000))
    for middle in (-0.4, 0.4):
        hu[((x - middle) / 0.3) ** 2 + (y / 0.4) ** 2 + (z / 0.8) ** 2 < 1] -= 890
    turn = np.deg2rad(5)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    return Volume(hu, affine @ np.diag([WIDTH_MM / side] * 2 + [SLICES_MM / side, 1.0]))


def lungs(image: Volume) -> np.ndarray:
    """Mark the drawn lungs."""
    return (image.voxels > -930) & (image.voxels < -700)


def measured(way: str, side: int) -> tuple[float, float, float]:
    """Return seconds of the image, seconds of labels there and back, and peak GB."""
    modality, options = WAYS[way]
    image = torso(side)
    image = image if modality == "CT" else image.holding(np.maximum(image.voxels + 1000, 0))
    marks = (image.voxels > -500).astype(np.uint8)
    extra = {}
    if options.get("atlas"):
        mask = image.holding(lungs(image))
        extra = {"atlas": atlas.build([mask], options["grid"], None, 0), "lungs": lungs}
    begun = time.process_time()
    _, record = preprocess.volumetric(Raw(image, "", True), modality, options, **extra)
    middle = time.process_time()
    preprocess.restore(preprocess.like(marks, record), record)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return middle - begun, time.process_time() - middle, peak


def main() -> None:
    """Print a table of CPU seconds and peak memory."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    sys.stdout.write("| way | image s | labels there and back s | peak GB |\n|---|---|---|---|\n")
    for way in WAYS:
        spawning = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, spawning) as one:
            image, labels, peak = one.submit(measured, way, side).result()
        sys.stdout.write(f"| {way} | {image:.2f} | {labels:.2f} | {peak:.2f} |\n")


if __name__ == "__main__":
    main()

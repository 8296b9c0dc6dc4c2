"""Bring chest CT to 1.5 mm: read, orient, resample, clip, write; against MONAI's transforms."""

import os
from collections.abc import Iterator
from pathlib import Path

import harness

TITLE = "preprocess: 8 CT of 256^3 to 1.5 mm"
PEER = "MONAI's LoadImage, Orientation, Spacing, ScaleIntensityRange and SaveImage in one process"
PAIRS = 3
PROFILE = (
    "of 2.3 CPU s of a case SimpleITK resamples for .52; axes are brought into order for .35, the"
    " gate looks at the grid and for what is no anatomy for .36 and .12, files are unpacked for .25"
    " and packed for .22; clipping, rounding and copies are the rest (cProfile, two cases,"
    " 2026-12-01). Resampling, reading and writing alone would be 1.0: five times less than MONAI."
)
CLAIMS = (
    harness.ratio("CPU of MONAI over ours, which keeps its integrity checks", "cpu_s", 5),
    harness.ratio("wall of MONAI over ours, one process each", "wall_s", None),
)
SOURCE_MM, TARGET_MM, WINDOW_HU = 1.6, 1.5, (-1024.0, 600.0)  # nothing is smoothed on a finer grid
LOOKS = 20_000  # voxels of each output that are compared with the scan
NEAR_HU = 0.51 + 0.05  # rounding to whole numbers, and affines in single precision


def prepare(folder: Path, small: bool) -> None:
    """Write one drawn CT, and links to it."""
    import numpy as np
    from preprocess import torso

    from radfoundry import volume

    drawn = torso(64 if small else 256)
    affine = drawn.affine @ np.diag([*(SOURCE_MM / np.array(drawn.spacing_mm)), 1.0])
    inside = np.clip(drawn.voxels, -1000, WINDOW_HU[1])  # ours clips before it interpolates
    volume.write(volume.Volume(volume.to_int16(inside), affine), folder / "ct0.nii.gz")
    for number in range(1, 2 if small else 8):
        os.link(folder / "ct0.nii.gz", folder / f"ct{number}.nii.gz")


def _cases(folder: Path) -> Iterator[Path]:
    return folder.glob("ct*.nii.gz")


def ours(folder: Path) -> None:
    """Let each through the gate, onto its grid and into the store, as preprocess_batch does."""
    from radfoundry import volume
    from radfoundry.data import gate, preprocess

    options = {"spacing_mm": [TARGET_MM] * 3, "crop_body": False, "window_hu": WINDOW_HU}
    for path in _cases(folder):
        ready, _ = preprocess.volumetric(gate.read(path, None, "CT"), "CT", options)
        whole = ready.holding(volume.to_int16(ready.voxels))
        volume.write(whole, folder / "ours" / path.name)


def peer(folder: Path) -> None:
    """Do the same with MONAI's own transforms."""
    import torch
    from monai import transforms

    torch.set_num_threads(1)
    written = {"output_dir": folder / "peer", "output_postfix": "", "separate_folder": False}
    steps = transforms.Compose(
        [
            transforms.LoadImage(image_only=True, ensure_channel_first=True),
            transforms.Orientation(axcodes="RAS"),
            transforms.Spacing(pixdim=(TARGET_MM,) * 3, mode="bilinear"),
            transforms.ScaleIntensityRange(*WINDOW_HU, *WINDOW_HU, clip=True),
            transforms.Lambda(torch.round),
            transforms.SaveImage(**written, output_dtype="int16", resample=False, print_log=False),
        ]
    )
    for path in _cases(folder):
        steps(path)


SIDES = {"ours": ours, "MONAI": peer}


def equal(folder: Path) -> str:
    """Hold voxels of both outputs against the scan, interpolated where each of them lies.

    The two center their grids differently, so that their voxels do not coincide.

    Raises:
        UnequalError: A value is off, or one covers less of the scan.
    """
    from radfoundry import volume

    scan = volume.read(folder / "ct0.nii.gz")
    worst = 0.0
    for side in ("ours", "peer"):
        made = volume.read(folder / side / "ct0.nii.gz")
        worst = max(worst, _largest_error(scan, made))
        lacking = [
            scan.voxels.shape[axis] * SOURCE_MM - made.voxels.shape[axis] * made.spacing_mm[axis]
            for axis in range(3)
        ]
        if worst > NEAR_HU or max(lacking) > SOURCE_MM:
            raise harness.UnequalError(f"{side}: off by {worst:.2f} HU, short by {lacking} mm")
    return (
        f"{LOOKS} voxels of each output are the scan's linear interpolation where they lie, at most"
        f" {worst:.2f} HU off (they are whole numbers), and both cover the scan"
    )


def _largest_error(scan, made) -> float:
    import numpy as np
    from scipy import ndimage

    rng = np.random.default_rng(0)
    at = np.stack([rng.integers(0, count, LOOKS) for count in made.voxels.shape] + [np.ones(LOOKS)])
    there = np.linalg.solve(scan.affine, made.affine @ at)[:3]
    last = np.array(scan.voxels.shape)[:, None] - 1
    within = ((there >= 0) & (there <= last)).all(axis=0)
    wanted = ndimage.map_coordinates(scan.voxels.astype(float), there[:, within], order=1)
    found = made.voxels[tuple(at[:3, within].astype(int))]
    return float(np.abs(np.clip(wanted, *WINDOW_HU) - found).max())

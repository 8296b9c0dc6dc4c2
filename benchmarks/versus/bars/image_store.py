"""Write volumes of int16 and read them back, against nibabel's own .nii.gz."""

from pathlib import Path

import harness

TITLE = "image store: write and read volumes of 256^3, int16"
PEER = "nibabel's `.nii.gz`"
PROFILE = (
    "of .38 CPU s of a round trip isal packs for .23 and unpacks for .11; header, copies and the"
    " digest are the rest. nibabel takes .59 and .25, at the same level and for the same bytes: CT"
    " with noise is packed to 57 % only (time.process_time, 2026-11-30)."
)
CLAIMS = (
    harness.ratio("CPU of nibabel over ours", "cpu_s", 6),
    harness.ratio("bytes of nibabel over ours: no larger", "bytes", 1),
    harness.ratio("wall of nibabel over ours", "wall_s", None),
)
DIFFERENT, TIMES = 2, 6  # volumes, and how often each is written and read


def prepare(folder: Path, small: bool) -> None:
    """Draw CT as plain arrays."""
    import numpy as np
    from preprocess import torso

    from radfoundry import volume

    image = torso(96 if small else 256)
    voxels = volume.to_int16(image.voxels)
    np.save(folder / "affine.npy", image.affine)
    for number in range(DIFFERENT):
        np.save(folder / f"{number}.npy", np.asfortranarray(np.roll(voxels, number, axis=2)))


def ours(folder: Path) -> dict[str, float]:
    """Write and read with the factory's one image type."""
    from radfoundry import volume

    def write(voxels, affine, path):
        volume.write(volume.Volume(voxels, affine), path)

    return _round_trips(folder, "ours", write, lambda path: volume.read(path).voxels)


def peer(folder: Path) -> dict[str, float]:
    """Write and read with nibabel."""
    import nibabel
    import numpy as np

    def write(voxels, affine, path):
        nibabel.Nifti1Image(voxels, affine).to_filename(path)

    read = lambda path: np.asanyarray(nibabel.load(path).dataobj)  # noqa: E731
    return _round_trips(folder, "peer", write, read)


SIDES = {"ours": ours, "nibabel": peer}


def _round_trips(folder: Path, name: str, write, read) -> dict[str, float]:
    import numpy as np

    affine, size = np.load(folder / "affine.npy"), 0
    for number in range(DIFFERENT):
        voxels, path = np.load(folder / f"{number}.npy"), folder / f"{name}_{number}.nii.gz"
        for _ in range(TIMES):
            write(voxels, affine, path)
            if not np.array_equal(read(path), voxels):
                raise harness.UnequalError(f"{path.name} does not come back as it was")
        size += path.stat().st_size
    return {"bytes": size}


def equal(folder: Path) -> str:
    """Let nibabel read what both wrote, and ours what nibabel wrote: all voxels and places agree.

    Raises:
        UnequalError: They do not.
    """
    import nibabel
    import numpy as np

    from radfoundry import volume

    for number in range(DIFFERENT):
        voxels, paths = np.load(folder / f"{number}.npy"), _paths(folder, number)
        images = [nibabel.load(path) for path in paths]
        found = [np.asanyarray(image.dataobj) for image in images]
        found.append(volume.read(paths[1]).voxels)
        alike = all(np.array_equal(one, voxels) and one.dtype == np.int16 for one in found)
        if not alike or not np.allclose(images[0].affine, images[1].affine, atol=1e-4):
            raise harness.UnequalError(f"volume {number} differs between the two files")
    return "every voxel, type and affine, each side's file read by the other's reader"


def _paths(folder: Path, number: int) -> list[Path]:
    return [folder / f"{name}_{number}.nii.gz" for name in ("ours", "peer")]

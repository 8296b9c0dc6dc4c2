"""Which structures a volume could not have shown: the image ends where they would lie.

A structure that is not found is absent only where it was looked for in full view. The lungs say how
far the view reaches up and down, since every structure here lies at a known height beside them; the
body says how far it reaches to the sides.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from radfoundry.anatomy import regions
from radfoundry.anatomy.quality.status import Quality

AIR_HU = -500  # between air and tissue
# Faces of the image, and toward which of them each structure lies.
PLACES: Mapping[str, tuple[str, ...]] = {
    "lung_right": ("right",), "lung_left": ("left",), "lung_upper_lobe_right": ("right", "top"),
    "lung_middle_lobe_right": ("right", "bottom"), "lung_lower_lobe_right": ("right", "bottom"),
    "lung_upper_lobe_left": ("left", "top"), "lung_lower_lobe_left": ("left", "bottom"),
    "airway": ("top",), "heart": ("bottom",), "pleural_space": ("bottom",), "kidney": ("bottom",),
}  # fmt: skip
LEAST_SHARE = 0.005  # of the outermost slice is lung: the lungs go on beyond it
SIDE_SHARE = 0.2  # of an outermost sagittal plane is tissue: the body goes on beyond it


def tissue_of(voxels: np.ndarray) -> np.ndarray:
    """Return which voxels are the body: not air in CT, more than the mean signal in MR."""
    return voxels > (AIR_HU if voxels.min() < AIR_HU else float(voxels.mean()))


def cut_faces(labels: np.ndarray, voxels: np.ndarray, field: tuple[slice, ...]) -> set[str]:
    """Return the faces of an image, of `top`, `bottom`, `right` and `left`, that cut the chest.

    Args:
        labels: Anatomy map (X, Y, Z); x grows to the patient's right, z to the head.
        voxels: HU, or the signal of MR, on the same grid.
        field: Where the image is not padding.
    """
    lungs, body = regions.mask(labels[field], "lungs"), tissue_of(voxels[field])
    ends = {"bottom": lungs[..., 0], "top": lungs[..., -1]}
    found = {face for face, plane in ends.items() if plane.mean() > LEAST_SHARE}
    sides = {"left": body[0], "right": body[-1]}
    return found | {face for face, plane in sides.items() if plane.mean() > SIDE_SHARE}


def out_of_view(found: Mapping[str, Quality], cut: Collection[str]) -> dict[str, Quality]:
    """Return as not_in_view what was not found where the image cuts the chest.

    Args:
        found: Qualities by structure.
        cut: Faces, as `cut_faces` returns them.
    """
    out = {}
    for name, quality in found.items():
        faces = [face for face in PLACES.get(name, ()) if face in cut]
        if quality.status == "absent" and faces:
            reason = f"no voxel is labeled, and the image ends within the chest: {faces[0]}"
            out[name] = replace(quality, status="not_in_view", reason=reason)
    return out

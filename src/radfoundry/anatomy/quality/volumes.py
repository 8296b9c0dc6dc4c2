"""How far the pseudo-label of a CT or an MR can be trusted: volume, pieces, sides, borders.

Rules of anatomy, wide enough for infants and for adults with disease: they find labels that cannot
be right, not ones that are a little wrong. A structure that was not found has no measurements: they
are NaN, never 0.
"""

from collections.abc import Mapping, Sequence

import cc3d
import numpy as np
from scipy import ndimage

from radfoundry.anatomy import regions
from radfoundry.anatomy.quality.field_of_view import cut_faces, out_of_view, tissue_of
from radfoundry.anatomy.quality.status import LUNGS, Quality, failed
from radfoundry.volume import Volume

# Plausible volume in cm3, from below a newborn's to above the largest seen in disease. Facts behind
# it: lungs hold 0.25 L at birth, 4 to 6 L of air in adults at full breath (up to 10 L in emphysema)
# and 0.06 to 1.2 kg of tissue and blood. Two kidneys weigh 25 g at birth, 310 g in men, and several
# times that with cysts or tumors; the brain 380 to 1450 g; the heart with its blood 46 to 840 g
# (masses: ICRP Publication 89, 2002). Airways labeled in chest CT: 46 (15) cm3 (MedSyn, 2024).
VOLUMES = {
    "lungs": (80, 12000), "lung_right": (40, 7000), "lung_left": (30, 6500),
    "lung_upper_lobe_right": (8, 3500), "lung_middle_lobe_right": (3, 2000),
    "lung_lower_lobe_right": (8, 3500), "lung_upper_lobe_left": (8, 4000),
    "lung_lower_lobe_left": (8, 3500), "airway": (0.5, 300), "lung_vessel": (0.5, 1000),
    "pleural_space": (1, 7000), "heart": (15, 3000), "aorta": (2, 1500),
    "mediastinum": (10, 5000), "kidney": (8, 6000), "breast": (5, 8000), "brain": (250, 2200),
}  # fmt: skip
LEAST_VOXELS = 8  # fewer than a cube of two have no shape that could be assessed
# The largest connected part holds at least this share. Bronchi thinner than a voxel break off.
WHOLE = dict.fromkeys((*LUNGS, "heart", "brain"), 0.9) | {"airway": 0.5}
WHOLE |= {name: 0.8 for name in VOLUMES if "_lobe_" in name}
# Cut by every chest CT: that they run on beyond the image is no fault.
RUN_ON = ("airway", "aorta", "spine", "rib", "clavicle", "body", "abdomen", "mediastinum")
TOUCHING = 0.01  # cropped: more than this share of the surface lies on the border
OWN_SIDE = 0.6  # of a lung or lobe lies on its side of the body; the rest may herniate
SWAPPED = 1 - OWN_SIDE
SHARED = 0.2  # of the smaller lung's surface touches the other lung only if they are one
LIKE = 6.0  # one lung is at most so many times as large as the other, without fluid to explain it


def assess(
    labels: np.ndarray, structures: Sequence[str], image: Volume, volume_scale: float = 1.0
) -> dict[str, Quality]:
    """Return the quality of each structure of a volume's anatomy map.

    Args:
        labels: Anatomy map (X, Y, Z); x grows to the patient's right, z to the head.
        structures: Regions that the segmenter claims to label. All lobes make up two lungs: what
            is wrong with a lung is wrong with its lobes.
        image: What was labeled, on the same grid: CT in HU, or MR.
        volume_scale: Volume in the image over volume in the patient. What is assessed, and given
            as volume_cm3, is the patient's.

    Raises:
        ValueError: A scale that is not a positive number.
    """
    if not (np.isfinite(volume_scale) and volume_scale > 0):
        raise ValueError(f"volume_scale is {volume_scale}, it must be a positive number")
    voxel_cm3 = abs(float(np.linalg.det(image.affine[:3, :3]))) / 1000 / volume_scale
    field, middle = _field(image.voxels), _middle(image.voxels)
    found: dict[str, Quality] = {}
    for name in (*structures, *_unnamed(structures)):
        mask = regions.mask(labels, name)
        found[name] = _assess_one(name, mask, voxel_cm3, field)
        if found[name].status in ("present", "cropped"):
            found |= _on_its_side(found, name, mask, middle)
    if all(name in found for name in LUNGS):
        found |= _as_a_pair(found, labels)
        found |= _with_their_lung(found)
    found |= _stacked(found, labels)
    found |= out_of_view(found, cut_faces(labels, image.voxels, field))
    return {name: found[name] for name in structures}


def _unnamed(structures: Sequence[str]) -> tuple[str, ...]:
    """Return lungs that are claimed by their lobes alone, if that makes a pair."""
    whole = [name for name in LUNGS if set(regions.LOBES[name]) <= set(structures)]
    unnamed = tuple(name for name in LUNGS if name not in structures)
    return unnamed if set(unnamed) <= set(whole) else ()


def _assess_one(name: str, mask: np.ndarray, voxel_cm3: float, field: tuple[slice, ...]) -> Quality:
    count = int(np.count_nonzero(mask))
    if not count:
        return Quality(name, "absent", "no voxel is labeled")
    volume, (low, high) = count * voxel_cm3, VOLUMES.get(name, (0.0, np.inf))
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    sizes = np.bincount(cc3d.connected_components(mask[box], connectivity=26).ravel())[1:]
    whole, edge = float(sizes.max() / count), _along_border(mask, box, field)
    status, reason = "present", ""
    if volume < low or count < LEAST_VOXELS:
        status, reason = "small", f"{volume:.3g} cm3 is less than any {_spoken(name)}"
    elif volume > high:
        status, reason = "failed", f"{volume:.3g} cm3 is more than any {_spoken(name)}"
    elif whole < WHOLE.get(name, 0.0):
        status, reason = "failed", f"largest of its {len(sizes)} parts holds only {whole:.2f} of it"
    elif edge > TOUCHING and name not in RUN_ON:
        status, reason = "cropped", f"{edge:.2f} of its surface lies on the border of the image"
    return Quality(name, status, reason, float("nan"), whole, edge, volume)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _along_border(mask: np.ndarray, box: tuple[slice, ...], field: tuple[slice, ...]) -> float:
    """Return the share of a mask's surface voxels that lie on, or outside, the field's border."""
    part = mask[box]
    surface = part & ~ndimage.binary_erosion(part)
    inner = np.zeros_like(part)
    inner[
        tuple(
            slice(max(f.start + 1 - b.start, 0), max(f.stop - 1 - b.start, 0))
            for f, b in zip(field, box, strict=True)
        )
    ] = True
    return float(np.count_nonzero(surface & ~inner) / np.count_nonzero(surface))


def _field(voxels: np.ndarray) -> tuple[slice, ...]:
    """Return where the image is not padding: the box without outer slices of one single value."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        shown = np.flatnonzero(voxels.max(others) > voxels.min(others))
        ends = (shown[0], shown[-1] + 1) if len(shown) else (0, voxels.shape[axis])
        box.append(slice(int(ends[0]), int(ends[1])))
    return tuple(box)


def _middle(voxels: np.ndarray) -> float:
    """Return the x index of the body's middle: of tissue in CT, of signal in MR."""
    tissue = np.count_nonzero(tissue_of(voxels), axis=(1, 2))
    return float(np.average(np.arange(len(tissue)), weights=tissue if tissue.any() else None))


def _on_its_side(
    found: Mapping[str, Quality], name: str, mask: np.ndarray, middle: float
) -> dict[str, Quality]:
    """Return a lung's or lobe's quality as failed if it is not on its side of the body."""
    side = name.rsplit("_", 1)[-1]
    if not name.startswith("lung") or side not in ("right", "left"):
        return {}
    across = np.count_nonzero(mask, axis=(1, 2))
    right = float(across[np.arange(len(across)) > middle].sum() / across.sum())
    own = right if side == "right" else 1 - right
    if own < SWAPPED:
        return failed(found, [name], f"only {own:.2f} of it lies on the patient's {side}")
    if own < OWN_SIDE:
        return failed(found, [name], f"{1 - own:.2f} of it lies on the other side: lungs merged")
    return {}


def _as_a_pair(found: Mapping[str, Quality], labels: np.ndarray) -> dict[str, Quality]:
    """Return the qualities of two lungs once they are compared with each other."""
    right, left = (regions.mask(labels, name) for name in LUNGS)
    if not right.any() and not left.any():
        return {name: Quality(name, "failed", "neither lung was found") for name in LUNGS}
    if any(found[name].status in ("absent", "small", "failed") for name in LUNGS):
        return {}
    sizes = {name: found[name].volume_cm3 for name in LUNGS}
    small = min(sizes, key=lambda name: sizes[name])
    ratio = max(sizes.values()) / sizes[small]
    if _touching(right, left) > SHARED:
        return failed(found, LUNGS, "the lungs run into each other: lungs merged")
    if ratio > LIKE and not regions.mask(labels, "pleural_space").any():
        return failed(found, (small,), f"the other lung is {ratio:.1f} times as large")
    return {}


def _with_their_lung(found: Mapping[str, Quality]) -> dict[str, Quality]:
    """Return the lobes of failed lungs as failed for the same reason, or for their own."""
    out: dict[str, Quality] = {}
    for lung in (name for name in LUNGS if found[name].status == "failed"):
        lobes = [name for name in regions.LOBES[lung] if name in found]
        sound = [name for name in lobes if found[name].status != "failed"]
        out |= failed(found, sound, found[lung].reason)
    return out


def _touching(right: np.ndarray, left: np.ndarray) -> float:
    """Return the share of the smaller lung's surface next to the other lung."""
    small, other = sorted((right, left), key=np.count_nonzero)
    surface = small & ~ndimage.binary_erosion(small)
    return float((surface & ndimage.binary_dilation(other)).sum() / surface.sum())


def _stacked(found: Mapping[str, Quality], labels: np.ndarray) -> dict[str, Quality]:
    """Return the lobes of a lung as failed where the upper one lies below the lower one."""
    out: dict[str, Quality] = {}
    for side in ("right", "left"):
        pair = [f"lung_{level}_lobe_{side}" for level in ("upper", "lower")]
        if all(name in found and found[name].status in ("present", "cropped") for name in pair):
            upper, lower = (np.nonzero(regions.mask(labels, name))[2].mean() for name in pair)
            if upper <= lower:
                out |= failed(found, pair, "the upper lobe lies below the lower lobe")
    return out

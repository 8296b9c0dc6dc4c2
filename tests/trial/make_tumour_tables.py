"""Write the table, images, masks and config of the trial of tumours: real slices of brain MR.

Usage: make_tumour_tables.py DATA FOLDER [COUNT]. DATA holds the collections; FOLDER gets
config.yaml, tables/ and slices/, every slice as a volume of one plane with its maps. COUNT takes
about so many slices, of each split its share, the same in every run.

The collection's `patient` is a run of neighboring slices, and two runs may be one patient; its
`split` has gaps between its parts, so that no patient lies in two. So the table says the split.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import disk

from radfoundry.anatomy import regions

COLLECTION = "mr_brain_tumour_2d"
COLUMNS = ("image", "patient", "split")
SPLITS = ("train", "tune", "test")
# 0.49 mm at 512 pixels, and 6 mm; both from the paper's description, not from the files, which are
# stored with rows across the head. Which plane a slice is nobody says: all are called axial here.
AFFINE = np.diag([-0.98, -0.98, 6.0, 1.0])
LIKE_BRAIN = (0.6, 1.9)  # in parts of the median in the middle of the head: beyond are bone and fat
MIDDLE = 0.4  # of the greatest depth
BRIDGES = 4  # pixels: what ties a brain to scalp and muscle is thinner than twice this


def stop_at(faults: Sequence[str], most: int = 5) -> None:
    """Stop with the first of all faults, if there are any."""
    if faults:
        more = f"; and {len(faults) - most} more" if len(faults) > most else ""
        raise SystemExit(f"the trial of tumours: {'; '.join(faults[:most])}{more}")


def listed(collection: Path) -> pd.DataFrame:
    """Return the collection's rows; stop where a file, a column or a value is not as it must be."""
    cases = collection / "cases.csv"
    stop_at([] if cases.is_file() else [f"there is no {cases}"])
    rows = pd.read_csv(cases, dtype=str).fillna("")
    stop_at([f"{cases.name} has no column {name!r}" for name in COLUMNS if name not in rows])
    allowed = ", ".join(SPLITS)
    wrong = rows[~rows["split"].isin(SPLITS)]
    faults = [f"{row.image}: split {row.split!r}; allowed: {allowed}" for row in wrong.itertuples()]
    parts = rows.groupby("patient")["split"].nunique()
    faults += [
        f"patient {name} lies in {n} splits; allowed: one" for name, n in parts.items() if n > 1
    ]
    paths = [f"{kind}/{one}.png" for one in rows["image"] for kind in ("images", "masks")]
    stop_at(faults + [f"there is no {path}" for path in paths if not (collection / path).is_file()])
    return rows


def some(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return about `count` rows, of each split its share, the same in every run."""
    share = min(1.0, count / len(rows))
    return rows.groupby("split").sample(frac=share, random_state=1).sort_index()


def brain(picture: np.ndarray) -> np.ndarray:
    """Return roughly where the brain lies, by gray levels alone; nobody outlined it.

    It tells a tumour where it may grow. Where the skull is cut low, in coronal and sagittal slices
    above all, muscle and face may be taken along.

    Args:
        picture: (rows, columns) gray levels.

    Returns:
        Booleans of that shape; the largest part that is as bright as the middle of the head.
    """
    smooth = ndimage.gaussian_filter(picture.astype(float), 1)
    head = ndimage.binary_fill_holes(_largest(smooth > threshold_otsu(smooth) / 3))
    depth = ndimage.distance_transform_edt(np.pad(head, 1))[1:-1, 1:-1]
    low, high = np.median(smooth[depth >= MIDDLE * depth.max()]) * np.array(LIKE_BRAIN)
    inside = ndimage.binary_erosion(head & (smooth > low) & (smooth < high), disk(BRIDGES))
    grown = ndimage.binary_dilation(_largest(inside), disk(BRIDGES + 1)) & head
    return ndimage.binary_fill_holes(ndimage.binary_opening(grown, disk(BRIDGES + 2)))


def _largest(mask: np.ndarray) -> np.ndarray:
    parts, count = ndimage.label(mask)
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]) if count else mask


def stored(collection: Path, name: str, folder: Path) -> list[str]:
    """Write a slice and its maps into a folder; return what is wrong with them, mostly nothing."""
    picture, outlined = (
        np.asarray(Image.open(collection / kind / f"{name}.png").convert("L"))
        for kind in ("images", "masks")
    )
    if picture.shape != outlined.shape:
        return [f"{name}: image {picture.shape}, mask {outlined.shape}; allowed: one shape"]
    if not outlined.any():
        return [f"{name}: its mask is empty; allowed: a tumour in every slice"]
    tumour = outlined > 0
    maps = {
        "image": picture,
        "masks/anatomy": (brain(picture) | tumour) * regions.label_id("brain"),
        "masks/findings": tumour * regions.label_id("tumour_core"),
    }
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    for path, values in maps.items():
        plane = nibabel.Nifti1Image(values.astype(np.uint8)[..., None], AFFINE)
        nibabel.save(plane, folder / f"{path}.nii.gz")
    return []


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the table of cases, its paths as seen from the folder."""
    made = rows[["patient", "split"]].assign(case=rows["image"], findings="tumour_core")
    return made.assign(
        image="slices/" + rows["image"] + "/image.nii.gz",
        labels="slices/" + rows["image"] + "/masks",
    )


def main(data: Path, folder: Path, count: int | None = None) -> None:
    """Write table, images, masks and config."""
    rows = listed(data / COLLECTION)
    rows = rows if count is None else some(rows, count)
    names = rows["image"]
    stop_at(
        [one for name in names for one in stored(data / COLLECTION, name, folder / "slices" / name)]
    )
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    table(rows).to_csv(folder / "tables/slices.tsv", sep="\t", index=False)
    (folder / "config.yaml").write_text(Path(__file__).with_name("tumours.yaml").read_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))

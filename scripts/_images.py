"""How a script reads and writes the image and the label maps of one case."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radfoundry import volume
from radfoundry.anatomy.chest_ct import findings as marking
from radfoundry.case import Case


def checked_volume(path: Path, digest: str) -> volume.Volume:
    """Read a file and refuse it when it is not the one that its table names."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is named in its table and gone; rerun the rule that made it"
        )
    content = path.read_bytes()  # once, for the digest and for the voxels
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{path} is not the file that its table names (sha256 differs)")
    return volume.unpacked(content, path)


def given(folder: Path, row, what: str, image: volume.Volume) -> np.ndarray:
    """Return the truth that came with a case, or zeros where none came."""
    if not row[f"{what}_sha256"]:
        return np.zeros(image.voxels.shape, np.uint8)
    return checked_volume(folder / f"{what}.nii.gz", row[f"{what}_sha256"]).voxels


def labeled(label, case: str, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the maps of a case with what a segmenter marked in place of what came along.

    Marks of a radiograph hold what its readers marked; those of a volume are laid under it.
    """
    folder = Path(label["folder"])
    anatomy, findings = checked_volume(folder / f"{case}.nii.gz", label["sha256"]).voxels, maps[1]
    if label["findings_sha256"]:
        path = folder / f"{case}.findings.nii.gz"
        marks = checked_volume(path, label["findings_sha256"]).voxels
        flat = marks.shape[1] == 1
        findings = marks if flat else marking.laid_over(findings, marks)
    return [anatomy, findings]


def drawn_cases(samples: pd.DataFrame) -> Iterator[Case]:
    """Yield drawn samples, each with the row of the samples table as its facts."""
    for row in samples.to_dict("records"):
        folder = Path(row["folder"])
        parts = {
            what: checked_volume(folder / f"{what}.nii.gz", row[f"{what}_sha256"])
            for what in ("image", "anatomy", "findings")
        }
        maps = parts["anatomy"].voxels, parts["findings"].voxels
        yield Case(row["sample"], parts["image"], *maps, row)


def store(case: Case, folder: Path) -> dict[str, str]:
    """Write a case's image and maps into a folder; return their sha256 by column name."""
    parts = {"image": case.image.voxels, "anatomy": case.anatomy, "findings": case.findings}
    return {
        f"{what}_sha256": volume.write(case.image.holding(voxels), folder / f"{what}.nii.gz")
        for what, voxels in parts.items()
        if voxels is not None
    }


def shipped(files: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """Write files into a folder that is handed on; return the sha256 of each by its name."""
    for name, content in files.items():
        volume.write_bytes(content, folder / name)
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
